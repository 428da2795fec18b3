"""Easy transfer learning: nearest class centre, with every class found in the target at least once."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._mathematics.covering_assignment import covering_assignment, covering_prices
from headstart.strategies.feature._transfer_classifier import Codes, TransferClassifier


class EasyTL(TransferClassifier):
    """Target rows to classes at the least total distance to the aligned source's centres, every class used.

    The paper's linear program has whole-number corners, so the optimum is the nearest centre for all rows but one for
    each class, which are found exactly. Its dual prices make it a rule for any row, under which the rows of ``fit``
    keep their optimum.

    Args:
        alignment: aligns before; None leaves rows as they are, "coral" is the paper's.

    Source: Wang, Chen, Yu, Huang and Yang, Easy Transfer Learning by Exploiting Intra-domain Structures, ICME 2019.
    """

    name: ClassVar[str] = "easytl"

    def __init__(self, alignment: Any = "coral") -> None:
        self.alignment = alignment

    def _learn(
        self,
        source: NDArray[Any],
        target: NDArray[Any] | None,
        codes: Codes,
        target_codes: Codes | None,
        weights: NDArray[np.float64],
    ) -> None:
        self.alignment_ = None
        if target is not None and self.alignment is not None:
            self.alignment_ = self._new_alignment()
            source = self.alignment_.fit(source, target, y_source=self.classes_[codes]).transform_source(source)
        share = (codes == np.arange(len(self.classes_))[:, None]) * weights  # (n_classes, n)
        totals = share.sum(axis=1, keepdims=True)
        present = totals[:, 0] > 0
        self.centres_ = (share.astype(source.dtype) @ source) / np.where(totals > 0, totals, 1)  # (n_classes, d)
        self.absent_ = np.where(present, 0.0, np.inf)
        self.prices_ = np.zeros(len(self.classes_))
        distances = self._distances(source)
        self.scale_ = float(np.average(distances[:, present].mean(axis=1), weights=weights)) or 1.0
        if target is not None:
            distances = self._distances(self._image(target, is_source=False))
            assigned = covering_assignment(distances[:, present])
            self.prices_[present] = covering_prices(distances[:, present], assigned)
            self.target_labels_ = self.classes_[np.flatnonzero(present)[assigned]]

    def _scores(self, X: NDArray[Any], is_source: bool) -> NDArray[np.float64]:
        scores = self.prices_ - self._distances(self._image(X, is_source))
        return np.asarray(4 * scores / self.scale_)

    def _distances(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_classes) distances to the centres; infinite for a class without source rows."""
        gaps = [np.linalg.norm(rows - centre.astype(rows.dtype), axis=1) for centre in self.centres_]
        return np.asarray(np.stack(gaps, axis=1).astype(np.float64) + self.absent_)

    def _image(self, X: NDArray[Any], is_source: bool) -> Any:
        if self.alignment_ is None:
            return X
        return self.alignment_.transform_source(X) if is_source else self.alignment_.transform_target(X)

    def _new_alignment(self) -> Any:
        from sklearn.base import clone

        from headstart.strategies.feature.registry import ALIGNMENTS

        return ALIGNMENTS.make(self.alignment) if isinstance(self.alignment, str) else clone(self.alignment)
