"""What the user asked of a run, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from headstart.errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class FitSettings:
    """The choices that decide a run's result; the seconds of a budget among them.

    Args:
        budget_seconds: seconds, or None for the fixed default list of candidates.
        metric: what is maximised; None: the task's own.
        backbones: names to try, or None for the embedded ones that are ready.
        heads: names to try, or None for all that are affordable.
        precision: "exact", "auto" or "bf16"; see :class:`headstart.Encoder`.
        commercial: leave out weights whose licence does not allow commercial use.
        test_fraction: share of the labelled rows kept for the end.
        n_folds: of the cross-validation that chooses.
        random_state: seed of everything random.
        task: what is asked; None: guessed from the labels.
        normal: of anomaly detection, the label that means normal; None: guessed.
        strategies: what is to be trained on raw examples; None: what suits the data, under a budget, else nothing.
        augmentation: of the examples in fine-tuning; None: none.
    """

    budget_seconds: float | None = None
    metric: str | None = None
    backbones: tuple[str, ...] | None = None
    heads: tuple[str, ...] | None = None
    precision: str = "exact"
    commercial: bool = False
    test_fraction: float = 0.2
    n_folds: int = 5
    random_state: int = 0
    task: str | None = None
    normal: str | None = None
    strategies: tuple[str, ...] | None = None
    augmentation: str | None = None

    def __post_init__(self) -> None:
        wrong = list(self._wrong())
        if wrong:
            raise InputError(f"fit needs other settings: {'; '.join(wrong)}.")

    def _wrong(self) -> Any:
        """One phrase for each setting that is out of range, so that all are told at once."""
        if self.budget_seconds is not None and not self.budget_seconds > 0:
            yield f"a budget above 0 seconds, got {self.budget_seconds!r}"
        if not 0 < self.test_fraction < 1:
            yield f"test_fraction between 0 and 1, got {self.test_fraction!r}"
        if not 2 <= self.n_folds <= 20:
            yield f"n_folds between 2 and 20, got {self.n_folds!r}"
        if self.precision not in ("exact", "auto", "bf16"):
            yield f"precision exact, auto or bf16, got {self.precision!r}"
        if self.backbones is not None and not self.backbones:
            yield "at least one backbone, got none"
        is_tuned = self.budget_seconds is not None if self.strategies is None else "fine_tune" in self.strategies
        if self.augmentation is not None and not is_tuned:
            yield f"a budget or the strategy fine_tune for augmentation {self.augmentation!r}, got neither"

    def identity(self) -> dict[str, Any]:
        """The settings as JSON, for telling two runs apart; what is asked only where it was said."""
        optional = ("task", "normal", "strategies", "augmentation")
        told = {key: value for key, value in asdict(self).items() if not (key in optional and value is None)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}


def parse_budget(text: str | float | None) -> float | None:
    """Seconds of "90", "90s", "10m" or "1.5h".

    >>> parse_budget("10m")
    600.0

    Raises:
        InputError: it is no such text.
    """
    if text is None:
        return None
    if isinstance(text, (int, float)):
        return float(text)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text.lower())
    if found is None:
        raise InputError(f"fit needs a budget like 90s, 10m or 1.5h, got {text!r}. Leave it out for no limit.")
    return float(found[1]) * _UNITS[found[2] or "s"]
