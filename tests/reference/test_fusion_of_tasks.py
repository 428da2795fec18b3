"""Fusion of numbers, labels and detectors: weights against brute force, and what fusion is for."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import combine_pvalues, expon, gamma

from headstart.errors import InputError
from headstart.evaluation.metrics import score
from headstart.heads._block_labellers import as_classes, fit_labellers
from headstart.heads._blocks import slices_of
from headstart.heads._multi_label_head import smoothed_shares
from headstart.heads._tail import fisher_surprise, surprise
from headstart.heads.gated_fusion_labels import GatedFusionLabels
from headstart.heads.gated_fusion_regression import GatedFusionRegression, gated_numbers
from headstart.heads.late_fusion_anomaly import LateFusionAnomaly
from headstart.heads.late_fusion_labels import LateFusionLabels
from headstart.heads.late_fusion_regression import LateFusionRegression, stacked
from headstart.heads.mahalanobis import Mahalanobis
from headstart.heads.multi_label_ridge import MultiLabelRidge
from headstart.heads.ridge_regression import RidgeRegression

BLOCKS = (5, 5)
FIRST, SECOND = slice(0, 5), slice(5, 10)


def _two_parts(n=240, seed=0, missing=0.0, same=False):
    """Two hidden numbers, each seen in one part with noise, or one of them in both; the last column says "there"."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n, 2))
    seen = hidden[:, [0, 0]] if same else hidden
    parts = [2.0 * seen[:, [b]] + 0.7 * rng.standard_normal((n, 4)) for b in (0, 1)]
    there = rng.random((n, 2)) >= missing
    there[:, 0] |= ~there.any(axis=1)
    X = np.hstack([np.hstack([part * t[:, None], t[:, None]]) for part, t in zip(parts, there.T, strict=True)])
    return X, hidden, there


def _numbers(seed=0, **settings):
    X, hidden, there = _two_parts(seed=seed, **settings)
    noise = 0.2 * np.random.default_rng(seed + 99).standard_normal(len(X))
    return X, 50 + 3 * (hidden[:, 0] + (0 if settings.get("same") else hidden[:, 1])) + noise, there


def _labels(seed=0, **settings):
    """One label by each part, and one by both."""
    X, hidden, there = _two_parts(seed=seed, **settings)
    return X, np.stack([hidden[:, 0] > 0.3, hidden[:, 1] > 0.6, hidden.sum(axis=1) > 0], axis=1).astype(np.uint8), there


def _with_strangers(seed, missing=0.0):
    """Strange rows are so in one of the parts, seldom in both."""
    X, _, there = _two_parts(n=400, seed=seed, missing=missing)
    rng = np.random.default_rng(seed + 7)
    y = (np.arange(400) % 5 == 0).astype(np.int64)
    which = rng.integers(0, 2, 400)
    which = np.where(there[np.arange(400), which], which, 1 - which)
    for row in np.flatnonzero(y):
        begin = 5 * which[row]
        X[row, begin : begin + 4] += 2.0 * rng.standard_normal(4)
    return X, y


@pytest.mark.parametrize("seed", range(6))
def test_stacking_is_the_best_of_all_sets_of_positive_weights(seed):
    rng = np.random.default_rng(seed)
    said, weights = rng.standard_normal((4, 30)), rng.integers(1, 4, 30).astype(float)
    y = said[0] - 0.5 * said[1] + 0.3 * said[2] + rng.standard_normal(30)
    best = (float(weights @ y**2), np.zeros(4))
    for size in range(1, 5):
        for chosen in combinations(range(4), size):
            rows = said[list(chosen)]
            found = np.linalg.solve((rows * weights) @ rows.T, (rows * weights) @ y)
            if (found >= 0).all():
                whole = np.zeros(4)
                whole[list(chosen)] = found
                best = min(best, (float(weights @ (y - whole @ said) ** 2), whole), key=lambda entry: entry[0])
    np.testing.assert_allclose(stacked(said, y, weights), best[1], atol=1e-10)


def test_a_gate_is_the_least_penalised_squared_error():
    X, y, there = _numbers(missing=0.3)
    weights = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    fitted = GatedFusionRegression(blocks=BLOCKS, penalty=0.01).fit(X, y, weights)
    from headstart.heads._block_regressors import fit_regressors

    numbers = (y - fitted.centre_) / fitted.unit_
    _, said = fit_regressors(X, numbers, weights, slices_of(BLOCKS, 10), random_state=0)
    terms = []
    for part in (0, 1):
        for row in range(len(y)):
            size, lacks = abs(said[part, row]), float(not there[row, 1 - part])
            terms.append([said[part, row] * factor for factor in (1, size / (1 + size), lacks)])
    terms = np.array(terms).reshape(2, len(y), 3).transpose(0, 2, 1).reshape(6, len(y))
    np.testing.assert_allclose(gated_numbers(said, there), terms, atol=1e-14)
    root = np.sqrt(weights / weights.sum())
    rows = np.vstack([(terms * root).T, 0.1 * np.eye(6)])  # penalty 0.01
    expected = np.linalg.lstsq(rows, np.append(numbers * root, np.zeros(6)), rcond=None)[0]
    np.testing.assert_allclose(fitted.gate_, expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_of_each_label_are_the_least_log_loss(seed):
    X, y, _ = _labels(seed, missing=0.2)
    fitted = LateFusionLabels(blocks=BLOCKS, penalty=1e-3).fit(X, y)
    shares = smoothed_shares(y.astype(float))
    _, proba = fit_labellers(X, y.astype(float), shares, slices_of(BLOCKS, 10), random_state=0)
    proba = np.clip(proba, 1e-6, 1 - 1e-6)
    for label in range(3):
        prior = np.log(shares[label] / (1 - shares[label]))
        odds = np.log(proba[:, :, label] / (1 - proba[:, :, label])) - prior

        def loss(w, odds=odds, prior=prior, label=label):
            value = prior + w @ odds
            return (np.logaddexp(0, value) - y[:, label] * value).mean() + 1e-3 * (w**2).sum()

        brute = minimize(loss, np.ones(2), method="Nelder-Mead", bounds=[(0, None)] * 2,
                         options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000})  # fmt: skip
        np.testing.assert_allclose(fitted.weights_[:, label], brute.x, atol=1e-4)
    assert as_classes(proba, 1).shape == (2, len(X), 2)


def test_surprise_is_the_empirical_chance_and_exponential_beyond():
    rng = np.random.default_rng(0)
    normal = np.sort(rng.exponential(2.0, 4000))
    scores = np.array([0.5, 2.0, 6.0, 20.0, 60.0])
    np.testing.assert_allclose(surprise(scores, normal), -expon.logsf(scores, scale=2.0), rtol=0.1)
    for value in normal[[100, 2000, 3500]]:
        assert surprise(np.array([value]), normal)[0] == pytest.approx(-np.log((normal >= value).mean()), abs=2e-3)
    rising = surprise(np.linspace(-1, 200, 5000), normal)
    assert (np.diff(rising) >= 0).all()
    assert np.isfinite(surprise(np.array([1.0, 5.0]), np.ones(4))).all()


def test_several_surprises_are_combined_by_fishers_method():
    rng = np.random.default_rng(1)
    chances = rng.random((50, 3)) ** 4
    total = -np.log(chances).sum(axis=1)
    found = fisher_surprise(total, np.full(50, 3))
    expected = [-np.log(combine_pvalues(row, method="fisher").pvalue) for row in chances]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert fisher_surprise(np.array([40.0]), np.array([2]))[0] == pytest.approx(-gamma.logsf(40.0, 2), rel=1e-9)
    assert fisher_surprise(np.array([900.0]), np.array([2]))[0] == pytest.approx(900 - np.log(901))
    np.testing.assert_allclose(fisher_surprise(np.array([2.5, 0.0]), np.array([1, 0])), [2.5, 0.0])


@pytest.mark.parametrize("head", [LateFusionRegression, GatedFusionRegression])
def test_a_part_of_a_number_may_be_missing(head):
    X, y, _ = _numbers(missing=0.3)
    fitted = head(blocks=BLOCKS).fit(X[:160], y[:160])
    assert fitted.predict(np.zeros((1, 10)))[0] == pytest.approx(y[:160].mean())
    only_first = X[160:].copy()
    only_first[:, SECOND] = 0
    has_first = only_first[:, 4] > 0
    said = fitted.predict(only_first[has_first])
    assert np.corrcoef(said, only_first[has_first, 0])[0, 1] > 0.8


@pytest.mark.parametrize("head", [LateFusionLabels, GatedFusionLabels])
def test_a_part_of_a_labelled_row_may_be_missing(head):
    X, y, _ = _labels(missing=0.3)
    fitted = head(blocks=BLOCKS).fit(X[:160], y[:160])
    np.testing.assert_allclose(fitted.predict_proba(np.zeros((1, 10)))[0], smoothed_shares(y[:160].astype(float)))
    only_first = X[160:].copy()
    only_first[:, SECOND] = 0
    has_first = only_first[:, 4] > 0
    right = fitted.predict(only_first[has_first])[:, 0] == y[160:][has_first, 0]
    assert right.mean() > 0.85


@pytest.mark.parametrize("head", [LateFusionRegression, GatedFusionRegression])
def test_fused_numbers_beat_each_part_alone(head):
    for seed in range(5):
        X, y, _ = _numbers(seed)
        fused = score("neg_rmse", y[160:], head(blocks=BLOCKS).fit(X[:160], y[:160]).predict(X[160:]))
        alone = [score("neg_rmse", y[160:], RidgeRegression().fit(X[:160, b], y[:160]).predict(X[160:, b]))
                 for b in (FIRST, SECOND)]  # fmt: skip
        assert fused > max(alone) / 2  # negative: less than half the error of the better part


def test_weights_sum_to_two_where_parts_add_up_and_to_one_where_they_tell_the_same():
    for seed in range(5):
        added, same = (
            LateFusionRegression(blocks=BLOCKS).fit(X, y).weights_
            for X, y, _ in (_numbers(seed), _numbers(seed, same=True))
        )
        np.testing.assert_allclose(added, [1, 1], atol=0.25)
        assert same.sum() == pytest.approx(1, abs=0.15)


def test_the_gate_trusts_a_part_more_where_the_other_is_missing():
    gains = []
    for seed in range(5):
        X, y, there = _numbers(seed, missing=0.4, same=True)
        alone = ~there[160:].all(axis=1)
        late, gated = (
            score("neg_rmse", y[160:][alone], head(blocks=BLOCKS).fit(X[:160], y[:160]).predict(X[160:][alone]))
            for head in (LateFusionRegression, GatedFusionRegression)
        )
        gains.append(gated - late)
    assert min(gains) > 0


@pytest.mark.parametrize("head", [LateFusionLabels, GatedFusionLabels])
def test_fused_labels_beat_each_part_alone(head):
    for seed in range(5):
        X, y, _ = _labels(seed)
        fused = score("mean_average_precision", y[160:], head(blocks=BLOCKS).fit(X[:160], y[:160]).outputs(X[160:], 3))
        alone = [score("mean_average_precision", y[160:],
                       MultiLabelRidge().fit(X[:160, b], y[:160]).outputs(X[160:, b], 3))
                 for b in (FIRST, SECOND)]  # fmt: skip
        assert fused > max(alone) + 0.1


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_fused_detectors_beat_each_part_alone(missing):
    gains = []
    for seed in range(5):
        X, y = _with_strangers(seed, missing)
        fused = LateFusionAnomaly(blocks=BLOCKS).fit(X[:200], y[:200]).anomaly_score(X[200:])
        alone = [Mahalanobis().fit(X[:200, b], y[:200]).anomaly_score(X[200:, b]) for b in (FIRST, SECOND)]
        precision = [score("average_precision", y[200:], found) for found in (fused, *alone)]
        gains.append(precision[0] - max(precision[1:]))
    assert min(gains) > 0
    assert np.mean(gains) > 0.1


def test_chances_of_normal_rows_are_even_whether_a_part_is_missing_or_not():
    X, y = _with_strangers(0, missing=0.4)
    fitted = LateFusionAnomaly(blocks=BLOCKS).fit(X[:200], y[:200])
    rows = np.flatnonzero(y[200:] == 0) + 200
    whole = X[rows][:, [4, 9]].all(axis=1)
    chances = np.exp(-fitted.anomaly_score(X[rows]))
    assert chances[whole].mean() == pytest.approx(0.5, abs=0.12)
    assert chances[~whole].mean() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("head", [LateFusionRegression, GatedFusionRegression, LateFusionAnomaly])
def test_blocks_that_do_not_add_up_are_refused(head):
    X, y, _ = _numbers()
    with pytest.raises(InputError, match="widths add up to 10 columns"):
        head(blocks=(3, 3)).fit(X, y)
