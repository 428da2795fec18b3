"""What a search may try: one range or choice for each setting of a fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from headstart.errors import InputError, UnknownNameError

PLANNED = ("epochs", "learning_rate", "batch_size", "weight_decay")
"""What the rule says, so that it can be searched around it."""

OWN = ("backbone", "task", "random_state", "checkpoint", "max_seconds", "device", "cache", "validation_fraction")
"""What a search does not try."""


@final
@dataclass(frozen=True)
class Among:
    """One of several values: None, a truth value, a number or a name each."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        plain = [value is None or isinstance(value, (bool, int, float, str)) for value in self.values]
        if not plain or not all(plain):
            raise InputError(f"Among needs None, numbers or names, got {self.values!r}. Name what is to be tried.")

    def nearest(self, value: Any) -> Any:
        """``value`` where it is one of them, else the first."""
        return value if value in self.values else self.values[0]


@final
@dataclass(frozen=True)
class Between:
    """A number from ``low`` to ``high``; whole where both are; on a logarithmic scale where ``is_log``."""

    low: float
    high: float
    is_log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.is_log and self.low <= 0):
            raise InputError(f"Between needs low below high, got {self!r}. Correct it (above 0 where is_log).")

    def nearest(self, value: Any) -> Any:
        """``value`` brought inside; the lower end for what is no number."""
        inside = min(max(value, self.low), self.high) if isinstance(value, (int, float)) else self.low
        return type(self.low)(inside)


@final
@dataclass(frozen=True)
class Around:
    """What the rule says times a factor from ``low`` to ``high``, on a logarithmic scale."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1 <= self.high or self.low == self.high:
            raise InputError(f"Around needs factors with 1 between them, got {self!r}. Take, say, Around(0.1, 10).")

    def nearest(self, value: Any) -> float:
        """The rule itself."""
        return 1.0


Space = Mapping[str, Among | Between | Around]
"""Name of a setting of :class:`headstart.FineTune` -> what is tried of it."""

_PICTURES = ("none", "flip", "crop_flip", "trivial_augment", "rand_augment")
_AUGMENTATIONS = {
    "image": _PICTURES,
    "video": ("none", "flip"),
    "text": ("none", "token_dropout", "span_dropout"),
    "audio": ("none", "spec_augment"),
}


def default_space(modality: str, *, task: str = "classification") -> dict[str, Among | Between | Around]:
    """What moves, how fast, for how long, with which head, augmentation and constraint.

    Args:
        modality: of the backbone.
        task: "classification" or "regression".
    """
    space: dict[str, Among | Between | Around] = {
        "trainable": Among(("layer_decay", "full", "last_blocks", "gradual_unfreeze", "norms", "lora", "linear_probe")),
        "learning_rate": Around(0.1, 10.0),
        "epochs": Around(0.5, 2.0),
        "weight_decay": Around(0.1, 10.0),
        "augmentation": Among(_AUGMENTATIONS.get(modality, ("none",))),
        "regulariser": Among((None, "l2_sp", "bss")),
        "head": Among(("linear", "mlp")),
        "ema_decay": Among((None, 0.99)),
    }
    if task == "classification":
        space |= {"head": Among(("linear", "mlp", "cosine")), "smoothing": Among((0.0, 0.1))}
    return {name: choice for name, choice in space.items() if choice != Among(("none",))}


def check_space(space: Space, fixed: Mapping[str, Any]) -> None:
    """Look at names and kinds.

    Raises:
        InputError: a setting is not one to search, or is fixed as well; ``fixed`` holds an object.
        UnknownNameError: there is no such setting.
    """
    from headstart.strategies.parameter.fine_tune import FineTune

    known = FineTune().get_params(deep=False)
    for name in [*space, *fixed]:
        if name not in known:
            raise UnknownNameError("A search of FineTune's settings", name, known)
    wrong = [f"{name}, which it does not try" for name in space if name in OWN]
    wrong += [f"{name}, which is fixed as well" for name in space if name in fixed]
    wrong += [f"Around for {name}, of which the rule says nothing" for name in space if _is_beside(name, space[name])]
    wrong += [f"an object for {name}" for name, value in fixed.items() if not _is_plain(value)]
    wrong += [
        f"{name}, which is an argument of its own" for name in fixed if name in ("backbone", "task", "checkpoint")
    ]
    if not space:
        wrong.append("nothing to try")
    if wrong:
        raise InputError(f"A search needs settings by name and value, got {'; '.join(wrong)}. Correct them.")


def _is_beside(name: str, choice: object) -> bool:
    return isinstance(choice, Around) and name not in PLANNED


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
