"""What a fine-tuned network learns to answer: classes or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.parameter._labels import class_codes

if TYPE_CHECKING:
    from torch import Tensor

    from headstart.training.forward import Loss

_STRATA = 5
"""Numbers are held out from each fifth of their range alike."""


class TuningTarget(Protocol):
    """How labels become what a loss is called with, and scores become answers.

    Attributes:
        n_outputs: scores of an example.
    """

    n_outputs: int

    def encoded(self, y: Any, n: int) -> NDArray[Any]:
        """(n,) codes, or (n, 1) float32 in the unit of training. Raises InputError for labels it does not know."""
        ...

    def strata(self, encoded: NDArray[Any]) -> NDArray[np.int64]:
        """(n,) groups that a held-out part takes its share of."""
        ...

    def loss(self, smoothing: float) -> Loss:
        """Scores and encoded labels -> (b,)."""
        ...

    def to_info(self) -> dict[str, Any]:
        """What JSON can hold."""
        ...


@final
class ClassTarget:
    """One of several classes.

    Args:
        classes: (n_classes,) sorted labels.
    """

    def __init__(self, classes: NDArray[Any]) -> None:
        if len(classes) < 2:
            raise InputError(f"FineTune needs at least 2 classes, got {len(classes)}. Add examples of another class.")
        self.classes, self.n_outputs = classes, len(classes)

    @classmethod
    def of(cls, y: Any, n: int) -> ClassTarget:
        """The classes of (n,) labels."""
        return cls(class_codes("FineTune", y, n)[0])

    def encoded(self, y: Any, n: int) -> NDArray[np.int64]:
        """(n,) codes."""
        labels = np.asarray(y)
        if labels.shape != (n,):
            raise InputError(f"FineTune needs one label an example, got shape {labels.shape} for {n}. Pass (n,).")
        lookup = {label: code for code, label in enumerate(self.classes.tolist())}
        unknown = [row for row, label in enumerate(labels.tolist()) if label not in lookup]
        if unknown:
            raise InputError(
                f"FineTune needs labels among its {len(lookup)} classes, got {labels.tolist()[unknown[0]]!r} (position "
                f"{unknown[0]}). Leave them out, or fit anew."
            )
        return np.array([lookup[label] for label in labels.tolist()], dtype=np.int64)

    def strata(self, encoded: NDArray[Any]) -> NDArray[np.int64]:
        """The classes."""
        return encoded

    def loss(self, smoothing: float) -> Loss:
        """Cross-entropy."""
        from headstart.training.losses.cross_entropy import CrossEntropy

        return CrossEntropy(smoothing=smoothing)

    def probabilities(self, scores: Tensor) -> NDArray[np.float64]:
        """(n, n_classes)."""
        import torch

        return np.asarray(torch.softmax(scores.double(), dim=1).numpy())

    def to_info(self) -> dict[str, Any]:
        """The classes."""
        return {"kind": "classes", "classes": self.classes.tolist(), "dtype": self.classes.dtype.str}


@final
class NumberTarget:
    """A number, trained on in units of its deviation.

    Args:
        mean: of the training numbers.
        scale: their deviation, above 0.
    """

    n_outputs = 1

    def __init__(self, mean: float, scale: float) -> None:
        self.mean, self.scale = mean, scale

    @classmethod
    def of(cls, y: Any, n: int) -> NumberTarget:
        """The unit of (n,) numbers."""
        numbers = _numbers(y, n)
        return cls(float(numbers.mean()), float(numbers.std()) or 1.0)

    def encoded(self, y: Any, n: int) -> NDArray[np.float32]:
        """(n, 1) numbers in the unit of training."""
        return ((_numbers(y, n) - self.mean) / self.scale).astype(np.float32)[:, None]

    def strata(self, encoded: NDArray[Any]) -> NDArray[np.int64]:
        """Fifths."""
        ranks = np.argsort(np.argsort(encoded[:, 0], kind="stable"), kind="stable")
        return np.asarray(ranks * _STRATA // len(encoded), dtype=np.int64)

    def loss(self, smoothing: float) -> Loss:
        """Squared error; nothing is smoothed."""
        from headstart.training.losses.mse import mse

        return mse

    def numbers(self, scores: Tensor) -> NDArray[np.float64]:
        """(n,)."""
        return np.asarray(scores[:, 0].double().numpy() * self.scale + self.mean)

    def to_info(self) -> dict[str, Any]:
        """The unit."""
        return {"kind": "numbers", "mean": self.mean, "scale": self.scale}


def target_from_info(info: dict[str, Any]) -> ClassTarget | NumberTarget:
    """Undoes ``to_info``."""
    if info["kind"] == "numbers":
        return NumberTarget(info["mean"], info["scale"])
    return ClassTarget(np.array(info["classes"], dtype=np.dtype(info["dtype"])))


def _numbers(y: Any, n: int) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("FineTune needs numbers with task='regression', got others. Correct y.") from error
    if numbers.shape != (n,):
        raise InputError(f"FineTune needs one number an example, got shape {numbers.shape} for {n}. Pass (n,).")
    if not np.isfinite(numbers).all():
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InputError(f"FineTune needs finite numbers, got {numbers[place]} at position {place}. Leave it out.")
    return numbers
