"""What every validator must do; run over your own with ``for check in EVERY_CHECK: check(make)``.

``make(X_target, candidates)`` builds a scorer; ``candidates`` are fitted models, for validators that compare. A check
raises AssertionError with one line.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from headstart.errors import InputError
from headstart.testing.two_domains import labels_for, two_domains

Make = Callable[[Any, list[Any]], Any]
Check = Callable[[Make], None]
NEAR = 1e-9
"""Values that must be the same differ by less."""
DRAWN = 0.25
"""Values that hang on other draws differ by less."""


class NearestCentre(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """``p(class | x) ~ exp(-|x - centre|^2 / (2 width))``: exact, so that renaming classes changes no digit.

    Args:
        width: larger is less sure.
        first: columns that are looked at, from the first on.
    """

    def __init__(self, width: float = 1.0, first: int = 4) -> None:
        self.width = width
        self.first = first

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the centres of (n, d) rows by (n,) labels."""
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        self.centres_ = np.stack([X[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities."""
        gaps = np.asarray(X, dtype=np.float64)[:, None, : self.first] - self.centres_[None, :, : self.first]
        powers = -np.square(gaps).sum(axis=2) / (2 * self.width)
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


class TwoSided(NearestCentre):
    """Knows source rows by a negative first column, and complains of rows that come as those of the other domain."""

    def fit(self, X: Any, y: Any, *, X_target: Any = None) -> Self:
        """Learn, and remember on which side the source lies."""
        super().fit(X, y)
        self.adapted_ = True
        self.source_domains_ = np.array(["here"])
        self.source_sign_ = float(np.sign(np.asarray(X)[0, 0]))
        return self

    def predict_proba(self, X: Any, *, sample_domain: Any = None) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of rows of the domain that ``sample_domain`` says."""
        side = np.sign(np.asarray(X, dtype=np.float64)[:, 0]) == self.source_sign_
        named = sample_domain is not None and bool(np.isin(sample_domain, self.source_domains_).all())
        _require(bool((side == named).all()), "rows of one domain are passed as rows of the other")
        return super().predict_proba(X)

    def predict(self, X: Any, *, sample_domain: Any = None) -> NDArray[Any]:
        """(n,) labels."""
        return np.asarray(self.classes_[self.predict_proba(X, sample_domain=sample_domain).argmax(axis=1)])


class OneClass(NearestCentre):
    """Has collapsed: sure of the first class for every row."""

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities."""
        return np.tile(np.eye(len(self.classes_))[0], (len(np.asarray(X)), 1))


def check_the_value_is_a_finite_number(make: Make) -> None:
    """A scorer gives a float for every sound model."""
    X, y, target = _planted()
    models = _candidates(X, y)
    scorer = make(target, models)
    for model in models:
        value = scorer(model, X, y)
        _require(isinstance(value, float) and bool(np.isfinite(value)), f"the value is {value!r}, not a finite float")


def check_target_labels_cannot_be_passed(make: Make) -> None:
    """Neither the scorer nor its call takes labels of the target."""
    X, y, target = _planted()
    scorer = make(target, _candidates(X, y))
    for taken in (inspect.signature(scorer), inspect.signature(type(scorer))):
        _require(not {"y_target", "target_labels"} & set(taken.parameters), "labels of the target are taken")


def check_inputs_stay_as_they_are(make: Make) -> None:
    """Rows, labels and the model are unchanged; arrays may be read-only."""
    X, y, target = _planted()
    models = _candidates(X, y)
    copies, before = [a.copy() for a in (X, y, target)], models[0].predict_proba(target)
    state = set(vars(models[0]))
    for a in (X, y, target):
        a.setflags(write=False)
    make(target, models)(models[0], X, y)
    same = all(np.array_equal(a, b) for a, b in zip((X, y, target), copies, strict=True))
    _require(same, "the input was changed")
    unchanged = np.array_equal(before, models[0].predict_proba(target)) and state == set(vars(models[0]))
    _require(unchanged, "the model was changed")


def check_the_order_of_target_rows_does_not_matter(make: Make) -> None:
    """Target rows in another order give the same value."""
    X, y, target = _planted()
    models = _candidates(X, y)
    turned = target[np.random.default_rng(3).permutation(len(target))]
    for model in models:
        values = [make(rows, models)(model, X, y) for rows in (target, turned)]
        _require(_near(*values), f"the order of target rows matters: {values}")


def check_the_names_of_classes_do_not_matter(make: Make) -> None:
    """Models taught other names, in another order, get the same value."""
    X, y, target = _planted()
    plain = _values(make, X, y, target)
    for names in labels_for(3):
        other = _values(make, X, names[y], target)
        _require(all(map(_near, plain, other)), f"the names {names.tolist()} matter")


def check_the_same_seed_gives_the_same_value(make: Make) -> None:
    """Asked again, and built again, it gives the same value."""
    X, y, target = _planted()
    models = _candidates(X, y)
    scorer = make(target, models)
    values = {scorer(models[0], X, y), scorer(models[0], X, y), make(target, models)(models[0], X, y)}
    _require(len(values) == 1, f"the same question gets {sorted(values)}")


def check_a_collapsed_model_never_wins_when_guarded(make: Make) -> None:
    """Behind a guard a model of one class gets minus infinity, and sound ones their value."""
    from headstart.evaluation.collapse import guarded

    X, y, target = _planted()
    models = _candidates(X, y)
    collapsed = OneClass().fit(X, y)
    scorer = make(target, [*models, collapsed])
    behind = guarded(scorer, X_target=target, source_only=models[0])
    _require(behind(collapsed, X, y) == float("-inf"), "a collapsed model gets a value")
    values = [behind(model, X, y) for model in models]
    _require(values == [scorer(model, X, y) for model in models], f"sound models get {values}")


def check_each_domain_comes_as_what_it_is(make: Make) -> None:
    """Source rows go with ``sample_domain`` where the model takes it, target rows without."""
    X, y, target = _planted()
    X, target = np.column_stack([-1 - np.abs(X[:, 0]), X]), np.column_stack([1 + np.abs(target[:, 0]), target])
    model = TwoSided(first=5).fit(X, y)
    make(target, [model])(model, X, y)


def check_a_pipeline_is_seen_at_its_last_step(make: Make) -> None:
    """Raw examples, here texts, are looked at as the last step sees them, and give about the same value as its rows."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    X, y, target = _planted()
    whole = [make_pipeline(FunctionTransformer(_read), model).fit(_texts(X), y) for model in _unfitted()]
    bare = _candidates(X, y)
    before, behind = make(_texts(target), whole), make(target, bare)
    for pipeline, model in zip(whole, bare, strict=True):
        found, wanted = before(pipeline, _texts(X), y), behind(model, X, y)
        _require(abs(found - wanted) <= DRAWN, f"a pipeline gets {found}, its last step {wanted}")


def check_searches_take_it(make: Make) -> None:
    """It is a ``scoring`` of scikit-learn's searches."""
    from sklearn.model_selection import GridSearchCV

    X, y, target = _planted()
    scorer = make(target, _candidates(X, y))
    search = GridSearchCV(NearestCentre(), {"width": [0.5, 2.0]}, scoring=scorer, cv=3, error_score="raise").fit(X, y)
    _require(bool(np.isfinite(search.best_score_)), "a search finds no finite score")


def check_holders_frames_and_lists_are_taken(make: Make) -> None:
    """Target rows in a holder or a data frame give the same value, lists a finite one."""
    import pandas as pd

    from headstart.strategies.unlabelled import Unlabelled

    X, y, target = _planted()
    models = _candidates(X, y)
    plain = make(target, models)(models[0], X, y)
    for kind in (Unlabelled, pd.DataFrame):
        _require(_near(plain, make(kind(target), models)(models[0], X, y)), f"{kind.__name__} gives another value")
    _require(bool(np.isfinite(make(target.tolist(), models)(models[0], X, y))), "lists give no finite value")


def check_a_missing_target_is_refused(make: Make) -> None:
    """No target rows get one line, before any model is asked."""
    X, y, target = _planted()
    for rows in (None, target[:0]):
        try:
            make(rows, _candidates(X, y))
        except InputError as error:
            _require("\n" not in str(error), "the error has more than one line")
        else:
            raise AssertionError("no target rows are taken")


EVERY_CHECK: tuple[Check, ...] = (
    check_the_value_is_a_finite_number,
    check_target_labels_cannot_be_passed,
    check_inputs_stay_as_they_are,
    check_the_order_of_target_rows_does_not_matter,
    check_the_names_of_classes_do_not_matter,
    check_the_same_seed_gives_the_same_value,
    check_a_collapsed_model_never_wins_when_guarded,
    check_each_domain_comes_as_what_it_is,
    check_a_pipeline_is_seen_at_its_last_step,
    check_searches_take_it,
    check_holders_frames_and_lists_are_taken,
    check_a_missing_target_is_refused,
)


def _planted() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Source rows (60, 4), labels of three classes, target rows (45, 4)."""
    data = two_domains()
    return data.source, data.y_source, data.target


def _unfitted() -> list[Any]:
    return [NearestCentre(), NearestCentre(width=4.0), NearestCentre(first=2)]


def _candidates(X: Any, y: Any) -> list[Any]:
    return [model.fit(X, y) for model in _unfitted()]


def _values(make: Make, X: Any, y: Any, target: Any) -> list[float]:
    models = _candidates(X, y)
    scorer = make(target, models)
    return [float(scorer(model, X, y)) for model in models]


def _texts(X: Any) -> NDArray[Any]:
    return np.array([" ".join(map(str, row)) for row in X.tolist()], dtype=object)


def _read(texts: Any) -> NDArray[np.float64]:
    return np.array([[float(word) for word in text.split()] for text in texts])


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= NEAR * max(1.0, abs(a))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
