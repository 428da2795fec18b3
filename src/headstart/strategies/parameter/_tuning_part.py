"""Examples with what they are to be, for training or for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.parameter._labels import loss_weights

if TYPE_CHECKING:
    from headstart.training.batches import Batches
    from headstart.training.example_loader import ExampleLoader


@final
@dataclass(frozen=True, eq=False)
class TuningPart:
    """Some examples.

    Args:
        examples: n raw ones.
        encoded: (n,) codes or (n, 1) numbers.
        weights: (n,) weights of the losses, or None.
        positions: (n,) where they stand in what was passed, for messages; None: in this order.
    """

    examples: Sequence[Any]
    encoded: NDArray[Any]
    weights: NDArray[np.float32] | None = None
    positions: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.examples)

    def take(self, rows: NDArray[np.int64]) -> TuningPart:
        """Some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return TuningPart([self.examples[row] for row in rows], self.encoded[rows], weights, self.named(rows))

    def named(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where ``rows`` stand in what was passed."""
        return rows if self.positions is None else self.positions[rows]

    def batches(self, loader: ExampleLoader, size: int, random_state: int) -> Batches:
        """Inputs, targets and weights in batches."""
        import torch

        from headstart.training.batches import Batch, Batches

        def load(rows: NDArray[np.int64], epoch: int) -> Batch:
            weights = None if self.weights is None else torch.from_numpy(self.weights[rows])
            return Batch(loader(rows, epoch), (torch.from_numpy(self.encoded[rows]),), self.named(rows), weights)

        return Batches(load, len(self), size, loader.lengths, random_state)


def raw_examples(X: Any) -> Sequence[Any]:
    """A list of raw examples.

    Raises:
        InputError: it is a single one.
    """
    if isinstance(X, (str, bytes, Path, dict)) or not hasattr(X, "__len__"):
        raise InputError(f"FineTune needs a list of examples, got {str(X)[:60]!r}. Put it into a list.")
    if hasattr(X, "columns"):
        raise InputError("FineTune needs a list of examples, got a table. Pass the column that holds them.")
    return X.tolist() if isinstance(X, np.ndarray) and X.dtype.kind in "OUS" else list(X)


def example_weights(
    sample_weight: Any, class_weight: Any, labels: Any, codes: NDArray[Any]
) -> NDArray[np.float32] | None:
    """(n,) weights with mean 1, or None where all are alike.

    Args:
        sample_weight: (n,) or None.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight; others have 1.
        labels: (n,) as they came.
        codes: (n,) codes, or (n, 1) numbers.

    Raises:
        InputError: they make no sense.
    """
    n = len(codes)
    if class_weight is None:
        return loss_weights("FineTune", sample_weight, n)
    if codes.ndim > 1:
        raise InputError("FineTune needs classes for class_weight, got numbers. Leave it out.")
    if isinstance(class_weight, dict):
        each = np.array([float(class_weight.get(label, 1.0)) for label in np.asarray(labels).tolist()])
    elif class_weight == "balanced":
        counts = np.bincount(codes)
        each = n / (np.count_nonzero(counts) * counts[codes])
    else:
        raise InputError(f"FineTune needs class_weight None, 'balanced' or a dict, got {class_weight!r}. Take one.")
    own = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    return loss_weights("FineTune", own * each if own.shape == each.shape else own, n)
