"""Mixed target rows as probes: a good model gives them the label of the larger part."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.model_outputs import predictions
from headstart.evaluation.own_features import dense_features, own_head
from headstart.evaluation.validators._validator import Estimate, Validator

Codes = NDArray[np.int64]
BLOCK_ROWS = 65_536


class MixVal(Validator):
    """Share of mixed rows ``share * i + (1 - share) * j`` that get row i's label: the mean of two kinds of pairs.

    Pairs within a predicted class probe whether it is one dense cluster, pairs of two classes where the boundary
    lies. Rows are mixed in the model's own features. A model that predicts one class gets 0 for pairs of two. The
    paper averages the ranks that both kinds give to the candidates; here it is their values, so that a model can be
    scored by itself.

    Args:
        X_target: (n_target, d) rows of the target.
        share: the larger part, above 0.5.
        max_rows: rows that are drawn at most; each is mixed once with either kind.
        random_state: seed of the draw and of the pairs.

    Source: Hu, Liang, Liew, Xue, Bai and Wang, Mixed Samples as Probes for Unsupervised Model Selection in Domain
    Adaptation, NeurIPS 2023.
    """

    name: ClassVar[str] = "mixval"

    def __init__(
        self, X_target: Any, *, share: float = 0.55, max_rows: int = 20_000, random_state: int | None = 0
    ) -> None:
        super().__init__(X_target, random_state=random_state)
        self._positive(max_rows=max_rows)
        if not 0.5 < share < 1:
            raise InputError(f"{self.name} needs a share between 0.5 and 1, got {share!r}. Take e.g. 0.55.")
        self.share = share
        self.max_rows = max_rows

    def _estimate(self, estimator: Any, X: Any, y: Any, sample_domain: Any) -> Estimate:
        head, rows = own_head(estimator, self._target(self.max_rows), is_target=True)
        rows = dense_features(rows, type(head).__name__)
        labels = predictions(head, rows, is_target=True)
        codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        hits = [self._hits(head, rows, labels, partner) for partner in (same_class(codes), other_class(codes))]
        values = [float(h.mean()) if len(h) else 0.0 for h in hits]
        error = float(np.sqrt(sum(v * (1 - v) / max(1, len(h)) for v, h in zip(values, hits, strict=True)))) / 2
        return Estimate(sum(values) / 2, error, len(rows))

    def _hits(self, head: Any, rows: NDArray[Any], labels: NDArray[Any], partner: Codes) -> NDArray[np.bool_]:
        """For each row with a partner, whether the mixture keeps its label."""
        first = np.flatnonzero(partner >= 0)
        share = rows.dtype.type(self.share)
        found = []
        for start in range(0, len(first), BLOCK_ROWS):
            some = first[start : start + BLOCK_ROWS]
            mixed = share * rows[some] + (1 - share) * rows[partner[some]]
            found.append(predictions(head, mixed, is_target=True) == labels[some])
        return np.concatenate(found) if found else np.zeros(0, dtype=bool)


def same_class(codes: Codes) -> Codes:
    """(n,) the next row of the same class, round and round; -1 where there is no other.

    >>> same_class(np.array([0, 1, 0, 2, 0])).tolist()
    [2, -1, 4, -1, 0]
    """
    partner = np.full(len(codes), -1, dtype=np.int64)
    for code in np.unique(codes):
        places = np.flatnonzero(codes == code)
        if len(places) > 1:
            partner[places] = np.roll(places, -1)
    return partner


def other_class(codes: Codes) -> Codes:
    """(n,) the next row of another class, round and round; -1 where all are of one.

    >>> other_class(np.array([0, 0, 1, 2])).tolist()
    [2, 2, 3, 0]
    """
    n = len(codes)
    twice = np.concatenate([codes, codes])
    changes = np.flatnonzero(twice[1:] != twice[:-1]) + 1  # where a row differs from the one before it
    if len(changes) == 0:
        return np.full(n, -1, dtype=np.int64)
    return np.asarray(changes[np.searchsorted(changes, np.arange(n), side="right")] % n, dtype=np.int64)
