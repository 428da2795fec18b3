import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.intervals import Difference, bootstrap, corrected_interval, paired_difference, wilson
from headstart.evaluation.metrics import METRICS, score


@st.composite
def problems(draw):
    n, n_classes = draw(st.integers(2, 50)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    proba = rng.dirichlet(np.ones(n_classes), n)
    codes = draw(st.sampled_from([proba.argmax(1), rng.integers(0, n_classes, n), np.zeros(n, dtype=np.int64)]))
    groups = draw(st.sampled_from([None, np.arange(n) // 3, np.zeros(n, dtype=int)]))
    return codes, proba, groups


@settings(max_examples=80, deadline=None)
@given(problems(), st.sampled_from(METRICS))
def test_an_interval_holds_its_score_and_never_has_zero_width(problem, metric):
    codes, proba, groups = problem
    found = bootstrap(metric, codes, proba, groups=groups, n_resamples=100, rule="told")
    assert found.rule == "told"
    assert found.value == pytest.approx(score(metric, codes, proba), nan_ok=True)
    if not np.isnan(found.value):
        assert found.low <= found.value <= found.high
        assert found.high - found.low > 1e-6
        assert found.high <= (0.0 if metric == "neg_log_loss" else 1.0)
        assert metric == "neg_log_loss" or found.low >= 0.0


@settings(max_examples=60, deadline=None)
@given(problems(), st.sampled_from(METRICS), st.integers(0, 99))
def test_a_difference_turns_round_and_never_has_zero_width(problem, metric, seed):
    codes, proba, groups = problem
    other = np.random.default_rng(seed).dirichlet(np.ones(proba.shape[1]), len(codes))
    one = paired_difference(metric, codes, proba, other, groups=groups, n_resamples=100)
    two = paired_difference(metric, codes, other, proba, groups=groups, n_resamples=100)
    if np.isnan(one.value):
        return
    assert one.value == pytest.approx(score(metric, codes, proba) - score(metric, codes, other))
    assert two.value == pytest.approx(-one.value)
    assert one.low <= one.value <= one.high
    assert one.high - one.low > 1e-6


@pytest.mark.parametrize("metric", METRICS)
def test_a_model_against_itself_is_a_tie_of_some_width(metric):
    rng = np.random.default_rng(0)
    codes, proba = rng.integers(0, 3, 60), rng.dirichlet(np.ones(3), 60)
    found = paired_difference(metric, codes, proba, proba)
    assert found.value == 0.0
    assert found.is_tie
    assert found.low < 0.0 < found.high


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    rng = np.random.default_rng(0)
    codes, proba = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    one, two = bootstrap("macro_f1", codes, proba), bootstrap("macro_f1", codes, proba)
    other = bootstrap("macro_f1", codes, proba, random_state=1)
    assert one == two
    assert other != one
    assert other.low == pytest.approx(one.low, abs=0.01)


@pytest.mark.parametrize("metric", METRICS)
def test_groups_of_one_row_are_rows_and_their_names_do_not_matter(metric):
    rng = np.random.default_rng(1)
    codes, proba = rng.integers(0, 2, 80), rng.dirichlet(np.ones(2), 80)
    alone = bootstrap(metric, codes, proba, n_resamples=4000)
    named = bootstrap(metric, codes, proba, groups=[f"g{i}" for i in range(80)], n_resamples=4000)
    assert (named.low, named.high) == pytest.approx((alone.low, alone.high), abs=0.02)


def test_rows_without_probabilities_leave_with_their_groups():
    rng = np.random.default_rng(2)
    codes, proba, groups = rng.integers(0, 2, 60), rng.dirichlet(np.ones(2), 60), np.arange(60) // 3
    holed = proba.copy()
    holed[::4] = np.nan
    kept = np.arange(60) % 4 > 0
    found = bootstrap("accuracy", codes, holed, groups=groups)
    assert found == bootstrap("accuracy", codes[kept], proba[kept], groups=groups[kept])
    both = paired_difference("accuracy", codes, holed, proba[:, ::-1], groups=groups)
    assert both == paired_difference("accuracy", codes[kept], proba[kept], proba[kept][:, ::-1], groups=groups[kept])


def test_five_rows_that_differ_prove_nothing_and_twelve_do():
    codes = np.zeros(500, dtype=np.int64)
    good = np.tile([0.9, 0.1], (500, 1))
    for n_worse, is_tie in ((5, True), (12, False)):
        bad = good.copy()
        bad[:n_worse] = [0.1, 0.9]
        assert paired_difference("accuracy", codes, good, bad).is_tie is is_tie


def test_no_rows_and_undefined_scores_have_no_interval():
    nothing = bootstrap("accuracy", np.empty(0, dtype=int), np.empty((0, 2)))
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    one_class = np.zeros(5, dtype=int)
    assert np.isnan(bootstrap("roc_auc", one_class, np.full((5, 2), 0.5)).low)
    assert paired_difference("roc_auc", one_class, np.full((5, 2), 0.5), np.full((5, 2), 0.5)).is_tie


def test_a_difference_is_a_tie_unless_zero_lies_outside():
    assert Difference(0.1, 0.0, 0.2).is_tie
    assert not Difference(-0.1, -0.2, -0.01).is_tie
    assert Difference(float("nan"), float("nan"), float("nan")).is_tie


def test_repeated_scores_have_no_interval_beyond_what_the_metric_can_be():
    scores = [0.0, 1.0, 0.9, 0.2]
    free, held = corrected_interval(scores, 6, 2), corrected_interval(scores, 6, 2, bounds=(0.0, 1.0))
    assert free.low < 0
    assert free.high > 1
    assert (held.value, held.low, held.high) == (free.value, 0.0, 1.0)


def test_scores_that_are_all_alike_keep_some_width_and_unknown_ones_are_left_out():
    found = corrected_interval([[0.9, 0.9], [0.9, np.nan]], 80, 20, "cv")
    assert (found.value, found.rule) == (pytest.approx(0.9), "cv")
    assert found.high - found.low == pytest.approx(0.06)


def test_what_cannot_be_is_refused():
    codes, proba = np.array([0, 1]), np.full((2, 2), 0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        bootstrap("acuracy", codes, proba)
    with pytest.raises(UnknownNameError, match="Did you mean 'roc_auc'"):
        paired_difference("rocauc", codes, proba, proba)
    with pytest.raises(InputError, match="one group a row, got 3 for 2 rows"):
        bootstrap("accuracy", codes, proba, groups=[1, 2, 3])
    with pytest.raises(InputError, match=r"got \(2,\) and \(3, 2\)"):
        paired_difference("accuracy", codes, proba, np.full((3, 2), 0.5))
    with pytest.raises(InputError, match="at least 2 scores, got 1"):
        corrected_interval([0.5, np.nan], 80, 20)
    with pytest.raises(InputError, match="got n_train=0 and n_test=20"):
        corrected_interval([0.5, 0.6], 0, 20)
    with pytest.raises(InputError, match="successes from 0 to 3, got 4"):
        wilson(4, 3)


def test_no_trials_know_nothing_and_fractions_of_trials_count():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(2.5, 2.5)[0] < wilson(5, 5)[0]
