"""A strategy judged out of fold, as a head would be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.metrics import score
from headstart.selection.choose_head import HeadCandidate

if TYPE_CHECKING:
    from headstart.heads._path_result import Folds

STRATEGY_RANK = 100
"""The ``cost_rank`` of what is trained: dearer than any head."""


@dataclass(frozen=True, eq=False)
class StrategyChoice:
    """What was tried; see :class:`~headstart.selection.choose_head.HeadChoice`.

    Args:
        winner: the strategy with its figures.
        probabilities: (n, n_classes) out of fold; NaN for rows in no validation part.
        make: gives the unfitted model.
    """

    winner: HeadCandidate
    probabilities: NDArray[np.float64]
    make: Callable[[], Any]
    _last: list[tuple[NDArray[Any], NDArray[Any], Any]] = field(default_factory=list)

    @property
    def candidates(self) -> tuple[HeadCandidate, ...]:
        """The one that was tried."""
        return (self.winner,)

    def refit(self, X: NDArray[Any], y: NDArray[Any]) -> Any:
        """The model fitted to these rows; the last one is kept, as it took long."""
        for rows, targets, model in self._last:
            if _is_same(rows, X) and np.array_equal(targets, y):
                return model
        model = self.make()
        model.fit(X, y)
        self._last[:] = [(X, y, model)]
        return model


def _is_same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """The same features, or the very same examples."""
    if a.shape != b.shape:
        return False
    return all(x is z for x, z in zip(a, b, strict=True)) if a.dtype == object else np.array_equal(a, b)


def try_strategy(
    name: str,
    settings: dict[str, Any],
    make: Callable[[], Any],
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    n_outputs: int,
    folds: Folds,
    metric: str,
) -> StrategyChoice:
    """Cross-validate one model.

    Args:
        name: what it is called.
        settings: of it, to be told.
        make: gives the unfitted model, with ``fit(X, y)`` and ``outputs(X, n_outputs)``.
        X: (n,) raw examples, or (n, d) features.
        y: (n,) codes.
        n_outputs: columns of what is predicted.
        folds: (training rows, validation rows) pairs.
        metric: name of what is maximised.
    """
    begin = time.perf_counter()
    predicted = np.full((len(y), n_outputs), np.nan)
    for train, valid in folds:
        model = make()
        model.fit(X[train], y[train])
        predicted[valid] = model.outputs(X[valid], n_outputs)
    scores = np.array([score(metric, y[valid], predicted[valid]) for _, valid in folds])
    known = scores[~np.isnan(scores)]
    mean = float(known.mean()) if len(known) else float("nan")
    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
    seconds = time.perf_counter() - begin
    winner = HeadCandidate(name, settings, STRATEGY_RANK, 0, scores, mean, error, seconds)
    return StrategyChoice(winner, predicted, make)
