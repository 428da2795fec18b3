"""The one clock that every loop asks whether there is time left."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment after which nothing new is begun.

    Args:
        ends_at: in the seconds of :func:`time.monotonic`, or None for no limit.
    """

    ends_at: float | None = None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """The deadline ``seconds`` from now; None never comes."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def left_seconds(self) -> float:
        """Seconds left, never below 0; infinite without a limit."""
        return float("inf") if self.ends_at is None else max(0.0, self.ends_at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True when no time is left."""
        return self.left_seconds <= 0.0

    def allows(self, seconds: float) -> bool:
        """True when work that needs ``seconds`` still fits."""
        return self.left_seconds >= seconds
