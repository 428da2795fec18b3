"""What every validator shares: target rows that are checked once, and a call like that of scikit-learn's scorers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._row_order import content_order


@dataclass(frozen=True)
class Estimate:
    """What a validator found.

    Args:
        value: higher is better.
        standard_error: of the value, from the rows it is a mean over; None where it is no mean.
        n_rows: how many rows that were.
    """

    value: float
    standard_error: float | None
    n_rows: int

    @classmethod
    def of_rows(cls, values: NDArray[Any]) -> Estimate:
        """The mean of (n,) values.

        >>> Estimate.of_rows(np.array([1.0, 3.0]))
        Estimate(value=2.0, standard_error=1.0, n_rows=2)
        """
        n = len(values)
        spread = float(np.std(values, ddof=1, dtype=np.float64)) / n**0.5 if n > 1 else None
        return cls(float(np.mean(values, dtype=np.float64)), spread, n)


class Validator:
    """Base of the scorers that are built from ``X_target``; a file defines one subclass with ``_estimate``.

    Target labels are never passed, so they cannot be read. The order of the target rows decides nothing.

    Args:
        X_target: (n_target, d) rows of the target, or raw examples, perhaps in an ``Unlabelled``.
        random_state: seed of what is drawn.

    Raises:
        InputError: there are no target rows.
    """

    name: ClassVar[str] = ""
    needs_candidates: ClassVar[bool] = False
    asks_others: ClassVar[bool] = False

    def __init__(self, X_target: Any, *, random_state: int | None = 0) -> None:
        self.X_target = getattr(X_target, "X_target", X_target)
        self.random_state = random_state
        if self.X_target is None or np.ndim(self.X_target) == 0 and not hasattr(self.X_target, "shape"):
            raise InputError(f"{self.name} needs rows as X_target, got {X_target!r}. Pass an array (n, d).")
        if self._n_target == 0:
            raise InputError(f"{self.name} needs at least 1 row in X_target, got 0. Add rows of the target.")

    def __call__(self, estimator: Any, X: Any, y: Any = None, *, sample_domain: Any = None) -> float:
        """How good the model is for the target; higher is better.

        Args:
            estimator: fitted.
            X: (n, d) source rows that it did not learn from.
            y: (n,) their targets; may be None for validators that look at the target alone.
            sample_domain: (n,) names of the sources, or None.
        """
        return self.estimate(estimator, X, y, sample_domain=sample_domain).value

    def estimate(self, estimator: Any, X: Any, y: Any = None, *, sample_domain: Any = None) -> Estimate:
        """The same with its standard error."""
        found = self._estimate(estimator, X, y, sample_domain)
        if not np.isfinite(found.value):
            what = f"{self.name} needs a model with finite outputs, got the value {found.value}"
            raise InputError(f"{what}. Refit the model or drop it.")
        return found

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        raise NotImplementedError

    @property
    def _n_target(self) -> int:
        return int(self.X_target.shape[0]) if hasattr(self.X_target, "shape") else len(self.X_target)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """(n_target,) places of the target rows, in a random order that their content decides."""
        return content_order(self.X_target, self.random_state)

    def _target(self, max_rows: int) -> Any:
        """At most ``max_rows`` target rows, drawn at random, in an order that theirs does not change."""
        from sklearn.utils import _safe_indexing

        return _safe_indexing(self.X_target, self._order[:max_rows])

    def _positive(self, **settings: float) -> None:
        wrong = {name: value for name, value in settings.items() if not value > 0}
        if wrong:
            raise InputError(f"{self.name} needs settings above 0, got {wrong}. Correct them.")
