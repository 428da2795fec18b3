"""What every alignment shares: rows of two domains in, checked; rows of either mapped to where they agree."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from headstart.errors import InputError
from headstart.strategies.feature._codes import shared_codes
from headstart.strategies.feature._rows import checked_rows

Codes = NDArray[np.int64]


class Alignment(BaseEstimator):  # type: ignore[misc]
    """Maps source and target features to where they agree. Base of all alignments.

    An alignment's file defines one subclass, whose ``name`` is the file's name, with ``_learn``, ``_map_source`` and
    ``_map_target``.
    """

    name: ClassVar[str] = ""
    needs_labels: ClassVar[bool] = False
    """True where it cannot do without source labels."""
    accepts_sparse: ClassVar[bool] = False
    """True where sparse rows stay sparse; elsewhere they are made dense."""
    is_symmetric: ClassVar[bool] = False
    """True where source and target rows go through one map."""

    n_features_in_: int
    classes_: NDArray[Any]

    def fit(self, X_source: Any, X_target: Any, *, y_source: Any = None, y_target: Any = None) -> Self:
        """Learn the map.

        Args:
            X_source: (n_source, d) rows.
            X_target: (n_target, d) rows of the other domain.
            y_source: (n_source,) labels or None.
            y_target: (n_target,) objects, None where the label is missing; or None.

        Raises:
            InputError: rows that are not finite, too few or of different width, or labels that are needed and missing.
        """
        self._begin(X_source, X_target, y_source, y_target)
        return self

    def reads_labels(self) -> bool:
        """True where source labels are read, which must be classes then."""
        return self.needs_labels

    def transform_source(self, X: Any) -> Any:
        """(n, k) image of (n, d) source rows."""
        return self._map_source(self._known(X))

    def transform_target(self, X: Any) -> Any:
        """(n, k) image of (n, d) target rows."""
        return self._map_target(self._known(X))

    def _begin(self, X_source: Any, X_target: Any, y_source: Any, y_target: Any) -> tuple[Any, Any]:
        """Check, learn, and return the checked rows."""
        who = type(self).__name__
        source = checked_rows(X_source, who, "X_source", keeps_sparse=self.accepts_sparse, min_rows=2)
        target = checked_rows(X_target, who, "X_target", keeps_sparse=self.accepts_sparse, min_rows=1)
        if source.shape[1] != target.shape[1]:
            got = f"{source.shape[1]} and {target.shape[1]}"
            raise InputError(
                f"{who} needs source and target rows of the same columns, got {got}. Name the same columns."
            )
        target = target.astype(source.dtype, copy=False)
        source_codes = target_codes = None
        if self.reads_labels() and y_source is not None:
            self.classes_, source_codes, target_codes = shared_codes(y_source, y_target, source, target, who)
        if self.needs_labels and source_codes is None:
            raise InputError(f"{who} needs the labels of the source rows, got y_source=None. Pass them.")
        self.n_features_in_ = int(source.shape[1])
        self._learn(source, target, source_codes, target_codes)
        return source, target

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        """Set what the maps need, from rows in one float type; target codes are -1 where unknown."""
        raise NotImplementedError

    def _map_source(self, X: Any) -> Any:
        raise NotImplementedError

    def _map_target(self, X: Any) -> Any:
        return self._map_source(X)

    def _known(self, X: Any) -> Any:
        check_is_fitted(self, "n_features_in_")
        who = type(self).__name__
        rows = checked_rows(X, who, "X", keeps_sparse=self.accepts_sparse, min_rows=1)
        if rows.shape[1] != self.n_features_in_:
            raise InputError(
                f"{who} needs {self.n_features_in_} columns as in fit, got {rows.shape[1]}. Name the same."
            )
        return rows

    def _n_components(self, wanted: int | None, most: int) -> int:
        """``wanted`` components, or all that there are.

        Raises:
            InputError: more are asked for than there are.
        """
        if wanted is None:
            return most
        if isinstance(wanted, bool) or not isinstance(wanted, (int, np.integer)) or wanted < 1:
            who = type(self).__name__
            raise InputError(f"{who} needs n_components of 1 or more, got {wanted!r}. Use a whole number or None.")
        if wanted > most:
            who = type(self).__name__
            raise InputError(
                f"{who} needs n_components of at most {most} (rows and columns of the smaller domain), got {wanted}."
                " Lower it or use None."
            )
        return int(wanted)

    def _at_least(self, **least: float) -> None:
        """Raise one InputError that names every setting below its least value."""
        wrong = [
            f"{key} of {low:g} or more, got {getattr(self, key)!r}"
            for key, low in least.items()
            if isinstance(getattr(self, key), str) or not getattr(self, key) >= low
        ]
        if wrong:
            raise InputError(f"{type(self).__name__} needs {'; '.join(wrong)}. Raise it.")
