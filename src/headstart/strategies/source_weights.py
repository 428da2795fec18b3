"""The weights of a linear model that was fitted elsewhere, read off any model that is linear in its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Table = NDArray[np.float64]
_TOLERANCE = 1e-4


@final
@dataclass(frozen=True, eq=False)
class SourceWeights:
    """``scores = X @ coef.T + intercept``.

    Args:
        coef: (k, d); one row for a number or for two classes (the score of the second), else a row a class or output.
        intercept: (k,).
        classes: the source's classes, in the order of the rows; None for regression.
    """

    coef: NDArray[Any]
    intercept: NDArray[Any]
    classes: NDArray[Any] | None = None

    @classmethod
    def of(cls, who: str, source: Any, n_features: int) -> Self:
        """What ``source`` holds, for d = ``n_features`` inputs.

        Args:
            who: for messages.
            n_features: d.
            source: :class:`SourceWeights`, or a fitted model whose ``decision_function``, log-probabilities or
                ``predict`` are linear in its inputs: a linear model of scikit-learn, a linear head, a pipeline of
                scaling and one of them.

        Raises:
            InputError: it is not fitted, is of another width, or is not linear.
        """
        if isinstance(source, cls):
            return source._checked(who, n_features)
        _check_fitted(who, source)
        width = int(getattr(source, "n_features_in_", n_features))
        if width != n_features:
            raise InputError(
                f"{who} needs a source of {n_features} features, got one of {width}. Use the same features."
            )
        coef, intercept = _affine(who, source, n_features)
        return cls(coef, intercept, getattr(source, "classes_", None))._checked(who, n_features)

    def for_classes(self, who: str, classes: NDArray[Any], *, of_two: float) -> tuple[Table, Table]:
        """(n_classes, d) and (n_classes,): rows of the classes of these names; new classes are 0.

        Args:
            who: for messages.
            classes: (n_classes,) of the target.
            of_two: with a single row for two classes, the score of either class is so many times that row.

        Raises:
            InputError: no class of the target is one of the source.
        """
        if self.classes is None:
            raise InputError(f"{who} needs a source with classes, got a regression. Take RegularTransferLR.")
        coef, intercept = self.coef, self.intercept
        if len(coef) == 1:
            coef, intercept = np.concatenate([-coef, coef]) * of_two, np.concatenate([-intercept, intercept]) * of_two
        known = {name: row for row, name in enumerate(self.classes.tolist())}
        rows = [known.get(name, -1) for name in classes.tolist()]
        if max(rows) < 0:
            got = f"{classes.tolist()[:5]} and {self.classes.tolist()[:5]}"
            raise InputError(f"{who} needs a class that source and target share, got {got}. Use the same names.")
        is_new = np.array(rows) < 0
        return np.where(is_new[:, None], 0.0, coef[rows]), np.where(is_new, 0.0, intercept[rows])

    def _checked(self, who: str, n_features: int) -> Self:
        coef = np.atleast_2d(np.asarray(self.coef, dtype=np.float64))
        intercept = np.broadcast_to(np.asarray(self.intercept, dtype=np.float64).ravel(), (len(coef),))
        if coef.shape[1] != n_features:
            raise InputError(
                f"{who} needs source weights of {n_features} features, got {coef.shape[1]}. Use the same features."
            )
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            raise InputError(f"{who} needs finite source weights, got some that are not. Fit the source anew.")
        classes = None if self.classes is None else np.asarray(self.classes)
        if classes is not None and len(classes) != max(2, len(coef)):
            raise InputError(
                f"{who} needs a row of source weights for each of {len(classes)} classes, got {len(coef)}."
            )
        return type(self)(coef, intercept, classes)


def _check_fitted(who: str, source: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(source)
    except (NotFittedError, TypeError) as error:
        raise InputError(
            f"{who} needs a fitted source, got {type(source).__name__} that is none. Fit it; where scikit-learn clones "
            "(in cross-validation), wrap it in sklearn.frozen.FrozenEstimator."
        ) from error


def _affine(who: str, source: Any, n_features: int) -> tuple[Table, Table]:
    """What the scores of the origin and of the unit rows tell, verified on rows drawn at random."""
    units = np.concatenate([np.zeros((1, n_features)), np.eye(n_features)])
    found = _scores(source, units)
    intercept, coef = found[0], (found[1:] - found[0]).T
    drawn = np.random.default_rng(0).normal(size=(8, n_features))
    wanted = _scores(source, drawn)
    told = drawn @ coef.T + intercept
    if not np.allclose(told, wanted, rtol=_TOLERANCE, atol=_TOLERANCE * max(1e-12, float(np.abs(wanted).max()))):
        what = f"{who} needs a source that is linear in its inputs, got {type(source).__name__}"
        raise InputError(f"{what}. Take StackedSource for other models.")
    return np.ascontiguousarray(coef), intercept


def _scores(source: Any, rows: Table) -> Table:
    """(n, k) scores."""
    from sklearn.base import is_regressor

    names = getattr(source, "feature_names_in_", None)
    if names is not None:
        from pandas import DataFrame

        rows = DataFrame(rows, columns=names)
    if is_regressor(source):
        found = source.predict(rows)
    elif hasattr(source, "decision_function"):
        found = source.decision_function(rows)
    else:
        logs = np.log(np.maximum(np.asarray(source.predict_proba(rows), dtype=np.float64), 1e-300))
        found = logs - logs.mean(axis=1, keepdims=True)
    scores: Table = np.asarray(found, dtype=np.float64).reshape(len(rows), -1)
    return scores
