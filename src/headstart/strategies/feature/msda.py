"""Marginalised stacked denoising autoencoder: features that can be rebuilt when columns are lost."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.feature._alignment import Alignment, Codes


class MSDA(Alignment):
    """Layers h = tanh(W (h, 1)), W the best linear rebuilding of rows whose columns are lost at random, in closed form.

    Trained on the rows of both domains; the image of a row is the row and all its layers. Memory is linear in the rows.

    Args:
        n_layers: 1 or more.
        corruption: chance that a column is lost, from 0 to below 1.
        ridge: added to the diagonal, as a share of its mean.

    Source: Chen, Xu, Weinberger and Sha, Marginalized Denoising Autoencoders for Domain Adaptation, ICML 2012.
    """

    name: ClassVar[str] = "msda"
    is_symmetric: ClassVar[bool] = True

    def __init__(self, n_layers: int = 3, *, corruption: float = 0.5, ridge: float = 1e-5) -> None:
        self.n_layers = n_layers
        self.corruption = corruption
        self.ridge = ridge

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(n_layers=1, ridge=0)
        if not 0 <= self.corruption < 1:
            raise InputError(f"MSDA needs corruption from 0 to below 1, got {self.corruption!r}. Lower it.")
        hidden = np.concatenate([source, target])
        self.layers_ = []  # (d + 1, d) each, the last row for the constant
        for _ in range(self.n_layers):
            self.layers_.append(_denoiser(hidden, self.corruption, self.ridge))
            hidden = _layer(hidden, self.layers_[-1])

    def _map_source(self, X: Any) -> Any:
        images = [X]
        for weights in self.layers_:
            images.append(_layer(images[-1], weights))
        return np.hstack(images)


def _denoiser(rows: NDArray[Any], corruption: float, ridge: float) -> NDArray[np.float64]:
    """(d + 1, d) weights of the least expected squared error of rebuilding (n, d) rows; the constant is never lost."""
    n, d = rows.shape
    scatter = np.empty((d + 1, d + 1))
    scatter[:d, :d] = rows.T @ rows
    scatter[d, :d] = scatter[:d, d] = rows.sum(axis=0, dtype=np.float64)
    scatter[d, d] = n
    kept = np.append(np.full(d, 1 - corruption), 1.0)
    seen = scatter * np.outer(kept, kept)
    seen[np.diag_indices(d + 1)] = np.diag(scatter) * kept
    level = float(np.trace(seen)) / (d + 1)
    seen[np.diag_indices(d + 1)] += max(ridge, 1e-12) * level
    return np.asarray(np.linalg.solve(seen, scatter[:, :d] * kept[:, None]))


def _layer(rows: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[Any]:
    return np.asarray(np.tanh(rows @ weights[:-1].astype(rows.dtype) + weights[-1].astype(rows.dtype)))
