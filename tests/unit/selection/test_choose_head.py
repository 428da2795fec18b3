import numpy as np
import pytest

import headstart.selection.choose_head as choose_head_module
from headstart.deadline import Deadline
from headstart.errors import DeadlineExceededError, InputError, UnknownNameError
from headstart.selection.choose_head import choose_head

CLASSES = ["a", "b", "c"]
FAST = ["majority", "prototypes", "ridge", "logistic", "neighbours"]


def _accuracy(codes, proba):
    return float((proba.argmax(axis=1) == codes).mean())


def _rows(n=120, d=10, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    X = rng.standard_normal((n, d)) + spread * rng.standard_normal((3, d))[codes]
    folds = [(np.flatnonzero(np.arange(n) % 4 != k), np.flatnonzero(np.arange(n) % 4 == k)) for k in range(4)]
    return X.astype(np.float32), codes, folds


def _choose(X, codes, folds, **settings):
    return choose_head(X, codes, CLASSES, folds, **{"heads": FAST, "metric": _accuracy, **settings})


def test_the_winner_is_the_simplest_within_one_standard_error():
    choice = _choose(*_rows())
    eligible = [c for c, good in zip(choice.candidates, choice.within_one_standard_error, strict=True) if good]
    assert choice.winner in eligible
    assert all((choice.winner.cost_rank, choice.winner.strength) <= (c.cost_rank, c.strength) for c in eligible)
    best = max(choice.candidates, key=lambda c: c.mean)
    loss = best.fold_scores - choice.winner.fold_scores
    assert loss.mean() <= loss.std(ddof=1) / 2 + 1e-12


def test_features_that_say_nothing_choose_the_majority():
    X, codes, folds = _rows(spread=0.0)
    assert _choose(X, np.zeros_like(codes) + (codes == 2), folds).winner.head == "majority"


def test_the_probabilities_are_the_winner_out_of_fold():
    from headstart.heads.registry import make

    X, codes, folds = _rows()
    choice = _choose(X, codes, folds, heads=["prototypes"])
    for train, valid in folds:
        expected = make("prototypes", **choice.winner.settings).fit(X[train], codes[train]).predict_proba(X[valid])
        np.testing.assert_allclose(choice.probabilities[valid], expected, atol=1e-12)
    np.testing.assert_allclose(choice.winner.fold_scores.mean(), choice.winner.mean)


def test_rows_outside_the_folds_are_not_read():
    X, codes, _ = _rows()
    folds = [(np.arange(50), np.arange(50, 90)), (np.arange(40, 90), np.arange(40))]
    plain = _choose(X, codes, folds)
    X[90:], codes[90:] = np.nan, 77
    again = _choose(X, codes, folds)
    assert np.array_equal(plain.probabilities, again.probabilities, equal_nan=True)
    assert np.isnan(plain.probabilities[90:]).all()
    assert plain.winner.settings == again.winner.settings


def test_all_heads_run_and_repeat():
    X, codes, folds = _rows(n=60)
    first, second = (_choose(X, codes, folds, heads=None) for _ in range(2))
    assert {c.head for c in first.candidates} >= {"rbf_svm", "mlp", "linear_svm", "logistic"}
    assert np.array_equal(first.probabilities, second.probabilities)
    for a, b in zip(first.candidates, second.candidates, strict=True):
        assert np.array_equal(a.fold_scores, b.fold_scores)


def test_the_refitted_winner_answers_for_every_class():
    X, codes, folds = _rows()
    choice = _choose(X, codes, folds)
    head = choice.refit(X, codes)
    assert head.proba_by_code(X, 5).shape == (120, 5)
    assert _accuracy(codes, head.proba_by_code(X, 3)) > 0.7


def test_a_class_missing_from_a_fold_keeps_its_column():
    X, codes, _ = _rows()
    codes = np.where(np.arange(120) < 90, codes % 2, codes)
    folds = [(np.arange(90), np.arange(90, 120)), (np.arange(30, 120), np.arange(30))]
    assert _choose(X, codes, folds).probabilities.shape == (120, 3)


def test_slow_heads_are_skipped_by_size_and_by_the_deadline(monkeypatch):
    X, codes, folds = _rows()
    short = _choose(X, codes, folds, heads=["prototypes", "boosting"], deadline=Deadline.after(0.5))
    assert [c.head for c in short.candidates if c.skipped] == ["boosting"]
    monkeypatch.setattr(choose_head_module, "NAMED_SECONDS", 0.5)
    large = _choose(X, codes, folds, heads=["prototypes", "boosting"])
    assert "too slow" in large.candidates[-1].skipped


def test_no_time_at_all_is_said():
    with pytest.raises(DeadlineExceededError, match="needs time for one head"):
        _choose(*_rows(), deadline=Deadline.after(0.0))


def test_a_group_on_both_sides_is_refused():
    X, codes, folds = _rows()
    with pytest.raises(InputError, match="whole groups"):
        _choose(X, codes, folds, groups=np.arange(120) // 2)
    assert _choose(X, codes, folds, groups=np.arange(120) % 4).winner


def test_codes_beyond_the_classes_are_refused():
    X, codes, folds = _rows()
    with pytest.raises(InputError, match="codes from 0 to 2"):
        _choose(X, codes + 1, folds)


def test_an_unknown_head_is_refused():
    with pytest.raises(UnknownNameError, match="logistic"):
        _choose(*_rows(), heads=["logistics"])


def test_progress_counts_the_heads():
    told = []
    _choose(*_rows(), heads=["majority", "ridge"], progress=lambda *args: told.append(args))
    assert told == [("heads", 1, 2), ("heads", 2, 2)]
