import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.metrics import METRICS, check_metric, metrics, score

CODES, PROBA = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])


@st.composite
def problems(draw):
    n, n_classes = draw(st.integers(2, 40)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    proba = rng.dirichlet(np.ones(n_classes), n)
    return rng.integers(0, n_classes, n), proba, rng


@settings(max_examples=40, deadline=None)
@given(problems(), st.sampled_from(METRICS))
def test_the_order_of_rows_does_not_matter(problem, metric):
    codes, proba, rng = problem
    order = rng.permutation(len(codes))
    assert score(metric, codes[order], proba[order]) == pytest.approx(score(metric, codes, proba), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(problems(), st.sampled_from(METRICS))
def test_the_numbering_of_classes_does_not_matter(problem, metric):
    codes, proba, rng = problem
    new = rng.permutation(proba.shape[1])
    renumbered = np.empty_like(proba)
    renumbered[:, new] = proba
    assert score(metric, new[codes], renumbered) == pytest.approx(score(metric, codes, proba), nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(problems(), st.sampled_from(METRICS))
def test_scores_stay_within_their_bounds_and_the_truth_is_best(problem, metric):
    codes, proba, _ = problem
    perfect = np.eye(proba.shape[1])[codes]
    found, best = score(metric, codes, proba), score(metric, codes, perfect)
    assert np.isnan(found) or found <= best
    if metric == "neg_log_loss":
        assert best == 0.0
    else:
        assert np.isnan(found) or 0.0 <= found <= 1.0
        assert best == 1.0 or len(set(codes.tolist())) < 2


@settings(max_examples=20, deadline=None)
@given(problems(), st.sampled_from(METRICS))
def test_rows_that_were_never_predicted_are_left_out(problem, metric):
    codes, proba, rng = problem
    kept = rng.random(len(codes)) < 0.6
    holed = np.where(kept[:, None], proba, np.nan)
    assert score(metric, codes, holed) == pytest.approx(score(metric, codes[kept], proba[kept]), nan_ok=True)


@pytest.mark.parametrize("metric", METRICS)
def test_no_rows_have_no_score(metric):
    assert np.isnan(score(metric, np.empty(0, dtype=int), np.empty((0, 3))))


def test_one_class_has_no_area_and_no_error():
    assert np.isnan(score("roc_auc", np.zeros(4, dtype=int), np.full((4, 2), 0.5)))


def test_figures_of_no_rows_are_nan():
    assert all(np.isnan(value) for value in metrics(np.empty(0, dtype=int), np.empty((0, 2)), ["a", "b"]).values())


def test_the_figures_are_named():
    found = metrics(CODES, PROBA, ["dog", "cat"])
    names = {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "ece", "f1[dog]", "f1[cat]"}
    assert set(found) == names
    assert found["f1[dog]"] == pytest.approx(2 / 3)
    assert found["log_loss"] > 0


def test_inputs_are_not_changed():
    codes, proba = CODES.copy(), PROBA.copy()
    codes.setflags(write=False)
    proba.setflags(write=False)
    metrics(codes, proba, ["a", "b"])


def test_an_unknown_metric_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match="metric needs a known name, got 'macro_f2'. Did you mean 'macro_f1'"):
        score("macro_f2", CODES, PROBA)
    assert check_metric("accuracy") == "accuracy"


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"got \(2,\) and \(3, 2\)"):
        score("accuracy", CODES[:2], PROBA)
    with pytest.raises(InputError, match=r"got \(3,\) and \(3,\)"):
        score("accuracy", CODES, PROBA[:, 0])
    with pytest.raises(InputError, match="codes from 0 to 1, got 0 to 2"):
        score("accuracy", np.array([0, 1, 2]), PROBA)
    with pytest.raises(InputError, match="codes from 0 to 1, got -1 to 1"):
        score("accuracy", np.array([0, 1, -1]), PROBA)
    with pytest.raises(InputError, match=r"probabilities from 0 to 1, got -2\.99"):
        score("accuracy", CODES, PROBA * [[1, 1], [1, 1], [-30 / 7, 1]])
    with pytest.raises(InputError, match="probabilities from 0 to 1, got nan"):
        score("accuracy", CODES, np.array([[0.5, np.nan], [0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(InputError, match="one column a class, got 2 for 3 classes"):
        metrics(CODES, PROBA, ["a", "b", "c"])
