"""Metrics of numbers, several labels and anomalies against scikit-learn's, and their intervals against slow ones."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn import metrics as sk

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation._influence import average_precision_influence, spearman_influence
from headstart.evaluation.intervals import bootstrap, paired_difference
from headstart.evaluation.metrics import score


def _numbers(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = np.round(1000 + 30 * rng.standard_normal(n))
    return y, y + np.round(10 * rng.standard_normal(n))


def _labels(n=300, k=4, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random((n, k)) < [0.1, 0.3, 0.5, 0.7]).astype(np.uint8)
    return y, np.round(np.clip(0.3 * y + 0.7 * rng.random((n, k)), 0.01, 0.99), 2)


def _alarms(n=300, seed=0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.15).astype(int)
    return y, np.round(rng.standard_normal(n) + 1.5 * y, 1)


def _recall_at_5(y, scores):
    alarms, found, _ = sk.roc_curve(y, scores, drop_intermediate=False)
    return found[alarms <= 0.05].max()


EXPECTED = {
    ("neg_mae", _numbers): lambda y, p: -sk.mean_absolute_error(y, p),
    ("neg_rmse", _numbers): lambda y, p: -np.sqrt(sk.mean_squared_error(y, p)),
    ("r2", _numbers): sk.r2_score,
    ("spearman", _numbers): lambda y, p: np.corrcoef(rankdata(y), rankdata(p))[0, 1],
    ("mean_average_precision", _labels): sk.average_precision_score,
    ("macro_f1", _labels): lambda y, p: sk.f1_score(y, p >= 0.5, average="macro"),
    ("micro_f1", _labels): lambda y, p: sk.f1_score(y, p >= 0.5, average="micro"),
    ("subset_accuracy", _labels): lambda y, p: sk.accuracy_score(y, p >= 0.5),
    ("neg_log_loss", _labels): lambda y, p: -np.mean([sk.log_loss(y[:, i], p[:, i]) for i in range(y.shape[1])]),
    ("average_precision", _alarms): sk.average_precision_score,
    ("roc_auc", _alarms): sk.roc_auc_score,
    ("recall_at_5", _alarms): _recall_at_5,
}
CASES = [pytest.param(metric, make, expected, id=metric) for (metric, make), expected in EXPECTED.items()]


@pytest.mark.parametrize(("metric", "make", "expected"), CASES)
def test_scores_are_those_of_scikit_learn(metric, make, expected):
    for seed in range(5):
        y, predicted = make(seed=seed)
        assert score(metric, y, predicted) == pytest.approx(expected(y, predicted), rel=1e-9)


@pytest.mark.parametrize(("metric", "make", "expected"), CASES)
def test_intervals_are_those_of_drawing_rows_and_scoring_anew(metric, make, expected):
    y, predicted = make(n=800)
    found = bootstrap(metric, y, predicted)
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(400):
        rows = rng.integers(0, len(y), len(y))
        draws.append(expected(y[rows], predicted[rows]))
    low, high = np.quantile(draws, (0.025, 0.975))
    width = high - low
    assert found.low == pytest.approx(low, abs=0.2 * width)
    assert found.high == pytest.approx(high, abs=0.2 * width)


@pytest.mark.parametrize(("metric", "make", "expected"), CASES)
def test_rows_without_prediction_are_left_out_and_order_does_not_matter(metric, make, expected):
    y, predicted = make()
    holes = predicted.copy()
    holes[::7] = np.nan
    kept = np.arange(len(y)) % 7 > 0
    assert score(metric, y, holes) == pytest.approx(score(metric, y[kept], predicted[kept]), rel=1e-12)
    order = np.random.default_rng(2).permutation(len(y))
    assert score(metric, y[order], predicted[order]) == pytest.approx(score(metric, y, predicted), rel=1e-12)


@pytest.mark.parametrize(("metric", "make", "expected"), CASES)
def test_a_model_ties_with_itself_and_a_better_one_beats_it(metric, make, expected):
    y, predicted = make(n=500)
    same = paired_difference(metric, y, predicted, predicted)
    assert same.is_tie
    assert same.low < 0 < same.high
    better = paired_difference(metric, y, 0.5 * predicted + 0.5 * y, predicted)
    assert better.low > 0
    assert better.value == pytest.approx(
        score(metric, y, 0.5 * predicted + 0.5 * y) - score(metric, y, predicted), rel=1e-9
    )


@pytest.mark.parametrize(("metric", "make", "expected"), CASES)
def test_no_interval_has_no_width_and_groups_widen_it(metric, make, expected):
    y, predicted = make(n=60)
    perfect = bootstrap(metric, y, y.astype(float))
    assert perfect.high - perfect.low > 0
    assert perfect.low <= perfect.value <= perfect.high
    y, predicted = (np.repeat(part, 10, axis=0) for part in make(n=60))
    alone = bootstrap(metric, y, predicted)
    grouped = bootstrap(metric, y, predicted, groups=np.repeat(np.arange(60), 10))
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_the_influence_on_average_precision_is_its_slope_in_the_weights():
    y, scores = _alarms(n=60)
    value, influence = average_precision_influence(y, scores)
    assert value == pytest.approx(sk.average_precision_score(y, scores))
    assert influence.mean() == pytest.approx(0, abs=1e-12)
    for row in range(60):
        ends = []
        for step in (-1e-5, 1e-5):
            weights = np.ones(60)
            weights[row] += step
            ends.append(sk.average_precision_score(y, scores, sample_weight=weights))
        assert influence[row] / 60 == pytest.approx((ends[1] - ends[0]) / 2e-5, abs=1e-7)


def test_the_influence_on_the_rank_correlation_is_its_slope_in_the_weights():
    y, predicted = (np.round(part / 8) for part in _numbers(n=50))

    def weighted(weights):
        ranks = [((v[:, None] > v) * weights + 0.5 * (v[:, None] == v) * weights).sum(axis=1) for v in (y, predicted)]
        a, b = (part - (weights @ part) / weights.sum() for part in ranks)
        return (weights @ (a * b)) / np.sqrt((weights @ a**2) * (weights @ b**2))

    value, influence = spearman_influence(y, predicted)
    assert value == pytest.approx(weighted(np.ones(50)))
    for row in range(50):
        step = 1e-5 * np.eye(50)[row]
        slope = (weighted(1 + step) - weighted(1 - step)) / 2e-5
        assert influence[row] / 50 == pytest.approx(slope, abs=1e-8)


def test_what_is_undefined_has_no_score():
    assert np.isnan(score("r2", np.ones(5), np.arange(5.0)))
    assert np.isnan(score("spearman", np.ones(5), np.arange(5.0)))
    assert np.isnan(score("average_precision", np.zeros(5, dtype=int), np.arange(5.0)))
    assert np.isnan(score("recall_at_5", np.ones(5, dtype=int), np.arange(5.0)))
    assert np.isnan(score("mean_average_precision", np.zeros((5, 2)), np.full((5, 2), 0.3)))
    assert np.isnan(bootstrap("roc_auc", np.zeros(9, dtype=int), np.arange(9.0)).value)


def test_large_numbers_keep_their_digits():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(100)
    predicted = y + 0.1 * rng.standard_normal(100)
    assert score("r2", y + 1e8, predicted + 1e8) == pytest.approx(score("r2", y, predicted), rel=1e-6)


def test_wrong_shapes_values_and_names_are_refused():
    y, predicted = _numbers()
    with pytest.raises(InputError, match="numbers, got"):
        score("neg_mae", y, predicted[:5])
    with pytest.raises(InputError, match="finite"):
        score("neg_mae", y, np.where(y > 1000, np.inf, y))
    with pytest.raises(InputError, match="0 and 1"):
        score("macro_f1", np.full((3, 2), 2), np.full((3, 2), 0.5))
    with pytest.raises(InputError, match="marks of 0"):
        score("roc_auc", np.array([0, 2]), np.array([0.1, 0.2]))
    with pytest.raises(UnknownNameError, match="Did you mean 'subset_accuracy'"):
        score("accuracy", *_labels())
    with pytest.raises(UnknownNameError, match="Did you mean 'neg_mae'"):
        score("neg_mea", y, predicted)
