"""EasyTL against its linear program, MEDA against its closed form in as many unknowns as rows."""

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier

from headstart.strategies._mathematics.covering_assignment import covering_assignment, covering_prices
from headstart.strategies.feature.easytl import EasyTL
from headstart.strategies.feature.meda import MEDA
from headstart.testing.alignment_checks import planted


def _program(costs):
    """The least total of the paper's linear program over (n, n_classes) costs."""
    n, n_classes = costs.shape
    each_row = np.kron(np.eye(n), np.ones(n_classes))
    each_class = np.kron(np.ones(n), np.eye(n_classes))
    return linprog(costs.ravel(), A_ub=-each_class, b_ub=-np.ones(n_classes), A_eq=each_row, b_eq=np.ones(n)).fun


@pytest.mark.parametrize("seed", range(12))
def test_the_assignment_is_the_optimum_of_the_linear_program(seed):
    rng = np.random.default_rng(seed)
    costs = rng.random((8, 6)) + 2 * rng.random(6)  # some classes are far from every row
    found = covering_assignment(costs)
    assert set(found) == set(range(6))
    assert costs[np.arange(8), found].sum() == pytest.approx(_program(costs), rel=1e-9)
    prices = covering_prices(costs, found)
    assert np.array_equal((costs - prices).argmin(axis=1), found)
    assert (prices >= 0).all()


def test_easytl_assigns_as_the_linear_program_does():
    source, y, target, _ = planted()
    target = target[:7] + 4
    found = EasyTL(alignment=None).fit(source, y, X_target=target)
    centres = np.stack([source[y == c].mean(axis=0) for c in range(3)])
    costs = np.linalg.norm(target[:, None] - centres, axis=2)
    labels = found.predict(target)
    assert costs[np.arange(7), labels].sum() == pytest.approx(_program(costs), rel=1e-9)
    assert np.array_equal(labels, found.target_labels_)


def test_meda_is_its_closed_form():
    source, y, target, _ = planted()
    settings = {"ridge": 0.2, "agreement": 3.0, "smoothness": 0.5, "n_neighbours": 4, "balance": 0.3, "gamma": 0.8}
    model = MEDA(2, n_rounds=1, classifier=KNeighborsClassifier(1), **settings).fit(source, y, X_target=target)
    rows = np.concatenate([source, target]) @ model.flow_
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    n, m = len(source), len(target)
    guess = KNeighborsClassifier(1).fit(rows[:n], y).predict(rows[n:])
    e = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    M = 0.7 * np.outer(e, e)
    for c in range(3):
        e = np.concatenate([(y == c) / np.sum(y == c), (guess == c) / -np.sum(guess == c)])
        M += 0.3 / 3 * np.outer(e, e)
    M /= np.linalg.norm(M)
    cosines = rows @ rows.T
    W = np.zeros_like(cosines)
    for i in range(n + m):
        near = [j for j in np.argsort(-cosines[i]) if j != i][:4]
        W[i, near] = np.maximum(cosines[i, near], 0)
    W = np.maximum(W, W.T)
    L = np.eye(n + m) - W / np.sqrt(np.outer(W.sum(axis=1), W.sum(axis=1)))
    K, A = rbf_kernel(rows, gamma=0.8), np.diag(np.r_[np.ones(n), np.zeros(m)])
    Y = np.concatenate([np.eye(3)[y], np.zeros((m, 3))])
    values = K @ np.linalg.solve((A + 3.0 * M + 0.5 * L) @ K + 0.2 * np.eye(n + m), A @ Y)
    np.testing.assert_allclose(model.decision_function(target) / model.scale_, values[n:], atol=1e-6)
    assert np.array_equal(model.predict(target), values[n:].argmax(axis=1))


def test_meda_with_few_landmarks_comes_close():
    source, y, target, _ = planted()
    exact = MEDA(2).fit(source, y, X_target=target)
    gaps = []
    for n_landmarks in (10, 40, 105):
        model = MEDA(2, n_landmarks=n_landmarks).fit(source, y, X_target=target)
        gap = model.decision_function(target) / model.scale_ - exact.decision_function(target) / exact.scale_
        gaps.append(np.abs(gap).max())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-9


def test_without_a_target_meda_is_kernel_ridge_regression():
    from sklearn.kernel_ridge import KernelRidge

    source, y, target, _ = planted()
    model = MEDA(ridge=0.3, gamma=0.9).fit(source, y)
    unit = source / np.linalg.norm(source, axis=1, keepdims=True)
    peer = KernelRidge(alpha=0.3, kernel="rbf", gamma=0.9).fit(unit, np.eye(3)[y])
    probe = target / np.linalg.norm(target, axis=1, keepdims=True)
    np.testing.assert_allclose(model.decision_function(target) / model.scale_, peer.predict(probe), atol=1e-6)
