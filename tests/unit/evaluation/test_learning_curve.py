import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.deadline import Deadline
from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.learning_curve import LearningCurve, labels_saved, learning_curve


class Nearest:
    """The class with the nearest mean, as an estimator that knows only the classes it saw."""

    def fit(self, X, codes):
        self.classes_ = np.unique(codes)
        self.means = np.stack([X[codes == c].mean(0) for c in self.classes_])
        return self

    def predict_proba(self, X):
        near = np.exp(-((X[:, None] - self.means[None]) ** 2).sum(2) / 2)
        return near / near.sum(1, keepdims=True)


def nearest(X, codes):
    return Nearest().fit(X, codes)


def problem(seed=0, n=240, n_classes=3, shift=0.8, d=12):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_classes, n)
    X = rng.normal(size=(n_classes, d))[codes] * shift + rng.normal(size=(n, d))
    return X, codes


def cut(n, n_folds=4):
    part = np.arange(n) % n_folds
    return [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(n_folds)]


def test_more_labels_score_better_and_the_last_point_is_the_whole_fold():
    X, codes = problem(shift=0.4)
    curve = learning_curve(X, codes, cut(240), fit=nearest, metric="accuracy")
    assert curve.sizes[-1] == 180
    assert (np.diff(curve.sizes) > 0).all()
    assert curve.mean[-1] > curve.mean[0] + 0.05
    assert (curve.low < curve.high).all()
    assert ((curve.low <= curve.mean) & (curve.mean <= curve.high)).all()


def test_the_last_point_is_the_cross_validated_score():
    X, codes = problem()
    exact = [np.mean(nearest(X[a], codes[a]).predict_proba(X[b]).argmax(1) == codes[b]) for a, b in cut(240)]
    curve = learning_curve(X, codes, cut(240), fit=nearest, metric="accuracy")
    assert curve.mean[-1] == pytest.approx(np.mean(exact))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.booleans())
def test_parts_are_nested_stratified_whole_groups_of_training_rows_only(seed, n_classes, is_grouped):
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, n_classes, 120))
    groups = np.arange(120) // 3 if is_grouped else None
    X = np.arange(120.0)[:, None]
    folds = [(np.arange(0, 90), np.arange(90, 120))]
    seen = []

    def fit(rows, found):
        seen.append(rows[:, 0].astype(int))
        assert (codes[seen[-1]] == found).all()
        return lambda asked: np.full((len(asked), n_classes), 1 / n_classes)

    curve = learning_curve(X, codes, folds, fit=fit, metric="accuracy", groups=groups, random_state=seed)
    assert [len(rows) for rows in seen] == curve.sizes.tolist() or len(set(map(len, seen))) < len(seen)
    for smaller, larger in zip(seen, seen[1:], strict=False):
        assert set(smaller) <= set(larger)
    for rows in seen:
        assert rows.max() < 90
        assert len(np.unique(codes[rows])) >= 2
        if groups is not None:
            assert np.isin(np.arange(90), rows).reshape(-1, 3).std(1).max() == 0
    if not is_grouped:
        whole = np.bincount(codes[:90], minlength=n_classes)
        there = whole > 0
        for rows in seen:  # one share fits every class to within a row
            counts = np.bincount(codes[rows], minlength=n_classes)
            assert ((counts - 1)[there] / whole[there]).max() <= ((counts + 1)[there] / whole[there]).min() + 1e-9


def test_sizes_may_be_given():
    X, codes = problem()
    curve = learning_curve(X, codes, cut(240), fit=nearest, metric="macro_f1", sizes=[100, 20, 180])
    assert curve.sizes.tolist() == [20, 100, 180]


def test_the_same_seed_gives_the_same_curve():
    X, codes = problem()
    one, two, other = (
        learning_curve(X, codes, cut(240), fit=nearest, metric="neg_log_loss", random_state=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.mean, two.mean)
    assert (one.mean[:-1] != other.mean[:-1]).any()


def test_the_first_fit_alone_is_made_when_there_is_no_time():
    X, codes = problem()
    fits = []

    def fit(rows, found):
        fits.append(len(rows))
        return nearest(rows, found)

    curve = learning_curve(X, codes, cut(240), fit=fit, metric="accuracy", deadline=Deadline(time.monotonic() - 1))
    assert len(fits) == 1
    assert len(curve.sizes) == 1
    assert curve.low[0] < curve.high[0]


def test_rows_outside_the_folds_do_not_matter():
    X, codes = problem()
    folds = [(a[a < 200], b[b < 200]) for a, b in cut(240)]
    before = learning_curve(X, codes, folds, fit=nearest, metric="accuracy")
    X, codes = X.copy(), codes.copy()
    X[200:], codes[200:] = 99.0, 0
    after = learning_curve(X, codes, folds, fit=nearest, metric="accuracy")
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.low, after.low)


def test_what_cannot_be_is_refused():
    X, codes = problem()
    with pytest.raises(UnknownNameError, match="metric needs a known name, got 'f1'"):
        learning_curve(X, codes, cut(240), fit=nearest, metric="f1")
    with pytest.raises(InputError, match="at least one fold, got none"):
        learning_curve(X, codes, [], fit=nearest, metric="accuracy")
    with pytest.raises(InputError, match=r"sizes from 2 to 180, got \[10, 181\]"):
        learning_curve(X, codes, cut(240), fit=nearest, metric="accuracy", sizes=[10, 181])
    with pytest.raises(InputError, match=r"sizes from 2 to 180, got \[\]"):
        learning_curve(X, codes, cut(240), fit=nearest, metric="accuracy", sizes=[])


def curve(sizes, mean):
    sizes, mean = np.array(sizes, dtype=float), np.array(mean, dtype=float)
    return LearningCurve(sizes, mean, mean - 0.1, mean + 0.1)


def test_the_labels_saved_are_read_between_the_points_on_a_logarithmic_scale():
    found = labels_saved(curve([10, 100, 1000], [0.5, 0.7, 0.9]), curve([10, 100, 1000], [0.4, 0.5, 0.6]))
    assert found.with_transfer == pytest.approx(10**1.5)
    assert found.without == 1000
    assert found.needed == pytest.approx([100, np.inf, np.inf])
    assert found.sentence == "32 labels with transfer do the work of 1,000 without."


@pytest.mark.parametrize(
    ("with_transfer", "without", "sentence"),
    [
        ([0.6, 0.8, 0.9], [0.2, 0.3, 0.5], "10 or fewer labels with transfer do the work of 1,000 without."),
        ([0.4, 0.5, 0.6], [0.5, 0.7, 0.9], "1,000 labels with transfer only do the work of 32 without."),
        ([0.1, 0.2, 0.3], [0.5, 0.7, 0.9], "1,000 labels with transfer only do the work of 10 or fewer without."),
        ([0.5, 0.7, 0.9], [0.5, 0.7, 0.9], "It takes about 1,000 labels with transfer as well as without."),
        ([0.5, 0.6, 0.9], [0.5, 0.8, 0.7], "464 labels with transfer only do the work of 100 without."),
        ([0.5, 0.6, 0.9], [np.nan] * 3, ""),
    ],
)
def test_the_sentence_says_which_side_needs_fewer(with_transfer, without, sentence):
    sizes = [10, 100, 1000]
    assert labels_saved(curve(sizes, with_transfer), curve(sizes, without)).sentence == sentence
