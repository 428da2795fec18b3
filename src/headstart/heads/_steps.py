"""Rows made of several steps in order of time, as (n, n_steps, r) principal components that a network can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._scaling import Scaling, fit_scaling, principal_axes, working_dtype


def n_steps_of(blocks: Sequence[int], n_columns: int, *, who: str) -> int:
    """How many steps ``n_columns`` are made of; one where no blocks are named.

    Raises:
        InputError: the widths differ, or do not add up to the columns.
    """
    widths = list(blocks) or [n_columns]
    if sum(widths) != n_columns or min(widths) != max(widths):
        raise InputError(
            f"{who} needs blocks of one width that add up to {n_columns} columns, got {tuple(widths)}. Give one width "
            "for each step."
        )
    return len(widths)


@dataclass(frozen=True, eq=False)
class StepSpace:
    """The main directions of all steps, the same for each of them.

    Args:
        mean: (d,) of a step's features.
        scale: (d,) their scale, infinite where constant.
        axes: (d, r) directions, in a unit that makes the average component's mean square 1.
        n_steps: of a row.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    axes: NDArray[np.float64]
    n_steps: int

    @classmethod
    def of(cls, X: NDArray[Any], weights: NDArray[np.float64], n_steps: int, n_components: int) -> StepSpace:
        """Learnt from (n, n_steps * d) rows of (n,) weights."""
        steps = X.reshape(len(X) * n_steps, -1)
        scaling = fit_scaling(steps, np.repeat(weights, n_steps), how="pareto")
        Z = scaling(steps, working_dtype(steps))
        axes = _signed(principal_axes(Z)[:, :n_components])
        unit = float(np.sqrt(np.mean(np.square(Z @ axes.astype(Z.dtype))))) if axes.size else 1.0
        return cls(scaling.mean, scaling.scale, axes / max(unit, 1e-12), n_steps)

    def __call__(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_steps, r) components of (n, n_steps * d) rows."""
        steps = X.reshape(len(X) * self.n_steps, -1)
        return (Scaling(self.mean, self.scale)(steps, np.float64) @ self.axes).reshape(len(X), self.n_steps, -1)


def _signed(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each axis with its largest number above 0, so that no machine's rounding turns it around."""
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] if axes.size else np.ones(axes.shape[1])
    return np.asarray(axes * np.where(largest < 0, -1.0, 1.0))
