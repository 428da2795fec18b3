"""Splitters of scikit-learn's kind that know the domains: pass them as ``groups``."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from headstart.errors import InputError

Rows = NDArray[np.int64]


@final
class LeaveOneDomainOut(BaseCrossValidator):  # type: ignore[misc]
    """Each domain in turn is judged by what the others teach, in the order of their names.

    Args:
        held_out: the domains to hold out; None takes all.
    """

    __metadata_request__split = {"groups": True}  # read by scikit-learn

    def __init__(self, held_out: Collection[Any] | None = None) -> None:
        self.held_out = held_out

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Pairs of (training rows, rows of the domain held out).

        Raises:
            InputError: fewer than two domains, or an unknown one to hold out.
        """
        names = _names(type(self).__name__, X, groups)
        for domain in self._domains(names):
            yield np.flatnonzero(names != domain), np.flatnonzero(names == domain)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many domains are held out."""
        if groups is None and self.held_out is not None:
            return len(self.held_out)
        return len(self._domains(_names(type(self).__name__, groups, groups)))

    def _domains(self, names: NDArray[Any]) -> list[str]:
        known = np.unique(names).tolist()
        wanted = known if self.held_out is None else [str(name) for name in self.held_out]
        if len(known) < 2 or not set(wanted) <= set(known):
            what = f"LeaveOneDomainOut needs two domains or more, {wanted} among them, got {known}"
            raise InputError(f"{what}. Name the domain of each row in groups.")
        return wanted


@final
class DomainStratifiedKFold(BaseCrossValidator):  # type: ignore[misc]
    """Folds that hold every class of every domain in the same proportion, within a row.

    Numbers to be regressed on are not stratified, their domains are.

    Args:
        n_splits: folds, 2 or more.
        random_state: seed of the shuffle.
    """

    __metadata_request__split = {"groups": True}  # read by scikit-learn

    def __init__(self, n_splits: int = 5, *, random_state: int | None = 0) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Pairs of (training rows, validation rows).

        Raises:
            InputError: fewer rows than folds, or not one domain and one label a row.
        """
        names = _names(type(self).__name__, X, groups)
        part = _stratified_parts(type(self).__name__, names, y, self.n_splits, self.random_state)
        for fold in range(self.n_splits):
            yield np.flatnonzero(part != fold), np.flatnonzero(part == fold)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """``n_splits``."""
        return self.n_splits


@final
class SourceFolds(BaseCrossValidator):  # type: ignore[misc]
    """Folds over source rows alone, stratified by domain and class: rows of a target are in neither part.

    For data in which both domains stand in one table; what adapts gets the target's rows as ``X_target``.

    Args:
        target: name of the target domain, or names.
        n_splits: folds, 2 or more.
        random_state: seed of the shuffle.
    """

    __metadata_request__split = {"groups": True}  # read by scikit-learn

    def __init__(self, target: Any = "target", n_splits: int = 5, *, random_state: int | None = 0) -> None:
        self.target = target
        self.n_splits = n_splits
        self.random_state = random_state

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Pairs of (training rows, validation rows), all of them source rows; labels of target rows are not read.

        Raises:
            InputError: no source row, fewer than folds, or not one domain and one label a row.
        """
        who = type(self).__name__
        names = _names(who, X, groups)
        targets = [self.target] if isinstance(self.target, str) or np.ndim(self.target) == 0 else list(self.target)
        source = np.flatnonzero(~np.isin(names, [str(name) for name in targets]))
        labels = _labels(who, names, y)[source]
        part = _stratified_parts(who, names[source], labels, self.n_splits, self.random_state)
        for fold in range(self.n_splits):
            yield source[part != fold], source[part == fold]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """``n_splits``."""
        return self.n_splits


def _names(who: str, X: Any, groups: Any) -> NDArray[Any]:
    """(n,) the domain of each row."""
    if groups is None:
        raise InputError(f"{who} needs the domain of each row as groups, got None. Pass groups=domains.")
    names = np.asarray(groups).astype(str)
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if names.shape != (n,):
        raise InputError(f"{who} needs one domain for each of {n} rows, got shape {names.shape}. Pass them alike.")
    return names


def _labels(who: str, names: NDArray[Any], y: Any) -> NDArray[Any]:
    """(n,) labels."""
    if y is None or np.shape(y) != names.shape:
        raise InputError(f"{who} needs one label for each of {len(names)} rows, got shape {np.shape(y)}. Pass y.")
    return np.asarray(y)


def _stratified_parts(
    who: str, names: NDArray[Any], y: Any, n_parts: int, random_state: int | None
) -> NDArray[np.int64]:
    """(n,) part of each row; rows of one domain and class go round the parts, one class on from where another ended."""
    from sklearn.utils.multiclass import type_of_target

    labels = _labels(who, names, y)
    if not 2 <= n_parts <= len(names):
        raise InputError(f"{who} needs n_splits from 2 to {len(names)}, the source rows, got {n_parts}. Change it.")
    kinds = np.unique(names, return_inverse=True)[1].astype(np.int64)
    known = labels if labels.dtype != object else np.array(labels.tolist())
    if type_of_target(known) != "continuous":
        codes = np.unique(known, return_inverse=True)[1]
        kinds = kinds * (int(codes.max()) + 1) + codes
    draw = np.random.default_rng(random_state).permutation(len(names))
    order = draw[np.argsort(kinds[draw], kind="stable")]
    part = np.empty(len(names), dtype=np.int64)
    part[order] = np.arange(len(names)) % n_parts
    return part
