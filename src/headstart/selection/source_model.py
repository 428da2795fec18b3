"""A model of the target that learns from the rows of other domains too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads.registry import make
from headstart.strategies.candidates import candidates
from headstart.strategies.transfer_head import TransferHead

if TYPE_CHECKING:
    from headstart.features.library import FeatureLibrary

Rows = NDArray[np.int64]
SOURCE_ONLY, POOLED = "source_only", "pooled"
"""What adapts nothing: trained on the source alone, and on all labelled rows together."""


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """What there is beside the target's labelled rows; rows are positions in the library's data set.

    Args:
        source: (n_source,) labelled rows of other domains.
        y: (n_source,) their encoded targets.
        domain: (n_source,) names of their domains.
        unlabelled: rows of the target without a label.
        groups: (n_all,) group of every row; rows of one group are never on both sides.
        n_main: the first rows are the target's labelled ones.
    """

    source: Rows
    y: NDArray[Any]
    domain: NDArray[Any]
    unlabelled: Rows
    groups: NDArray[Any]
    n_main: int

    def apart_from(self, held_out: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n_source,) and (n_unlabelled,) True for rows of none of these groups."""
        return ~np.isin(self.groups[self.source], held_out), ~np.isin(self.groups[self.unlabelled], held_out)


@dataclass(frozen=True, eq=False)
class SourceSettings:
    """What kind of model.

    Args:
        strategy: :data:`SOURCE_ONLY`, :data:`POOLED`, or the name of a weighting, an alignment or a method.
        head: name of the head that it wraps.
        head_settings: of that head.
        backbones: whose features it takes.
        is_number: True where numbers are predicted.
    """

    strategy: str
    head: str
    head_settings: dict[str, Any]
    backbones: tuple[str, ...]
    is_number: bool = False


class SourceModel:
    """Learns from target rows, given by position, and from rows elsewhere that share no group with those held out.

    Args:
        settings: what kind.
        library: the features.
        elsewhere: the rows.
    """

    def __init__(self, settings: SourceSettings, library: FeatureLibrary, elsewhere: Elsewhere) -> None:
        self.settings, self.library, self.elsewhere = settings, library, elsewhere

    def fit(self, X: Rows, y: NDArray[Any]) -> Self:
        """Learn from (n,) positions of labelled target rows and their encoded targets."""
        held_out = np.setdiff1d(self.elsewhere.groups[: self.elsewhere.n_main], self.elsewhere.groups[X])
        is_source, is_unlabelled = self.elsewhere.apart_from(held_out)
        source = self._features(self.elsewhere.source[is_source])
        y_source = self.elsewhere.y[is_source]
        target = self._features(X)
        unlabelled = self._features(self.elsewhere.unlabelled[is_unlabelled])
        self.fitted_ = TransferHead(
            self._fitted(source, y_source, target, y, unlabelled, self.elsewhere.domain[is_source]),
            is_number=self.settings.is_number,
        )
        return self

    def outputs(self, X: Rows, n_outputs: int) -> NDArray[np.float64]:
        """What the task's metrics take, of (n,) positions."""
        return self.fitted_.outputs(self._features(X), n_outputs)

    @property
    def as_saved(self) -> TransferHead:
        """What a bundle keeps: a head on features, without the rows."""
        return self.fitted_

    def _fitted(self, source: Any, y_source: Any, target: Any, y: Any, unlabelled: Any, domain: NDArray[Any]) -> Any:
        head = make(self.settings.head, **self.settings.head_settings)
        if self.settings.strategy == SOURCE_ONLY:
            return head.fit(source, y_source)
        if self.settings.strategy == POOLED:
            return head.fit(np.concatenate([source, target]), np.concatenate([y_source, y]))
        strategy = candidates(head, [self.settings.strategy])[self.settings.strategy]
        labels = np.full(len(target) + len(unlabelled), None, dtype=object)
        labels[: len(y)] = y
        given = {"X_target": np.concatenate([target, unlabelled]), "y_target": labels, "sample_domain": domain}
        return strategy.fit(source, y_source, **given)

    def _features(self, rows: Rows) -> NDArray[np.float32]:
        return self.library.features(self.settings.backbones, rows)
