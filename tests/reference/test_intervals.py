import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from headstart.evaluation._resampling import Units, units_of
from headstart.evaluation._row_terms import row_terms, score_of_sums
from headstart.evaluation.intervals import bootstrap, corrected_interval, paired_difference, wilson
from headstart.evaluation.metrics import METRICS, score


def problem(seed, n=200, n_classes=3, skill=0.6):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, n)
    proba = rng.dirichlet(np.ones(n_classes), n)
    proba[np.arange(n), codes] += skill
    return codes, proba / proba.sum(1, keepdims=True)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", "neg_log_loss"])
def test_scores_of_resampled_sums_are_the_scores_of_the_resampled_rows(metric):
    codes, proba = problem(0, n=30)
    terms = row_terms(metric, codes, proba)
    rng = np.random.default_rng(1)
    for _ in range(20):
        rows = rng.integers(0, 30, 30)
        found = score_of_sums(metric, terms.table[terms.index[rows]].sum(0)[None])[0]
        assert found == pytest.approx(score(metric, codes[rows], proba[rows]), abs=1e-12)


def test_resampled_areas_are_first_order_exact():
    """What is left out shrinks faster than the error itself: by the root of n more."""
    left_out = []
    for n in (100, 1600):
        codes, proba = problem(0, n=n, n_classes=2)
        terms = row_terms("roc_auc", codes, proba)
        rng = np.random.default_rng(1)
        drawn = [rng.integers(0, n, n) for _ in range(200)]
        quick = score_of_sums("roc_auc", np.stack([terms.table[rows].sum(0) for rows in drawn]))
        exact = np.array([score("roc_auc", codes[rows], proba[rows]) for rows in drawn])
        left_out.append(np.sqrt(((quick - exact) ** 2).mean()) / exact.std())
    assert left_out[1] < left_out[0] / 2.5
    assert left_out[1] < 0.1


@pytest.mark.parametrize("is_grouped", [False, True])
def test_the_jackknife_leaves_out_one_unit_of_each_kind(is_grouped):
    codes, proba = problem(0, n=40)
    groups = np.arange(40) // 4 if is_grouped else None
    units = units_of(row_terms("macro_f1", codes, proba), groups)
    quick = np.repeat(score_of_sums("macro_f1", units.jackknife_sums()), units.counts)
    number = np.arange(40) if groups is None else groups
    exact = [score("macro_f1", codes[number != g], proba[number != g]) for g in np.unique(number)]
    np.testing.assert_allclose(np.sort(quick), np.sort(exact), atol=1e-12)


@pytest.mark.parametrize("metric", ["macro_f1", "neg_log_loss", "accuracy"])
def test_the_interval_is_near_scipys(metric):
    codes, proba = problem(2, n=400)

    def statistic(rows):
        rows = rows.astype(int)
        if metric == "macro_f1":
            return f1_score(codes[rows], proba[rows].argmax(1), average="macro")
        return score(metric, codes[rows], proba[rows])

    exact = stats.bootstrap(
        (np.arange(400.0),), statistic, n_resamples=800, vectorized=False, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    found = bootstrap(metric, codes, proba, n_resamples=4000)
    width = exact.high - exact.low
    assert found.low == pytest.approx(exact.low, abs=0.1 * width)
    assert found.high == pytest.approx(exact.high, abs=0.1 * width)


def test_the_area_has_the_error_of_delong():
    codes, proba = problem(3, n=600, n_classes=2, skill=0.2)
    ours = proba[codes == 1, 1][:, None] - proba[codes == 0, 1][None]
    wins = (ours > 0) + 0.5 * (ours == 0)
    error = np.sqrt(wins.mean(1).var(ddof=1) / wins.shape[0] + wins.mean(0).var(ddof=1) / wins.shape[1])
    found = bootstrap("roc_auc", codes, proba, n_resamples=4000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_a_paired_difference_of_accuracy_has_the_error_of_its_discordant_pairs():
    codes, first = problem(0, n=500, skill=0.6)
    second = problem(9, n=500, skill=0.0)[1]
    gap = (first.argmax(1) == codes).astype(float) - (second.argmax(1) == codes)
    found = paired_difference("accuracy", codes, first, second, n_resamples=4000)
    assert found.value == pytest.approx(gap.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * gap.std() / np.sqrt(500), rel=0.08)


def test_groups_widen_as_the_number_of_groups_says():
    codes, proba = problem(0, n=100)
    single = bootstrap("neg_log_loss", codes, proba, n_resamples=4000)
    copies = np.tile(np.arange(100), 5)
    grouped = bootstrap("neg_log_loss", codes[copies], proba[copies], groups=copies, n_resamples=4000)
    assert grouped.high - grouped.low == pytest.approx(single.high - single.low, rel=0.08)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 17), (499, 500)])
def test_wilson_is_scipys(successes, n):
    exact = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("n", [7, 100])
def test_all_right_is_wilsons_interval_and_groups_are_its_trials(n):
    codes = np.arange(n) % 2
    proba = np.eye(2)[codes] * 0.8 + 0.1
    found = bootstrap("accuracy", codes, proba)
    assert (found.low, found.high) == pytest.approx(wilson(n, n))
    twice = np.tile(np.arange(n), 2)
    found = bootstrap("accuracy", codes[twice], proba[twice], groups=twice)
    assert (found.low, found.high) == pytest.approx(wilson(n, n))
    found = bootstrap("accuracy", 1 - codes, proba)
    assert (found.low, found.high) == pytest.approx(wilson(0, n))


def test_the_corrected_interval_is_the_published_formula():
    scores = np.array([[0.8, 0.82, 0.79], [0.81, 0.78, 0.84]])
    found = corrected_interval(scores, 80, 40, "rule")
    error = np.sqrt((1 / 6 + 40 / 80) * scores.var(ddof=1))
    half = stats.t.ppf(0.975, 5) * error
    assert (found.value, found.low, found.high) == pytest.approx(
        (scores.mean(), scores.mean() - half, scores.mean() + half)
    )


def test_multinomial_counts_and_drawn_rows_have_the_same_distribution():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 1))
    few = Units(np.vstack([np.ones((1, 1)), np.zeros((1, 1))]), np.array([30, 70]))
    many = Units(table, np.ones(40, dtype=np.int64))
    drawn = np.concatenate(list(few.resampled_sums(4000, 0)))[:, 0]
    assert drawn.mean() == pytest.approx(30, abs=0.3)
    assert drawn.var() == pytest.approx(21, rel=0.1)
    drawn = np.concatenate(list(many.resampled_sums(4000, 0)))[:, 0]
    assert drawn.mean() == pytest.approx(table.sum(), abs=0.5)
    assert drawn.var() == pytest.approx(40 * table.var(), rel=0.1)


def truth(metric, error, proba_of):
    codes, proba = proba_of(np.random.default_rng(12345), 200_000, error)
    return score(metric, codes, proba)


def drawn(rng, n, error):
    codes = (rng.random(n) < 0.3).astype(np.int64)
    said = np.where(rng.random(n) < error, 1 - codes, codes)
    stated = np.clip(rng.beta(6, 2, n), 0.51, 0.99)
    proba = np.empty((n, 2))
    proba[np.arange(n), said], proba[np.arange(n), 1 - said] = stated, 1 - stated
    return codes, proba


CASES = [(metric, n, error) for metric in METRICS for n, error in ((60, 0.2), (300, 0.1), (80, 0.01))]
CASES.remove(("neg_log_loss", 80, 0.01))  # the rare large losses are not in most samples: no interval can know them


@pytest.mark.parametrize(("metric", "n", "error"), CASES)
def test_the_truth_lies_in_the_interval_as_often_as_promised(metric, n, error):
    goal = truth(metric, error, drawn)
    inside = 0
    for seed in range(200):
        codes, proba = drawn(np.random.default_rng(seed), n, error)
        found = bootstrap(metric, codes, proba, n_resamples=600, random_state=seed)
        inside += found.low <= goal <= found.high
    assert inside / 200 >= 0.90
    if error == 0.1:
        assert inside / 200 <= 0.995


def test_grouped_truth_lies_in_the_grouped_interval_only():
    goal, alone, grouped = 0.75, 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(30), 10)
        is_right = rng.random(300) < np.repeat(rng.beta(1.5, 0.5, 30), 10)
        codes = np.zeros(300, dtype=np.int64)
        proba = np.where(is_right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
        found = bootstrap("accuracy", codes, proba, groups=groups, n_resamples=500, random_state=seed)
        grouped += found.low <= goal <= found.high
        found = bootstrap("accuracy", codes, proba, n_resamples=500, random_state=seed)
        alone += found.low <= goal <= found.high
    assert grouped / 150 >= 0.90
    assert alone / 150 < 0.80


def test_equal_models_are_a_tie_as_often_as_promised():
    ties = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        codes, first = drawn(rng, 150, 0.15)
        said = np.where(rng.random(150) < 0.15, 1 - codes, codes)
        second = np.where(said[:, None] == np.arange(2), 0.8, 0.2)
        ties += paired_difference("macro_f1", codes, first, second, n_resamples=500, random_state=seed).is_tie
    assert 0.91 <= ties / 200 <= 0.995
