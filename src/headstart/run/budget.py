"""The time of a run, and what of it is kept for the end."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.deadline import Deadline

RESERVED_SHARE = 0.35
"""Of a budget, kept for baselines, judging and the report."""
JUDGING_SHARE = 0.15
"""Of a budget, kept for judging and the report."""


@dataclass(frozen=True)
class Budget:
    """What the user gave, and when it is spent.

    Args:
        seconds: of the whole run, or None for no limit.
        deadline: the end.
    """

    seconds: float | None
    deadline: Deadline

    @classmethod
    def of(cls, seconds: float | None, spent: float) -> Budget:
        """The budget of a run that has taken ``spent`` seconds so far."""
        return cls(seconds, Deadline() if seconds is None else Deadline.after(max(0.0, seconds - spent)))

    def keeping(self, share: float) -> Deadline:
        """The end of what may be used while that share of the budget is kept."""
        if self.seconds is None:
            return self.deadline
        return Deadline.after(max(0.0, self.deadline.left_seconds - share * self.seconds))
