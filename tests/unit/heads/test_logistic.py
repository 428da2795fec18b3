import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from headstart.errors import InputError
from headstart.heads._one_standard_error import within_one_standard_error
from headstart.heads.logistic import LogisticRegressionPath
from headstart.heads.ridge import RidgePath


def _rows(n=120, d=10, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % n_classes
    X = rng.standard_normal((n, d)) + rng.standard_normal((n_classes, d))[codes]
    return X.astype(np.float32), codes


def _folds(n, k=4):
    return [(np.flatnonzero(np.arange(n) % k != i), np.flatnonzero(np.arange(n) % k == i)) for i in range(k)]


def test_noise_gets_the_strongest_penalty():
    X, _ = _rows()
    codes = np.random.default_rng(5).integers(0, 2, len(X))
    head = LogisticRegressionPath().fit(X, codes)
    assert head.C_ == pytest.approx(0.01 / 10)


def test_the_chosen_penalty_is_on_the_strong_side_of_the_best():
    X, codes = _rows(n_classes=3)
    folds = _folds(120)
    head = LogisticRegressionPath(cv=folds)
    path = head.fit_path(X, codes, folds)
    losses = [[-np.log(proba[valid, codes[valid]]).mean() for _, valid in folds] for proba in path.probabilities]
    best = path.settings[int(np.argmin(np.mean(losses, axis=1)))]["C"]
    assert head.fit(X, codes).C_ <= best


@pytest.mark.parametrize("head", [LogisticRegressionPath(), RidgePath()], ids=["logistic", "ridge"])
def test_the_path_does_not_read_rows_outside_the_folds(head):
    X, codes = _rows()
    folds = [(np.arange(10, 60), np.arange(60, 90)), (np.arange(60, 90), np.arange(10, 60))]
    plain = head.fit_path(X, codes, folds)
    spoilt, other = X.copy(), codes.copy()
    outside = np.r_[0:10, 90:120]
    spoilt[outside], other[outside] = np.nan, 99
    again = head.fit_path(spoilt, other, folds)
    assert np.array_equal(plain.probabilities, again.probabilities, equal_nan=True)
    assert np.isnan(plain.probabilities[:, outside]).all()
    np.testing.assert_allclose(plain.probabilities[:, 10:90].sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("head", [LogisticRegressionPath(), RidgePath()], ids=["logistic", "ridge"])
def test_the_labels_of_a_validation_part_do_not_reach_its_probabilities(head):
    X, codes = _rows()
    train, valid = np.arange(80), np.arange(80, 120)
    plain = head.fit_path(X, codes, [(train, valid)]).probabilities
    shuffled = codes.copy()
    shuffled[valid] = codes[valid][::-1]
    again = head.fit_path(X, shuffled, [(train, valid)]).probabilities
    assert np.array_equal(plain, again, equal_nan=True)


def test_the_path_is_the_same_in_one_fold_as_in_many():
    X, codes = _rows()
    folds = _folds(120)
    together = LogisticRegressionPath(tol=1e-10).fit_path(X, codes, folds).probabilities
    for fold in folds:
        alone = LogisticRegressionPath(tol=1e-10).fit_path(X, codes, [fold, fold]).probabilities
        np.testing.assert_allclose(alone[:, fold[1]], together[:, fold[1]], atol=1e-4)


def test_a_class_that_a_fold_lacks_has_no_probability_there():
    X, codes = _rows()
    codes = np.where(np.arange(120) < 30, 3, codes)  # class 3 only in the first rows
    folds = [(np.arange(30, 120), np.arange(30)), (np.arange(90), np.arange(90, 120))]
    proba = LogisticRegressionPath().fit_path(X, codes, folds).probabilities
    assert (proba[:, :30, 3] == 0).all()
    assert (proba[:, 90:, 3] > 0).all()


def test_a_fold_with_one_class_to_learn_from_is_survived():
    X, _ = _rows()
    codes = (np.arange(120) < 60).astype(int)
    folds = [(np.arange(60), np.arange(60, 120)), (np.arange(30, 120), np.arange(30))]
    proba = LogisticRegressionPath().fit_path(X, codes, folds).probabilities[:, np.r_[:30, 60:120]]
    assert np.isfinite(proba).all()


def test_too_few_passes_are_told():
    X, codes = _rows()
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        LogisticRegressionPath(10.0, max_iter=1, tol=1e-10).fit(X, codes)


@pytest.mark.parametrize(
    "settings", [{"C": -1.0}, {"Cs": []}, {"Cs": [0.0]}, {"class_weight": "even"}, {"scaling": "min"}]
)
def test_unusable_settings_are_refused(settings):
    X, codes = _rows()
    with pytest.raises(InputError, match="needs"):
        LogisticRegressionPath(**settings).fit(X, codes)


@pytest.mark.parametrize("folds", [[], [(np.arange(5), np.arange(4, 9))], [(np.arange(5), np.arange(500, 505))]])
def test_unusable_folds_are_refused(folds):
    X, codes = _rows()
    with pytest.raises(InputError, match="fit_path needs"):
        LogisticRegressionPath().fit_path(X, codes, folds)


def test_one_standard_error_is_paired():
    base = np.array([0.5, 0.7, 0.9, 0.6])  # folds differ a lot, settings little
    always_worse = base - 0.05
    as_good = base + np.array([-0.01, 0.01, -0.01, 0.005])
    assert within_one_standard_error(np.stack([always_worse, as_good, base])).tolist() == [False, True, True]
    assert within_one_standard_error(np.array([[0.1], [0.2]])).tolist() == [False, True]
    assert within_one_standard_error(np.array([[np.nan, 0.3], [np.nan, 0.2]])).tolist() == [True, False]
