"""Each two-sample statistic against brute loops or another library."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from headstart.evaluation._cross_fitting import effective_sample_size, spread_parts
from headstart.evaluation.two_sample import mmd
from headstart.evaluation.two_sample._permutation import p_value, permuted_domains
from headstart.evaluation.two_sample.classifier import ClassifierTest, areas_under_curve, ridge_scores
from headstart.evaluation.two_sample.energy import Energy
from headstart.evaluation.two_sample.feature_shifts import feature_shifts
from headstart.evaluation.two_sample.label_shift import chi_squares, label_shift
from headstart.evaluation.two_sample.mmd import MMD
from headstart.evaluation.two_sample.proxy_a_distance import proxy_a_distance
from headstart.evaluation.two_sample.support_overlap import support_overlap


def _domains(n=40, m=31, d=3, seed=0, shift=0.4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) * [1, 5, 0.2], rng.standard_normal((m, d)) * [1, 5, 0.3] + shift


def _scaled(S, T):
    both = np.concatenate([S, T])
    return [(X - both.mean(axis=0)) / both.std(axis=0) for X in (S, T)]


def _gaussian(A, B, wide):
    return np.exp(-cdist(A, B, "sqeuclidean") / (2 * wide**2))


def _unbiased(A, B, wide):
    n, m = len(A), len(B)
    within = [(_gaussian(X, X, wide).sum() - len(X)) / (len(X) * (len(X) - 1)) for X in (A, B)]
    return sum(within) - 2 * _gaussian(A, B, wide).sum() / (n * m)


@pytest.mark.parametrize("seed", range(3))
def test_mmd_is_the_double_sum_and_its_permutations_are_too(seed):
    S, T = _domains(seed=seed)
    A, B = _scaled(S, T)
    both = np.concatenate([A, B])
    wide = np.median(pdist(both))
    found = MMD(n_permutations=49, random_state=seed).test(S, T)
    assert found.statistic == pytest.approx(_unbiased(A, B, wide), rel=1e-9)
    marks = permuted_domains(40, 31, 49, seed)
    brute = [_unbiased(both[mark], both[~mark], wide) for mark in marks.T]
    assert found.p_value == np.mean(np.array(brute) >= brute[0] - 1e-12)


def test_mmd_by_features_nears_the_whole_kernel_with_their_number(monkeypatch):
    S, T = _domains(n=400, m=300, shift=0.3)
    A, B = _scaled(S, T)
    monkeypatch.setattr(mmd, "MEDIAN_ROWS", 10_000, raising=False)
    dense = MMD(n_permutations=1).test(S, T).statistic
    assert dense == pytest.approx(_unbiased(A, B, np.median(pdist(np.concatenate([A, B])))), rel=1e-9)
    monkeypatch.setattr(mmd, "DENSE_ROWS", 10)
    errors = []
    for n_features in (32, 512, 8192):
        drawn = [
            MMD(n_permutations=1, n_features=n_features, random_state=seed).test(S, T).statistic for seed in range(6)
        ]
        errors.append(np.abs(np.array(drawn) - dense).mean())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.03 * dense


def test_mmd_by_groups_is_the_sum_over_the_rows_that_are_kept(monkeypatch):
    S, T = _domains(n=103, m=77)
    monkeypatch.setattr(mmd, "DENSE_ROWS", 10)
    monkeypatch.setattr(mmd, "MOST_GROUPS", 60)  # three rows a group
    monkeypatch.setattr(mmd, "BLOCK_ROWS", 16)
    found = MMD(n_permutations=19, n_features=64).test(S, T)
    A, B = _scaled(S, T)
    wide = np.median(pdist(np.concatenate([A, B])))
    directions = np.random.default_rng(0).standard_normal((3, 32)) / wide
    phi = [np.hstack([np.cos(X @ directions), np.sin(X @ directions)]) / np.sqrt(32) for X in (A[:102], B[:75])]
    within = [((X @ X.T).sum() - len(X)) / (len(X) * (len(X) - 1)) for X in phi]
    assert found.statistic == pytest.approx(sum(within) - 2 * (phi[0] @ phi[1].T).mean(), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_energy_is_the_mean_of_distances(seed):
    S, T = _domains(seed=seed)
    A, B = _scaled(S, T)
    both = np.concatenate([A, B])

    def energy(X, Y):
        return 2 * cdist(X, Y).mean() - cdist(X, X).mean() - cdist(Y, Y).mean()

    found = Energy(n_permutations=49, random_state=seed).test(S, T)
    assert found.statistic == pytest.approx(energy(A, B), rel=1e-9)
    brute = np.array([energy(both[mark], both[~mark]) for mark in permuted_domains(40, 31, 49, seed).T])
    assert found.p_value == np.mean(brute >= brute[0] - 1e-12)


@pytest.mark.parametrize("p", [4, 60])
def test_ridge_scores_are_scikit_learns_for_every_permutation(p):
    rng = np.random.default_rng(0)
    rows, others, labels = rng.standard_normal((30, p)), rng.standard_normal((12, p)), rng.random((30, 5)) < 0.4
    expected = [Ridge(alpha=p).fit(rows, column.astype(float)).predict(others) for column in labels.T]
    ours = ridge_scores(rows, labels, others)
    centred = np.array(expected).T - labels.mean(axis=0)
    np.testing.assert_allclose(ours, centred, atol=1e-10)


def test_areas_are_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 4, (40, 6)).astype(float), rng.random((40, 6)) < 0.3
    expected = [roc_auc_score(y, s) for s, y in zip(scores.T, labels.T, strict=True)]
    np.testing.assert_allclose(areas_under_curve(scores, labels), expected, atol=1e-12)
    assert areas_under_curve(scores[:, :1], np.ones((40, 1), dtype=bool))[0] == 0.5


def test_the_classifier_learns_anew_for_every_permutation():
    S, T = _domains(n=30, m=25)
    test = ClassifierTest(LogisticRegression(), n_permutations=9, n_folds=3, random_state=1)
    found = test.test(S, T)
    both = np.concatenate(_scaled(S, T))
    part = np.random.default_rng(1).permutation(55) % 3
    brute = []
    for mark in permuted_domains(30, 25, 9, 1).T:
        fitted = [LogisticRegression().fit(both[part != f], ~mark[part != f]) for f in range(3)]
        areas = [
            roc_auc_score(~mark[part == f], model.decision_function(both[part == f])) for f, model in enumerate(fitted)
        ]
        brute.append(np.mean(areas))
    assert found.statistic == pytest.approx(brute[0], abs=1e-9)
    assert found.p_value == np.mean(np.array(brute) >= brute[0] - 1e-9)


def test_permutations_keep_the_sizes_and_the_p_value_counts_the_truth():
    marks = permuted_domains(7, 5, 200, 0)
    assert (marks.sum(axis=0) == 7).all()
    assert marks[:7, 0].all()
    assert marks[:, 1:].mean(axis=1) == pytest.approx(np.full(12, 7 / 12), abs=0.12)
    assert p_value([5.0, 1.0, 2.0]) == pytest.approx(1 / 3)
    assert p_value([1.0, 5.0, 2.0]) == 1.0


def test_the_proxy_a_distance_is_twice_one_less_twice_the_error():
    S, T = _domains(n=60, m=90)
    model = LogisticRegression()
    X, codes = np.concatenate([S, T]), np.repeat([0, 1], [60, 90])
    part, wrong = spread_parts(codes, 5, 0), np.zeros(150)
    for fold in range(5):
        proba = LogisticRegression().fit(X[part != fold], codes[part != fold]).predict_proba(X[part == fold])[:, 1]
        odds = proba / (1 - proba) * np.sum(codes[part != fold] == 0) / np.sum(codes[part != fold] == 1)
        wrong[part == fold] = (odds > 1) != codes[part == fold]
    error = (wrong[:60].mean() + wrong[60:].mean()) / 2
    assert proxy_a_distance(S, T, classifier=model) == pytest.approx(max(0, 2 * (1 - 2 * error)), abs=1e-12)


def test_overlap_counts_the_target_rows_within_the_sources_reach():
    S, T = _domains(n=50, m=40, shift=1.0)
    A, B = _scaled(S, T)
    among = cdist(A, A) + np.diag(np.full(50, np.inf))
    reach = np.sort(among.min(axis=1))[int(np.ceil(0.95 * 49))]
    odds = np.linspace(0.1, 0.9, 50)
    found = support_overlap(S, T, of_source=odds)
    assert found.inside == pytest.approx(np.mean(cdist(B, A).min(axis=1) <= reach), abs=1e-12)
    assert found.effective_sample_size == pytest.approx(effective_sample_size(odds / (1 - odds)))
    assert found.effective_share == found.effective_sample_size / 50


def test_label_shift_is_chi_square_and_the_solved_confusion_matrix():
    rng = np.random.default_rng(0)
    table = rng.dirichlet(np.ones(3) * 0.5, 12)
    rows, others = rng.integers(0, 12, 300), rng.integers(0, 8, 200)
    y = np.array([rng.choice(3, p=table[r]) for r in rows])
    found = label_shift(table[rows], y, table[others])
    counts = np.array([np.bincount(table[side].argmax(axis=1), minlength=3) for side in (rows, others)])
    assert found.statistic == pytest.approx(chi2_contingency(counts, correction=False).statistic, rel=1e-9)
    C = np.array([[np.mean(table[rows][:, i] * (y == j)) for j in range(3)] for i in range(3)])
    shares = np.maximum(np.linalg.solve(C, table[others].mean(axis=0)), 0) * np.bincount(y) / 300
    np.testing.assert_allclose(found.target_shares, shares / shares.sum(), rtol=1e-9)
    np.testing.assert_allclose(found.source_shares, np.bincount(y) / 300)


def test_chi_squares_leave_out_classes_that_nobody_predicts():
    counts = np.array([[5, 0, 9], [7, 0, 7]])
    found = chi_squares(counts, np.array([14, 0, 20]))
    tables = [np.array([row, np.array([14, 0, 20]) - row])[:, [0, 2]] for row in counts]
    np.testing.assert_allclose(found, [chi2_contingency(t, correction=False).statistic for t in tables])


def test_feature_shifts_are_scipys_with_holms_adjustment():
    rng = np.random.default_rng(0)
    S = {"a": rng.standard_normal(80), "b": rng.integers(0, 3, 80).astype(str), "c": rng.standard_normal(80)}
    T = {"a": rng.standard_normal(60) + 0.5, "b": rng.integers(0, 2, 60).astype(str), "c": rng.standard_normal(60)}
    found = {shift.name: shift for shift in feature_shifts(S, T)}
    for name in "ac":
        known = ks_2samp(S[name], T[name], method="asymp")
        assert (found[name].effect, found[name].p_value) == pytest.approx((known.statistic, known.pvalue), rel=1e-9)
    counts = np.array([[np.sum(X["b"] == c) for c in "012"] for X in (S, T)])
    assert found["b"].p_value == pytest.approx(chi2_contingency(counts, correction=False).pvalue, rel=1e-9)
    assert found["b"].effect == pytest.approx(np.abs(counts[0] / 80 - counts[1] / 60).sum() / 2)
    p = sorted(shift.p_value for shift in found.values())
    stepped = [min(1, 3 * p[0]), min(1, max(3 * p[0], 2 * p[1])), min(1, max(3 * p[0], 2 * p[1], p[2]))]
    assert sorted(shift.adjusted_p_value for shift in found.values()) == pytest.approx(stepped)
