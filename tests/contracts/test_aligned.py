"""scikit-learn's checks over every alignment and method, plain and with a target; and what only the wrapper does."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.errors import InputError
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.easytl import EasyTL
from headstart.strategies.feature.feature_augmentation import FeatureAugmentation
from headstart.strategies.feature.gfk import GFK
from headstart.strategies.feature.jdot import JDOT
from headstart.strategies.feature.meda import MEDA
from headstart.strategies.feature.optimal_transport import OptimalTransport
from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
from headstart.strategies.feature.standardise import Standardise
from headstart.strategies.unlabelled import Unlabelled
from headstart.testing.alignment_checks import planted

NOT_WEIGHTED = "the alignment reads rows, not their weights, so a row of weight 2 is not two rows"


def _moved(X):
    """A target for any input that has the shape of one: other rows, moved and stretched."""
    if issparse(X):
        return X.tocsr()[::-1] * 1.1
    try:
        rows = np.asarray(X)
        rows = rows if np.iscomplexobj(rows) else rows.astype(np.float64)
    except (TypeError, ValueError):
        return X
    return rows[::-1] * 1.1 + 0.1 if rows.ndim == 2 else X


class SuppliedAligned(Aligned):
    """Its fit has a target always."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, X_target=_moved(X), sample_weight=sample_weight)


class SuppliedEasyTL(EasyTL):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, X_target=_moved(X), sample_weight=sample_weight)


class SuppliedJDOT(JDOT):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, X_target=_moved(X), sample_weight=sample_weight)


class SuppliedMEDA(MEDA):
    def fit(self, X, y, sample_weight=None):
        return super().fit(X, y, X_target=_moved(X), sample_weight=sample_weight)


SUPPLIED_METHODS = {"easytl": SuppliedEasyTL(), "jdot": SuppliedJDOT(gamma=1.0), "meda": SuppliedMEDA(gamma=1.0)}
QUICK = ("coral", "tca")
"""Alignments that are checked every time; the slow tests check the others, dozens of checks each."""


def _plain(chosen):
    return [Aligned(LogisticRegression(max_iter=1000), ALIGNMENTS.make(name)) for name in chosen]


def _supplied(chosen):
    classifiers = [SuppliedAligned(LogisticRegression(max_iter=1000), ALIGNMENTS.make(name)) for name in chosen]
    without_labels = [name for name in chosen if not ALIGNMENTS.class_of(name).needs_labels]
    return classifiers + [SuppliedAligned(Ridge(), ALIGNMENTS.make(name)) for name in without_labels]


OTHERS = [name for name in ALIGNMENTS.names() if name not in QUICK]


def _expected(estimator):
    has_gfk = isinstance(getattr(estimator, "alignment", None), GFK)
    if has_gfk and isinstance(estimator.estimator, Ridge):
        return {}  # the check's 15 rows of 30 columns lie in the flow whatever their weights are
    if isinstance(getattr(estimator, "alignment", None), (OptimalTransport, FeatureAugmentation)):
        return {}  # equal rows go to equal rows; nothing is learnt from rows
    expected = {"check_sample_weight_equivalence_on_dense_data": NOT_WEIGHTED}
    if isinstance(estimator, SuppliedAligned):
        expected["check_sample_weight_equivalence_on_sparse_data"] = NOT_WEIGHTED
    if isinstance(estimator, SuppliedMEDA) or has_gfk:
        expected["check_classifiers_train"] = "of the two columns that the check has, half are kept"
    return expected


def test_every_method_is_checked():
    assert set(SUPPLIED_METHODS) == set(FEATURE_METHODS.names())


@parametrize_with_checks([*_plain(QUICK), Aligned(Ridge(), Coral()), EasyTL(), JDOT(gamma=1.0), MEDA(gamma=1.0)])
def test_scikit_learn_checks_without_a_target(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(_plain(OTHERS))
def test_scikit_learn_checks_of_the_others_without_a_target(estimator, check):
    check(estimator)


@parametrize_with_checks([*_supplied(QUICK), *SUPPLIED_METHODS.values()], expected_failed_checks=_expected)
def test_scikit_learn_checks_with_a_target(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(_supplied(OTHERS), expected_failed_checks=_expected)
def test_scikit_learn_checks_of_the_others_with_a_target(estimator, check):
    check(estimator)


def test_without_a_target_it_is_the_plain_estimator():
    source, y, target, _ = planted()
    model, plain = Aligned(LogisticRegression(), Coral()).fit(source, y), LogisticRegression().fit(source, y)
    assert not model.adapted_
    assert model.alignment_ is None
    assert np.array_equal(model.predict_proba(target), plain.predict_proba(target))
    domains = np.full(len(target), "source")
    assert np.array_equal(model.predict(target, sample_domain=domains), plain.predict(target))


def test_rows_go_through_the_map_of_their_domain():
    source, y, target, _ = planted()
    target = 6 - target
    sites = np.array(["here", "there"])[y % 2]
    model = Aligned(KNeighborsClassifier(1), Coral()).fit(source, y, X_target=target, sample_domain=sites)
    assert model.adapted_
    moved = Coral().fit(source, target)
    inner = KNeighborsClassifier(1).fit(moved.transform_source(source), y)
    assert np.array_equal(model.predict(target), inner.predict(target))
    assert model.score(source, y, sample_domain=sites) == 1.0
    assert model.score(source, y) < 1.0  # taken for target rows they lie elsewhere
    mixed, names = np.concatenate([target[:5], source[:5], target[5:9]]), ["new"] * 5 + ["here"] * 5 + ["new"] * 4
    expected = np.concatenate([inner.predict(target[:5]), y[:5], inner.predict(target[5:9])])
    assert np.array_equal(model.predict(mixed, sample_domain=names), expected)


def test_labelled_target_rows_are_learnt_from_and_others_cannot_leak():
    source, y, target, y_target = planted()
    nothing = np.full(len(target), None, dtype=object)
    plain = Aligned(LogisticRegression(), Coral()).fit(source, y, X_target=target)
    silent = Aligned(LogisticRegression(), Coral()).fit(source, y, X_target=target, y_target=nothing)
    assert np.array_equal(plain.estimator_.coef_, silent.estimator_.coef_)
    few = nothing.copy()
    few[:6] = y_target[:6]
    told = Aligned(LogisticRegression(), Coral()).fit(source, y, X_target=target, y_target=few)
    moved = Coral().fit(source, target)
    rows = np.concatenate([moved.transform_source(source), target[:6]])
    by_hand = LogisticRegression().fit(rows, np.concatenate([y, y_target[:6]]))
    np.testing.assert_allclose(told.estimator_.coef_, by_hand.coef_, atol=1e-10)


@pytest.mark.parametrize("name", ALIGNMENTS.names())
def test_the_targets_labels_are_not_read_through_the_rows_of_the_source(name):
    source, y, target, _ = planted()
    model = Aligned(LogisticRegression(max_iter=5000), ALIGNMENTS.make(name)).fit(source, y, X_target=target)
    again = clone(model).fit(source, y, X_target=target.copy(), y_target=[None] * len(target))
    assert np.array_equal(model.predict_proba(target), again.predict_proba(target))


@pytest.mark.parametrize("name", ALIGNMENTS.names())
@pytest.mark.parametrize("labels", [[-1, 1], [False, True], ["no", "yes"]], ids=["signs", "bool", "str"])
def test_labels_of_any_kind_come_back(name, labels):
    source, y, target, _ = planted()
    labels = np.array(labels)
    model = Aligned(LogisticRegression(max_iter=5000), ALIGNMENTS.make(name)).fit(
        source, labels[y % 2], X_target=target
    )
    assert model.classes_.dtype == labels.dtype
    plain = Aligned(LogisticRegression(max_iter=5000), ALIGNMENTS.make(name)).fit(source, y % 2, X_target=target)
    assert np.array_equal(model.predict(target), labels[plain.predict(target)])


@pytest.mark.parametrize("model", [EasyTL(), JDOT(), MEDA()], ids=["easytl", "jdot", "meda"])
def test_methods_that_predict_take_labels_frames_and_leave_inputs_alone(model):
    source, y, target, y_target = planted()
    plain = clone(model).fit(source, y, X_target=target)
    assert plain.adapted_
    assert plain.score(target, y_target) > 0.6
    order = np.array([2, 0, 1])
    for array in (source, target):
        array.setflags(write=False)
    renamed = clone(model).fit(source, np.array(["b", "c", "a"])[y], X_target=target)
    assert np.array_equal(renamed.predict(target), np.array(["b", "c", "a"])[plain.predict(target)])
    np.testing.assert_allclose(renamed.predict_proba(target)[:, [1, 2, 0]], plain.predict_proba(target), atol=1e-8)
    assert order.tolist() == [2, 0, 1]
    frame = clone(model).fit(pd.DataFrame(source), y, X_target=pd.DataFrame(target))
    assert np.array_equal(frame.predict(pd.DataFrame(target)), plain.predict(target))
    single = np.concatenate([plain.predict_proba(row[None]) for row in target])
    np.testing.assert_allclose(single, plain.predict_proba(target), atol=1e-8)
    assert np.array_equal(plain.target_labels_, plain.predict(target))
    few = np.full(len(target), None, dtype=object)
    silent = clone(model).fit(source, y, X_target=target, y_target=few)
    assert np.array_equal(silent.predict_proba(target), plain.predict_proba(target))


def test_regressors_and_several_outputs():
    source, _, target, _ = planted()
    y = source @ np.ones((6, 2))
    model = Aligned(LinearRegression(), Coral()).fit(source, y, X_target=target)
    assert model.predict(target).shape == (len(target), 2)
    with pytest.raises(AttributeError, match="predict_proba"):
        _ = model.predict_proba


def test_a_search_leaves_the_target_whole():
    source, y, target, _ = planted()
    other = target[: len(target) // 2]
    search = GridSearchCV(Aligned(LogisticRegression(), Coral()), {"alignment__regularization": [0.1, 1.0]}, cv=3)
    search.fit(source, y, X_target=Unlabelled(np.concatenate([target, other])[: len(source)]))
    assert search.best_estimator_.adapted_
    direct = Aligned(
        LogisticRegression(), Coral(**{"regularization": search.best_params_["alignment__regularization"]})
    )
    direct.fit(source, y, X_target=np.concatenate([target, other])[: len(source)])
    assert np.array_equal(direct.predict_proba(target), search.predict_proba(target))


def test_bad_input_gets_one_line():
    source, y, target, y_target = planted()
    holed = target.copy()
    holed[0, 0] = np.nan
    model = Aligned(LogisticRegression(), Standardise())
    for keywords, word in (
        ({"X_target": target[:, :4]}, "4"),
        ({"X_target": target[:0]}, "at least 1 row"),
        ({"X_target": holed}, "NaN"),
        ({"y_target": y_target}, "X_target"),
        ({"X_target": target, "y_target": y_target[:3]}, "y_target"),
        ({"X_target": target, "sample_domain": ["a"]}, "domain"),
    ):
        with pytest.raises(InputError, match=word) as caught:
            clone(model).fit(source, y, **keywords)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="KNeighborsClassifier"):
        Aligned(KNeighborsClassifier(), Coral()).fit(source, y, X_target=target, sample_weight=np.ones(len(y)))
    with pytest.raises(NotFittedError, match="not fitted"):
        model.predict(source)
