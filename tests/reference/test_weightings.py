"""Each weighting against a dense, closed-form or brute implementation that shares nothing with it."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity, NearestNeighbors

from headstart.strategies._mathematics.box_qp import Box, minimise_box_quadratic
from headstart.strategies._mathematics.hessians import DenseHessian, LowRankHessian
from headstart.strategies._mathematics.mixture_proportions import fit_proportions
from headstart.strategies.instance._cross_fitting import stratified_parts
from headstart.strategies.instance._least_squares import LeastSquaresRatio
from headstart.strategies.instance._pair import check_pair
from headstart.strategies.instance.registry import WEIGHTINGS
from headstart.strategies.instance.rlls import regularised_shift


def _domains(n=120, m=90, d=4, seed=0, shift=0.7):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) * 0.8 + shift


def _mean_one(weights):
    return weights / weights.mean()


def _gamma(S, T):
    return 1 / (2 * np.median(pdist(np.concatenate([S, T]), "sqeuclidean")))


def _interior_point(H, b, upper, low, high, steps=100):
    """Primal-dual interior point, dense: another way to the optimum of the box-constrained quadratic."""
    n = len(b)
    A = np.vstack([np.eye(n), -np.eye(n), np.ones((1, n)), -np.ones((1, n))])
    c = np.concatenate([np.full(n, upper), np.zeros(n), [high], [-low]])
    w = np.full(n, min(upper * 0.5, (low + high) / 2 / n))
    slack, dual = np.maximum(c - A @ w, 1e-2), np.ones(len(c))
    for _ in range(steps):
        mu = 0.1 * slack @ dual / len(c)
        r_dual, r_primal = H @ w - b + A.T @ dual, A @ w + slack - c
        M = H + A.T @ (A * (dual / slack)[:, None])
        dw = np.linalg.solve(M, -r_dual + A.T @ (dual - dual * r_primal / slack - mu / slack))
        ds = -r_primal - A @ dw
        dz = mu / slack - dual - dual * ds / slack
        length = 1.0
        for value, change in ((slack, ds), (dual, dz)):
            falls = change < 0
            if falls.any():
                length = min(length, 0.99 * (-value[falls] / change[falls]).min())
        w, slack, dual = w + length * dw, slack + length * ds, dual + length * dz
        if slack @ dual / len(c) < 1e-13:
            break
    return w


@pytest.mark.parametrize(("bound", "slack"), [(1000.0, None), (3.0, 0.01), (1.5, 0.2)])
def test_kmm_is_the_optimum_of_its_quadratic_programme(bound, slack):
    S, T = _domains()
    gamma, n = _gamma(S, T), len(S)
    K = np.exp(-gamma * cdist(S, S, "sqeuclidean"))
    kappa = n * np.exp(-gamma * cdist(S, T, "sqeuclidean")).mean(axis=1)
    room = 1 - 1 / np.sqrt(n) if slack is None else slack
    best = _interior_point(K, kappa, bound, n * (1 - room), n * (1 + room))
    optimum = best @ K @ best / 2 - kappa @ best
    found = WEIGHTINGS.make("kmm", bound=bound, slack=slack, tol=1e-8).fit(S, T)
    assert found.gamma_ == pytest.approx(gamma, rel=1e-9)
    assert abs(found.objective_ - optimum) <= 1e-6 * abs(optimum)
    assert found.gap_ <= 1e-8
    # the weights, put back on the scale of the programme, reach that objective
    scale = np.linspace(0.2, 2, 20_001)
    along = scale**2 * (found.weights_ @ K @ found.weights_) / 2 - scale * (kappa @ found.weights_)
    assert along.min() <= optimum + 1e-6 * abs(optimum)


def test_kmm_with_all_landmarks_is_the_dense_one_and_fewer_err_more():
    S, T = _domains(n=150, m=140)
    gamma = _gamma(S, T)
    K = np.exp(-gamma * cdist(S, S, "sqeuclidean"))
    kappa = len(S) * np.exp(-gamma * cdist(S, T, "sqeuclidean")).mean(axis=1)

    def true_objective(weights):
        scale = np.linspace(0.5, 1.5, 10_001)
        return (scale**2 * (weights @ K @ weights) / 2 - scale * (kappa @ weights)).min()

    dense = WEIGHTINGS.make("kmm", solver="dense", tol=1e-8).fit(S, T)
    whole = WEIGHTINGS.make("kmm", solver="nystrom", n_landmarks=290, tol=1e-8).fit(S, T)
    assert abs(whole.objective_ - dense.objective_) <= 1e-6 * abs(dense.objective_)
    assert whole.kernel_error_ < 1e-8
    errors, excess = [], []
    for n_landmarks in (10, 40, 160):
        few = WEIGHTINGS.make("kmm", solver="nystrom", n_landmarks=n_landmarks, tol=1e-7).fit(S, T)
        errors.append(few.kernel_error_)
        excess.append(true_objective(few.weights_) - true_objective(dense.weights_))
    assert errors[0] > errors[1] > errors[2] > 0
    assert excess[0] > excess[2] >= -1e-6 * abs(dense.objective_)


@pytest.mark.parametrize("seed", range(5))
def test_the_gap_bounds_the_distance_to_the_optimum(seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((30, 12))
    H, b = root @ root.T, rng.standard_normal(30) * 5
    box = Box(2.0, 8.0, 12.0)
    rough = minimise_box_quadratic(DenseHessian(H), b, box, tol=1e-1)
    best = _interior_point(H, b, 2.0, 8.0, 12.0)
    optimum = best @ H @ best / 2 - b @ best
    assert -1e-8 * abs(optimum) <= rough.objective - optimum <= rough.gap + 1e-8 * abs(optimum)


@pytest.mark.parametrize("seed", range(3))
def test_a_low_rank_hessian_is_its_dense_one(seed):
    rng = np.random.default_rng(seed)
    features, diagonal, added = rng.standard_normal((50, 6)), rng.uniform(size=50), rng.uniform(1e-6, 1e6, 50)
    low, dense = LowRankHessian(features, diagonal), DenseHessian(features @ features.T + np.diag(diagonal))
    vector = rng.standard_normal(50)
    np.testing.assert_allclose(low.times(vector), dense.times(vector), rtol=1e-10)
    expected = np.linalg.solve(dense.matrix + np.diag(added), vector)
    np.testing.assert_allclose(low.solver(added)(vector), expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(dense.solver(added)(vector), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("total", [(30.0, 50.0), (0.0, 5.0), (79.0, 79.9), (3.0, 3.0)])
def test_the_best_point_of_the_box_is_that_of_active_sets(total):
    rng = np.random.default_rng(1)
    root, linear = rng.standard_normal((40, 60)), 3 * rng.standard_normal(40)
    H, (low, high) = root @ root.T / 20, total
    found = minimise_box_quadratic(DenseHessian(H), linear, Box(2.0, low, high), tol=1e-11)
    constraints = [{"type": "ineq", "fun": lambda w: w.sum() - low, "jac": lambda w: np.ones(40)}]
    constraints += [{"type": "ineq", "fun": lambda w: high - w.sum(), "jac": lambda w: -np.ones(40)}]
    best = minimize(
        lambda w: (w @ H @ w / 2 - linear @ w, H @ w - linear),
        np.full(40, (low + high) / 80),
        jac=True,
        method="SLSQP",
        bounds=[(0, 2)] * 40,
        constraints=constraints,
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert found.objective <= best.fun + 1e-9 * abs(best.fun)
    np.testing.assert_allclose(found.point, best.x, atol=1e-4)
    assert (found.point >= 0).all()
    assert (found.point <= 2).all()
    assert low - 1e-8 <= found.point.sum() <= high + 1e-8


@pytest.mark.parametrize("k", [2, 7, 30])
def test_mixture_proportions_are_where_expectation_maximisation_ends(k):
    rng = np.random.default_rng(k)
    table = rng.exponential(size=(80, k)) ** 2
    shares = np.full(k, 1 / k)
    for _ in range(200_000 // k):
        shares = shares * (table / (table @ shares)[:, None]).mean(axis=0)
    found = fit_proportions(table)
    reached = np.log(table @ shares).mean()
    assert found.gap <= 1e-9
    assert found.log_likelihood >= reached - 1e-9
    assert found.log_likelihood == pytest.approx(np.log(table @ found.shares).mean(), abs=1e-12)
    assert found.log_likelihood - reached < 1e-4
    assert found.shares.sum() == pytest.approx(1)


def test_kliep_is_the_optimum_of_its_likelihood():
    S, T = _domains(n=70, m=25, d=2)
    found = WEIGHTINGS.make("kliep", factors=2.0).fit(S, T)
    K_s, K_t = (np.exp(-found.gamma_ * cdist(X, T, "sqeuclidean")) for X in (S, T))
    support = K_s.mean(axis=0)
    reached = minimize(  # with the constraint sum a_l support_l = 1
        lambda a: -np.log(K_t @ np.abs(a) / (support @ np.abs(a))).mean(),
        1 / support / len(T),
        method="L-BFGS-B",
        bounds=[(0, None)] * len(T),
        options={"maxiter": 20_000, "maxfun": 10**7, "ftol": 1e-15, "gtol": 1e-12},
    )
    best = _mean_one(K_s @ np.abs(reached.x))
    np.testing.assert_allclose(found.weights_, best, atol=2e-3)
    assert found.gap_ <= 1e-9


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5])
def test_least_squares_ratio_and_its_leave_one_out_error_are_brute_refits(alpha):
    S, T = _domains(n=40, m=30, d=3)
    pair = check_pair("test", S, T)
    settings = {"n_centres": 12, "n_pairs": 25, "random_state": 0}
    found = LeastSquaresRatio.of(pair, alpha, factors=[1.5], penalties=[0.05], **settings)
    K_s, K_t = (
        np.exp(-found.kernel.gamma * cdist(X, found.centres, "sqeuclidean")) for X in (pair.source, pair.target)
    )
    draw = np.random.default_rng(0)
    left_s, left_t = draw.permutation(40)[:25], draw.permutation(30)[:25]

    def fit(A, B):
        H = (1 - alpha) * A.T @ A / len(A) + alpha * B.T @ B / len(B)
        return np.maximum(np.linalg.inv(H + 0.05 * np.eye(12)) @ B.mean(axis=0), 0)

    errors = []
    for i, j in zip(left_s, left_t, strict=True):
        a = fit(np.delete(K_s, i, axis=0), np.delete(K_t, j, axis=0))
        errors.append((1 - alpha) * (K_s[i] @ a) ** 2 / 2 + alpha * (K_t[j] @ a) ** 2 / 2 - K_t[j] @ a)
    np.testing.assert_allclose(found.coefficients, fit(K_s, K_t), rtol=1e-9)
    assert found.error == pytest.approx(np.mean(errors), rel=1e-9)


@pytest.mark.parametrize("name", ["ulsif", "rulsif"])
def test_the_chosen_candidate_has_the_least_leave_one_out_error(name):
    S, T = _domains(n=60, m=50, d=2)
    chosen = WEIGHTINGS.make(name).fit(S, T)
    factors, penalties = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0), (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    others = [WEIGHTINGS.make(name, factors=[f], penalties=[p]).fit(S, T) for f in factors for p in penalties]
    assert chosen.error_ == pytest.approx(min(other.error_ for other in others), rel=1e-12)
    best = min(others, key=lambda other: other.error_)
    np.testing.assert_allclose(chosen.weights_, best.weights_, rtol=1e-10)


def test_relative_weights_are_bounded_and_plain_ones_are_alpha_zero():
    S, T = _domains(n=80, m=70, d=2)
    np.testing.assert_array_equal(
        WEIGHTINGS.make("ulsif").fit(S, T).weights_, WEIGHTINGS.make("rulsif", alpha=0.0).fit(S, T).weights_
    )
    spread = [WEIGHTINGS.make("rulsif", alpha=alpha).fit(S, T).weights_.std() for alpha in (0.0, 0.3, 0.8)]
    assert spread[0] > spread[1] > spread[2]


def test_discriminative_is_the_cross_fitted_odds():
    S, T = _domains()
    model = LogisticRegression(C=0.3)
    found = WEIGHTINGS.make("discriminative", classifier=model, n_folds=4)
    found.fit(S, T)
    pair = check_pair("test", S, T)
    X, codes = np.concatenate([pair.source, pair.target]), np.repeat([0, 1], [len(S), len(T)])
    part = stratified_parts(codes, 4, 0)
    odds = np.zeros(len(S))
    for fold in range(4):
        fitted = LogisticRegression(C=0.3).fit(X[part != fold], codes[part != fold])
        rows = np.flatnonzero(part[: len(S)] == fold)
        odds[rows] = np.exp(X[rows] @ fitted.coef_[0] + fitted.intercept_[0])
    expected = np.empty(len(S))
    expected[pair.source_order] = odds
    np.testing.assert_allclose(found.weights_, _mean_one(expected), rtol=1e-9)
    counts = np.array([[np.sum((part == f) & (codes == c)) for c in (0, 1)] for f in range(4)])
    assert np.ptp(counts, axis=0).max() <= 1


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_nearest_neighbours_count_voronoi_cells(smoothing):
    S, T = _domains(n=60, m=200)
    rows = NearestNeighbors(n_neighbors=1).fit(S).kneighbors(T, return_distance=False)[:, 0]
    expected = smoothing + np.bincount(rows, minlength=len(S))
    np.testing.assert_allclose(
        WEIGHTINGS.make("nearest_neighbours", smoothing=smoothing).fit(S, T).weights_, _mean_one(expected)
    )


@pytest.mark.parametrize("is_shared", [False, True])
def test_gaussian_ratio_is_that_of_scipys_densities(is_shared):
    S, T = _domains()
    found = WEIGHTINGS.make("gaussian_ratio", shrinkage=0.2, is_shared=is_shared).fit(S, T)
    covariances = [np.cov(X.T, bias=True) for X in (S, T)]
    covariances = [0.8 * c + (0.2 + 1e-8) * np.trace(c) / 4 * np.eye(4) for c in covariances]
    if is_shared:
        covariances = [np.average(covariances, axis=0, weights=[len(S), len(T)])] * 2
    logs = [multivariate_normal(X.mean(axis=0), c).logpdf(S) for X, c in zip((S, T), covariances, strict=True)]
    np.testing.assert_allclose(found.weights_, _mean_one(np.exp(logs[1] - logs[0])), rtol=1e-8)


def test_kernel_density_ratio_is_that_of_scikit_learns_densities():
    S, T = _domains()
    found = WEIGHTINGS.make("kernel_density_ratio").fit(S, T)
    scale, width = np.concatenate([S, T]).std(axis=0), 90 ** (-1 / 8)
    logs = [KernelDensity(bandwidth=width).fit(X / scale).score_samples(S / scale) for X in (S, T)]
    np.testing.assert_allclose(found.weights_, _mean_one(np.exp(logs[1] - logs[0])), rtol=1e-8)


class _Oracle:
    """Knows the confusion: predicts from the first column alone."""

    def __init__(self, table):
        self.table = table

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return self.table[X[:, 0].astype(int)]

    def get_params(self, deep=False):
        return {"table": self.table}


def _label_shift(n=200, m=300, k=3, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(k) * 0.6, size=12)
    cells_s, cells_t = rng.integers(0, 12, n), rng.integers(0, 12, m)
    y = np.array([rng.choice(k, p=0.8 * table[c] + 0.2 / k) for c in cells_s])
    S, T = (np.column_stack([c, rng.standard_normal(len(c))]) for c in (cells_s, cells_t))
    return S, y, T, table


@pytest.mark.parametrize("is_soft", [True, False])
def test_bbse_solves_the_confusion_matrix(is_soft):
    S, y, T, table = _label_shift()
    found = WEIGHTINGS.make("bbse", classifier=_Oracle(table), is_soft=is_soft).fit(S, T, y_source=y)
    P_s, P_t = table[S[:, 0].astype(int)], table[T[:, 0].astype(int)]
    if not is_soft:
        P_s, P_t = (np.eye(3)[P.argmax(axis=1)] for P in (P_s, P_t))
    C = np.array([[np.mean(P_s[:, i] * (y == j)) for j in range(3)] for i in range(3)])
    expected = np.maximum(np.linalg.inv(C) @ P_t.mean(axis=0), 0)
    np.testing.assert_allclose(found.class_weights_, expected, rtol=1e-9)
    np.testing.assert_allclose(found.weights_, _mean_one(expected[y]), rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_rlls_is_the_optimum_of_its_convex_problem(seed):
    rng = np.random.default_rng(seed)
    C = rng.dirichlet(np.ones(4), size=4) / 4
    change = rng.standard_normal(4) * 0.05
    delta = [0.0005, 0.005, 0.02, 0.05, 0.2, 1.0][seed]

    def objective(theta):
        return np.linalg.norm(C @ theta - change) + delta * np.linalg.norm(theta)

    starts = [np.zeros(4) + 1e-3, *rng.uniform(-1, 2, (20, 4))]
    options = {"maxiter": 2000, "ftol": 1e-15}
    best = min(minimize(objective, s, method="SLSQP", bounds=[(-1, None)] * 4, options=options).fun for s in starts)
    best = min(best, objective(np.zeros(4)))
    theta = regularised_shift(C, change, delta)
    assert (theta >= -1 - 1e-12).all()
    assert objective(theta) <= best + 1e-6 * best


def test_rlls_without_evidence_of_a_shift_changes_nothing():
    C = np.eye(3) / 3
    np.testing.assert_array_equal(regularised_shift(C, np.array([1e-4, -1e-4, 0.0]), 1.0), np.zeros(3))


def test_em_label_shift_is_the_fixed_point_of_saerens_steps():
    S, y, T, table = _label_shift()
    found = WEIGHTINGS.make("em_label_shift", classifier=_Oracle(table), calibrate=False).fit(S, T, y_source=y)
    posterior, prior = table[T[:, 0].astype(int)], np.bincount(y) / len(y)
    shares = prior.copy()
    for _ in range(20_000):
        raised = posterior * shares / prior
        shares = (raised / raised.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found.shares_, shares, atol=1e-4)
    ours, theirs = (np.log((posterior * q / prior).sum(axis=1)).mean() for q in (found.shares_, shares))
    assert ours >= theirs - 1e-9


@pytest.mark.parametrize("k", [2, 4])
def test_mmd_target_shift_is_the_best_point_of_the_simplex(k):
    rng = np.random.default_rng(k)
    y = np.arange(90) % k
    means = rng.standard_normal((k, 3)) * 2
    true = rng.dirichlet(np.ones(k))
    S = means[y] + rng.standard_normal((90, 3))
    T = means[rng.choice(k, 80, p=true)] + rng.standard_normal((80, 3))
    found = WEIGHTINGS.make("mmd_target_shift").fit(S, T, y_source=y)
    gamma = _gamma(S, T)
    kernel = [
        [np.exp(-gamma * cdist(A, B, "sqeuclidean")).mean() for B in [*(S[y == c] for c in range(k)), T]]
        for A in [S[y == c] for c in range(k)]
    ]
    A, b = np.array(kernel)[:, :k], np.array(kernel)[:, k]

    def objective(q):
        return q @ A @ q / 2 - b @ q

    constraint = {"type": "eq", "fun": lambda q: q.sum() - 1}
    best = minimize(objective, np.full(k, 1 / k), bounds=[(0, 1)] * k, constraints=constraint, options={"ftol": 1e-14})
    assert objective(found.shares_) <= best.fun + 1e-8
    np.testing.assert_allclose(found.shares_, best.x, atol=1e-3)


def test_mmd_target_shift_with_features_is_near_the_exact_one(monkeypatch):
    from headstart.strategies.instance import mmd_target_shift

    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    S = rng.standard_normal((3, 3))[y] * 2 + rng.standard_normal((120, 3))
    exact = WEIGHTINGS.make("mmd_target_shift").fit(S, S[y != 1], y_source=y)
    monkeypatch.setattr(mmd_target_shift, "DENSE_ROWS", 10)
    fast = WEIGHTINGS.make("mmd_target_shift").fit(S, S[y != 1], y_source=y)
    np.testing.assert_allclose(fast.shares_, exact.shares_, atol=1e-4)
    np.testing.assert_allclose(exact.shares_, [0.5, 0.0, 0.5], atol=0.02)


def test_balanced_gives_each_domain_its_share():
    S, T = _domains()
    labels = np.array([None] * 80 + [1] * 10, dtype=object)
    found = WEIGHTINGS.make("balanced", gamma=0.25).fit(S, T, y_target=labels)
    np.testing.assert_array_equal(found.weights_, np.ones(len(S)))
    assert 10 * found.target_weight_ / (10 * found.target_weight_ + len(S)) == pytest.approx(0.25)
