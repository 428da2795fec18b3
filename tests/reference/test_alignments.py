"""Alignments against independent dense implementations in as many unknowns as there are rows."""

import numpy as np
import pytest
from scipy.linalg import block_diag, eigh, sqrtm
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.neighbors import KNeighborsClassifier

from headstart.strategies.feature.bda import BDA
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.gfk import GFK
from headstart.strategies.feature.jda import JDA
from headstart.strategies.feature.linear_monge import LinearMonge
from headstart.strategies.feature.standardise import Standardise
from headstart.strategies.feature.subspace_alignment import SubspaceAlignment
from headstart.strategies.feature.tca import TCA


def _domains(seed=0, n=70, m=50, d=9):
    rng = np.random.default_rng(seed)
    centres = 1.5 * rng.standard_normal((3, d))
    y, z = rng.integers(0, 3, n), rng.integers(0, 3, m)
    y[:3] = z[:3] = [0, 1, 2]
    source = centres[y] + rng.standard_normal((n, d))
    target = (centres[z] + rng.standard_normal((m, d))) @ (np.eye(d) + 0.2 * rng.standard_normal((d, d))) + 0.7
    return source / 4, y, target / 4, z


def _mmd(n, m, y=None, z=None, balance=0.5):
    """The MMD matrix row by row, of Frobenius norm 1."""
    e = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    matrix = np.outer(e, e)
    if z is not None:
        matrix *= 1 - balance
        shared = [c for c in np.unique(y) if np.any(z == c)]
        for c in shared:
            e = np.concatenate([(y == c) / np.sum(y == c), (z == c) / -np.sum(z == c)])
            matrix += balance / len(shared) * np.outer(e, e)
    return matrix / np.linalg.norm(matrix)


def _kernel(name, rows, gamma):
    if name == "rbf":
        return rbf_kernel(rows, gamma=gamma)
    return polynomial_kernel(rows, degree=3, gamma=gamma, coef0=1) if name == "polynomial" else rows @ rows.T


def _least(K, cost, k, spread=None):
    """The least tr(W' cost W) under W' K H K W = I, by the problem in all n unknowns."""
    n = len(K)
    centred = K - K.mean(axis=0)
    spread = centred.T @ centred if spread is None else spread
    gains = eigh(spread, cost, eigvals_only=True)[::-1]
    return float(np.sum(1 / gains[:k])), n


def _dual(alignment, K, rows):
    """W (n, k) of least length with the images of the fitted rows, and these centred; its W' K H K W has ones."""
    image = np.asarray(alignment.transform_source(rows), dtype=np.float64)
    weights = np.linalg.pinv(K, rcond=1e-9, hermitian=True) @ image
    centred = K @ weights - (K @ weights).mean(axis=0)
    return weights / np.linalg.norm(centred, axis=0), centred / np.linalg.norm(centred, axis=0)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "polynomial"])
@pytest.mark.parametrize("scaling", ["length", "variance"])
def test_tca_reaches_the_optimum_of_the_dense_problem(kernel, scaling):
    source, _, target, _ = _domains()
    rows, k = np.concatenate([source, target]), 5
    K, L = _kernel(kernel, rows, 0.3), _mmd(len(source), len(target))
    cost = K @ L @ K + 0.7 * np.eye(len(K))
    best, _ = _least(K, cost, k)
    found = TCA(k, regularization=0.7, kernel=kernel, gamma=0.3, scaling=scaling).fit(source, target)
    W, centred = _dual(found, K, rows)
    np.testing.assert_allclose(centred.T @ centred, np.eye(k), atol=1e-6)
    assert np.trace(W.T @ cost @ W) == pytest.approx(best, rel=1e-6)


def test_the_penalty_on_weights_is_the_problem_in_the_columns():
    source, _, target, _ = _domains()
    rows, k = np.concatenate([source, target]), 4
    cost = rows.T @ _mmd(len(source), len(target)) @ rows + 0.3 * np.eye(rows.shape[1])
    centred = rows - rows.mean(axis=0)
    gains, vectors = eigh(centred.T @ centred, cost)
    vectors = vectors[:, ::-1][:, :k]
    expected = rows @ (vectors / np.linalg.norm(vectors, axis=0))
    image = TCA(k, regularization=0.3, penalty="weights").fit(source, target).transform_source(rows)
    signs = np.sign((expected * image).sum(axis=0))
    factor = image.std(axis=0) / expected.std(axis=0)
    np.testing.assert_allclose(factor, factor[0], rtol=1e-8)
    np.testing.assert_allclose(image, factor * expected * signs, atol=1e-8)
    assert image.var(axis=0).mean() == pytest.approx(1)


@pytest.mark.parametrize("label_share", [0.4, 1.0])
def test_semi_supervised_tca_reaches_the_optimum_of_the_dense_problem(label_share):
    source, y, target, _ = _domains()
    rows, k, n = np.concatenate([source, target]), 2, len(source)
    K = _kernel("rbf", rows, 0.3)
    same = np.zeros((len(K), len(K)))
    same[:n, :n] = y[:, None] == y
    H = np.eye(len(K)) - 1 / len(K)
    spread = K @ H @ (label_share * same + (1 - label_share) * np.eye(len(K))) @ H @ K
    cost = K @ (_mmd(n, len(target)) + 2.0 / len(K) ** 2 * _laplacian(rows, 4)) @ K + 0.7 * np.eye(len(K))
    best, _ = _least(K, cost, k, spread)
    settings = {"kernel": "rbf", "gamma": 0.3, "regularization": 0.7, "n_neighbours": 4}
    found = TCA(k, label_share=label_share, manifold=2.0, **settings).fit(source, target, y_source=y)
    W, _ = _dual(found, K, rows)
    W = W / np.sqrt(np.einsum("ij,ij->j", W, spread @ W))
    assert np.trace(W.T @ cost @ W) == pytest.approx(best, rel=1e-6)


def _laplacian(rows, k):
    """I - D^-1/2 W D^-1/2 row by row."""
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    W = np.zeros_like(cosines)
    for i, row in enumerate(cosines):
        near = [j for j in np.argsort(-row) if j != i][:k]
        W[i, near] = np.maximum(row[near], 0)
    W = np.maximum(W, W.T)
    D = W.sum(axis=1)
    return np.eye(len(W)) - W / np.sqrt(np.outer(D, D))


@pytest.mark.parametrize(("method", "balance"), [(JDA, 0.5), (BDA, 0.2)])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_joint_methods_reach_the_optimum_for_their_last_guess(method, balance, kernel):
    source, y, target, _ = _domains()
    rows, k = np.concatenate([source, target]), 4
    K = _kernel(kernel, rows, 0.3)
    settings = {"regularization": 1.0} | ({} if method is JDA else {"balance": balance})
    guesses = []

    class Watched(KNeighborsClassifier):
        def predict(self, X):
            guesses.append(super().predict(X))
            return guesses[-1]

    found = method(k, kernel=kernel, gamma=0.3, n_rounds=3, classifier=Watched(1), **settings)
    found.fit(source, target, y_source=y)
    guess = np.full(len(target), -1) if len(guesses) < 2 else guesses[-2]
    L = _mmd(len(source), len(target), y, guess, balance)
    cost = K @ L @ K + np.eye(len(K))
    best, _ = _least(K, cost, k)
    W, _ = _dual(found, K, rows)
    assert len(guesses) >= 2
    assert np.trace(W.T @ cost @ W) == pytest.approx(best, rel=1e-6)
    assert np.array_equal(found.target_labels_, guesses[-1])


def test_fewer_rows_than_columns_leave_a_component_less():
    source, y, target, _ = _domains(n=25, m=25, d=60)
    found = JDA(n_rounds=3).fit(source, target, y_source=y)
    assert found.transform_target(target).shape == (25, 49)  # centred rows have a rank of one less


def test_blocks_of_target_rows_change_no_guess(monkeypatch):
    import headstart.strategies.feature._kernel_map as kernel_map

    source, y, target, _ = _domains()
    whole = JDA(4, n_rounds=3).fit(source, target, y_source=y)
    monkeypatch.setattr(kernel_map, "BLOCK_ROWS", 7)
    blocks = JDA(4, n_rounds=3).fit(source, target, y_source=y)
    assert np.array_equal(whole.target_labels_, blocks.target_labels_)
    np.testing.assert_allclose(blocks.transform_source(source), whole.transform_source(source), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", [JDA, BDA])
@pytest.mark.parametrize("approximation", ["nystrom", "fourier"])
def test_joint_methods_stray_less_with_more_landmarks(method, approximation):
    source, y, target, z = _domains(n=160, m=140)
    rows, settings = (
        np.concatenate([source, target]),
        {"kernel": "rbf", "gamma": 0.3, "n_rounds": 2, "regularization": 1.0},
    )
    settings |= {} if method is JDA else {"balance": 0.5}

    class Known(KNeighborsClassifier):
        """The target's classes as they are: what strays is the solver alone."""

        def predict(self, X):
            return z

    def plane(**more):
        found = method(2, classifier=Known(), approximation=approximation, **settings, **more)
        image = found.fit(source, target, y_source=y).transform_source(rows)
        axes = np.linalg.qr(image - image.mean(axis=0))[0]
        return axes @ axes.T

    exact = plane(n_landmarks=300)
    gaps = [
        np.mean([np.linalg.norm(plane(n_landmarks=n, random_state=seed) - exact) for seed in range(6)])
        for n in (6, 40, 290)
    ]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < (1e-2 if approximation == "nystrom" else 0.6 * gaps[1])


def test_lanczos_finds_what_the_whole_decomposition_finds():
    source, _, target, _ = _domains(n=150, m=120)
    kernel = {"kernel": "rbf", "gamma": 0.3}
    dense = TCA(5, solver="dense", **kernel).fit(source, target).transform_target(target)
    lanczos = TCA(5, solver="lanczos", **kernel).fit(source, target).transform_target(target)
    np.testing.assert_allclose(np.abs(dense), np.abs(lanczos), atol=1e-6)


@pytest.mark.parametrize("approximation", ["nystrom", "fourier"])
def test_the_fast_solver_strays_less_with_more_landmarks(approximation):
    source, _, target, _ = _domains(n=160, m=140)
    rows, k = np.concatenate([source, target]), 2
    settings = {"kernel": "rbf", "gamma": 0.3, "approximation": approximation}

    def plane(**more):
        image = TCA(k, **settings, **more).fit(source, target).transform_source(rows)
        axes = np.linalg.qr(image - image.mean(axis=0))[0]
        return axes @ axes.T  # the projection onto the components over all rows

    exact = plane(n_landmarks=300)
    gaps = [
        np.mean([np.linalg.norm(plane(n_landmarks=n, random_state=seed) - exact) for seed in range(6)])
        for n in (6, 40, 290)
    ]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    if approximation == "nystrom":
        assert gaps[2] < 1e-3
    else:
        assert gaps[2] < 0.6 * gaps[1]  # one over the root of the number of features


def test_random_features_are_the_kernel_within_their_noise():
    from headstart.strategies._mathematics.fourier import RandomFourier
    from headstart.strategies._mathematics.kernels import Kernel

    rows = _domains()[0][:30]
    features = RandomFourier.of(Kernel("rbf", 0.3), rows.shape[1], 40_000)(rows)
    np.testing.assert_allclose(features @ features.T, rbf_kernel(rows, gamma=0.3), atol=5 / np.sqrt(20_000))


def test_coral_gives_the_source_the_moments_of_the_target():
    source, _, target, _ = _domains()
    moved = Coral(0.0).fit(source, target).transform_source(source)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(target.T), atol=1e-10)
    np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), atol=1e-10)
    scaled = source / source.std(axis=0, ddof=1), target / target.std(axis=0, ddof=1)
    first, second = (np.cov(rows.T) + np.eye(9) for rows in scaled)
    expected = scaled[0] @ np.linalg.inv(sqrtm(first)) @ sqrtm(second)
    published = Coral(1.0, align_means=False).fit(*scaled).transform_source(scaled[0])
    np.testing.assert_allclose(published, expected.real, atol=1e-8)


def test_the_linear_monge_map_is_the_cheapest_that_moves_the_moments():
    source, _, target, _ = _domains()
    found = LinearMonge(0.0).fit(source, target)
    moved = found.transform_source(source)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(target.T), atol=1e-10)
    first, second = np.cov(source.T), np.cov(target.T)
    root = sqrtm(first).real
    bures = np.trace(first + second - 2 * sqrtm(root @ second @ root).real)
    gap = np.square(source.mean(axis=0) - target.mean(axis=0)).sum()
    cost = np.square(moved - source).sum() / (len(source) - 1)
    mean_part = gap * len(source) / (len(source) - 1)
    assert cost - mean_part == pytest.approx(bures, rel=1e-9)
    np.testing.assert_allclose(found.coef_, found.coef_.T, atol=1e-10)  # the gradient of a convex function
    assert np.linalg.eigvalsh(found.coef_).min() > 0


def test_subspace_alignment_minimises_the_distance_of_the_axes():
    source, _, target, _ = _domains()
    first, second = (np.linalg.svd(rows - rows.mean(axis=0))[2][:3].T for rows in (source, target))
    turn = np.linalg.lstsq(first, second, rcond=None)[0]  # the least |first turn - second|
    expected = (source - source.mean(axis=0)) @ first @ turn
    found = SubspaceAlignment(3).fit(source, target)
    signs = np.sign(np.diag(found.target_axes_.T @ second))
    np.testing.assert_allclose(found.transform_source(source) * signs, expected, atol=1e-9)
    np.testing.assert_allclose(
        found.transform_target(target) * signs, (target - target.mean(axis=0)) @ second, atol=1e-9
    )


@pytest.mark.parametrize("k", [1, 3, 6])
def test_gfk_is_the_integral_along_the_geodesic(k):
    source, _, target, _ = _domains()
    first, second = (np.linalg.svd(rows - rows.mean(axis=0))[2][:k].T for rows in (source, target))
    # the geodesic through the exponential of the generator that turns one subspace into the other
    left, cosines, right = np.linalg.svd(first.T @ second)
    start, end = first @ left, second @ right.T
    angles = np.arccos(np.clip(cosines, -1, 1))
    normals = np.stack([(end[:, i] - start[:, i] * cosines[i]) for i in range(k)], axis=1)
    lengths = np.linalg.norm(normals, axis=0)
    normals = normals / np.where(lengths > 1e-10, lengths, 1) * (lengths > 1e-10)
    times, weights = np.polynomial.legendre.leggauss(40)
    expected = np.zeros((9, 9))
    for time, weight in zip((times + 1) / 2, weights / 2, strict=True):
        subspace = start * np.cos(time * angles) + normals * np.sin(time * angles)
        np.testing.assert_allclose(subspace.T @ subspace, np.eye(k), atol=1e-8)
        expected += weight * subspace @ subspace.T
    found = GFK(k).fit(source, target).coef_
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-9)


def test_standardise_gives_each_domain_mean_0_and_variance_1():
    source, _, target, _ = _domains()
    found = Standardise(ddof=1).fit(source, target)
    for rows, image in ((source, found.transform_source(source)), (target, found.transform_target(target))):
        np.testing.assert_allclose(image, (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1), atol=1e-12)
    onto = Standardise(to_source=True).fit(source, target).transform_target(target)
    np.testing.assert_allclose(onto.mean(axis=0), source.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(onto.std(axis=0), source.std(axis=0), atol=1e-12)


def test_the_blocks_do_not_change_the_sums():
    from headstart.strategies._mathematics.mmd_matrix import ClassSums, joint_gap

    source, y, target, z = _domains()
    z = np.where(z == 2, -1, z)
    G = np.concatenate([source, target])
    gaps = joint_gap(ClassSums.of(source, y, 3), ClassSums.of(target, z, 3), balance=0.3)
    L = _mmd(len(source), len(target), y, z, 0.3)
    np.testing.assert_allclose(gaps.T @ gaps, G.T @ L @ G, atol=1e-12)
    assert block_diag(gaps).shape == (3, 9)
