"""MIDA, TJM, mSDA, SCL and feature augmentation against independent dense implementations."""

import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel

from headstart.strategies.feature.feature_augmentation import FeatureAugmentation
from headstart.strategies.feature.mida import MIDA
from headstart.strategies.feature.msda import MSDA
from headstart.strategies.feature.scl import SCL
from headstart.strategies.feature.tjm import TJM
from headstart.testing.alignment_checks import planted


def _pair():
    source, y, target, _ = planted()
    return source / 5, y, target / 5, np.concatenate([source, target]) / 5


def _kernel(name, rows):
    return rbf_kernel(rows, gamma=0.8) if name == "rbf" else rows @ rows.T


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("label_weight", [0.0, 0.5])
def test_mida_reaches_the_optimum_of_the_dense_problem(kernel, label_weight):
    source, y, target, rows = _pair()
    n, k = len(rows), 3
    K, H = _kernel(kernel, rows), np.eye(n) - 1 / n
    D = np.zeros((n, 2))
    D[: len(source), 0] = D[len(source) :, 1] = 1
    Y = np.zeros((n, 3))
    Y[np.arange(len(source)), y] = 1
    gain = K @ H @ (2.0 * np.eye(n) + label_weight * Y @ Y.T - D @ D.T) @ H @ K
    best = eigh((gain + gain.T) / 2, eigvals_only=True)[::-1][:k].sum()
    settings = {"variance": 2.0, "label_weight": label_weight, "kernel": kernel, "gamma": 0.8}
    found = MIDA(k, **settings).fit(source, target, y_source=y)
    W = np.linalg.pinv(K, rcond=1e-10, hermitian=True) @ found.transform_source(rows)
    W /= np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(W.T @ W, np.eye(k), atol=1e-6)
    assert np.trace(W.T @ gain @ W) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_tjm_is_the_dense_iteration_over_the_weights_of_the_rows(kernel):
    source, _, target, rows = _pair()
    n, k = len(source), 2
    K = _kernel(kernel, rows)
    e = np.concatenate([np.full(n, 1 / n), np.full(len(target), -1 / len(target))])
    M = np.outer(e, e) / (e @ e)
    centred = K - K.mean(axis=0)
    slopes = np.ones(len(K))
    for _ in range(6):
        gains, vectors = eigh(centred.T @ centred, K @ M @ K + 0.5 * np.diag(slopes))
        W = vectors[:, ::-1][:, :k] / np.sqrt(gains[::-1][:k])
        lengths = np.linalg.norm(W, axis=1)
        slopes[:n] = 0.5 / np.sqrt(lengths[:n] ** 2 + 1e-8 * np.mean(lengths**2))
    found = TJM(k, regularization=0.5, kernel=kernel, gamma=0.8, n_rounds=6).fit(source, target)
    np.testing.assert_allclose(found.lengths_, lengths, atol=1e-5 * lengths.max())
    image, expected = found.transform_source(rows), K @ W
    factor = image.std() / expected.std()
    signs = np.sign((image * expected).sum(axis=0))
    np.testing.assert_allclose(image, factor * signs * expected, atol=1e-5)


@pytest.mark.parametrize(
    "method", [MIDA(2, kernel="rbf", gamma=0.8), TJM(2, kernel="rbf", gamma=0.8, regularization=0.5, n_rounds=3)]
)
def test_the_fast_solver_strays_less_with_more_landmarks(method):
    source, _, target, rows = _pair()

    def plane(n_landmarks, seed=0):
        model = clone(method).set_params(n_landmarks=n_landmarks, random_state=seed)
        image = model.fit(source, target).transform_source(rows)
        axes = np.linalg.qr(image - image.mean(axis=0))[0]
        return axes @ axes.T

    exact = plane(len(rows))
    sizes = (4, len(rows) // 4, len(rows) - 5)
    gaps = [np.mean([np.linalg.norm(plane(n, seed) - exact) for seed in range(6)]) for n in sizes]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 0.05


def test_tjm_lets_source_rows_go_and_no_target_rows():
    source, _, target, _ = _pair()
    lengths = TJM(2, regularization=1.0, n_rounds=30).fit(source, target).lengths_
    assert np.mean(lengths[: len(source)] < 1e-3 * lengths.max()) > 0.2
    assert np.mean(lengths[len(source) :] < 1e-3 * lengths.max()) < 0.1


def test_msda_is_the_least_squares_over_many_corruptions():
    source, _, target, rows = _pair()
    found = MSDA(2, corruption=0.3, ridge=0.0).fit(source, target)
    rng = np.random.default_rng(0)
    copies = np.tile(rows, (4000, 1))
    lost = np.where(rng.random(copies.shape) < 0.3, 0.0, copies)
    weights = np.linalg.lstsq(np.c_[lost, np.ones(len(lost))], copies, rcond=None)[0]
    np.testing.assert_allclose(found.layers_[0], weights, atol=0.02)
    hidden = np.tanh(np.c_[rows, np.ones(len(rows))] @ found.layers_[0])
    np.testing.assert_allclose(found.transform_source(rows)[:, 6:12], hidden, atol=1e-12)
    assert found.transform_target(rows).shape == (len(rows), 18)


def test_nothing_lost_is_rebuilt_exactly():
    source, _, target, _ = _pair()
    found = MSDA(1, corruption=0.0, ridge=0.0).fit(source, target)
    np.testing.assert_allclose(found.layers_[0], np.r_[np.eye(6), np.zeros((1, 6))], atol=1e-8)


def test_scl_is_ridge_regression_and_its_singular_vectors():
    source, _, target, rows = _pair()
    found = SCL(2, n_pivots=3, ridge=0.2).fit(source, target)
    squares = np.minimum(np.square(source).mean(axis=0), np.square(target).mean(axis=0))
    pivots = np.sort(np.argsort(-squares)[:3])
    rest = np.array([j for j in range(6) if j not in pivots])
    assert np.array_equal(found.pivots_, pivots)
    level = np.square(rows - rows.mean(axis=0)).sum() / 6
    predictors = np.stack([Ridge(0.2 * level).fit(rows[:, rest], rows[:, j]).coef_ for j in pivots], axis=1)
    directions = np.linalg.svd(predictors)[0][:, :2]
    image = found.transform_source(rows)
    assert np.array_equal(image[:, :6], rows)
    expected = (rows[:, rest] - rows[:, rest].mean(axis=0)) @ directions
    signs = np.sign((image[:, 6:] * expected).sum(axis=0))
    factor = np.sqrt(rows.var(axis=0).mean() / expected.var(axis=0).mean())
    np.testing.assert_allclose(image[:, 6:], factor * signs * expected, atol=1e-8)


def test_feature_augmentation_is_the_kernel_of_the_paper():
    source, _, target, _ = _pair()
    found = FeatureAugmentation().fit(source, target)
    first, second = found.transform_source(source), found.transform_target(target)
    np.testing.assert_allclose(first @ first.T, 2 * source @ source.T)
    np.testing.assert_allclose(first @ second.T, source @ target.T)
    np.testing.assert_allclose(second @ second.T, 2 * target @ target.T)


def test_feature_augmentation_keeps_sparse_rows_sparse():
    from scipy.sparse import csr_array, issparse

    source, _, target, _ = _pair()
    found = FeatureAugmentation().fit(csr_array(source), csr_array(target))
    image = found.transform_target(csr_array(target))
    assert issparse(image)
    np.testing.assert_array_equal(image.toarray(), found.transform_target(target))


def test_pred_tells_what_models_of_other_rows_say():
    from sklearn.neighbors import KNeighborsClassifier

    from headstart.strategies.feature.pred import PRED

    source, y, target, _ = _pair()
    rng = np.random.default_rng(0)
    nonsense = rng.integers(0, 3, len(y))  # labels that can be remembered and not be learnt
    nonsense[:3] = [0, 1, 2]
    found = PRED(KNeighborsClassifier(1))
    image = found.fit_transform_source(source, target, y_source=nonsense)
    remembered = found.transform_source(source)
    assert np.array_equal(remembered[:, 6:].argmax(axis=1), nonsense)
    assert np.mean(image[:, 6:].argmax(axis=1) == nonsense) < 0.7
    expected = KNeighborsClassifier(1).fit(source, nonsense).predict_proba(target)
    np.testing.assert_array_equal(found.transform_target(target), np.c_[target, expected])
