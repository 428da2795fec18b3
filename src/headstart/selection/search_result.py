"""What a search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@final
@dataclass(frozen=True, eq=False)
class SearchTrial:
    """One fine-tuning that was tried.

    Args:
        number: in the study, from 0.
        state: "done", "pruned", "failed", "retried" (it failed, and was begun anew) or "running".
        tried: what was tried, as the space names it.
        settings: what to make a :class:`headstart.FineTune` with beside what is fixed; empty where it did not end.
        loss: mean loss on the validation rows; None where it did not end.
        losses: (n_valid,) loss of each of them; empty where it did not end.
        seconds: what it took; None where it did not end.
        why: one line where it was pruned or failed.
        is_rule: True for the settings of the rule.
        is_cut: True where the clock ended it.
    """

    number: int
    state: str
    tried: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    loss: float | None = None
    losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    seconds: float | None = None
    why: str = ""
    is_rule: bool = False
    is_cut: bool = False


@final
@dataclass(frozen=True, eq=False)
class SearchResult:
    """The settings to take, and how they were found.

    Args:
        settings: for ``FineTune(**settings)``.
        chosen: the trial they come from.
        trials: all, by number.
        importance: name of a setting -> its share in the differences, summing to 1; empty where too few trials ended.
        notes: what is worth knowing, a line each.
    """

    settings: Mapping[str, Any]
    chosen: SearchTrial
    trials: tuple[SearchTrial, ...]
    importance: Mapping[str, float]
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """A row a trial, those that ended first, the best on top."""
        import pandas as pd

        told = ("number", "state", "loss", "seconds", "is_rule", "why")
        rows = [{**{name: getattr(trial, name) for name in told}, **trial.tried} for trial in self.trials]
        return pd.DataFrame(rows).sort_values(["loss", "number"], na_position="last", ignore_index=True)


def choose(trials: Sequence[SearchTrial]) -> SearchTrial | None:
    """The best of the trials that ended, or the rule where the best is not better by a standard error.

    The standard error is that of the mean difference of the two losses over the same rows, so that what looks better
    by luck is not taken. A trial that the clock cut is taken where no other ended.

    Args:
        trials: that were run.
    """
    done = [trial for trial in trials if trial.state == "done"]
    whole = [trial for trial in done if not trial.is_cut] or done
    if not whole:
        return None
    best = min(whole, key=lambda trial: (trial.loss, trial.number))
    rule = next((trial for trial in done if trial.is_rule), None)
    if rule is None or best is rule:
        return best
    gains = rule.losses.astype(np.float64) - best.losses
    return best if gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)) else rule
