"""What a task is, in names that later layers look up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """A kind of question asked of the data.

    Args:
        name: the file's name.
        metric: what is maximised unless the user says otherwise.
        reported: figures that get an interval in the report.
        classic_backbones: by modality, features that need no pretraining: the cheap classics.
        classic_heads: by modality, the heads of those features where the usual ones do not suit them.
        baseline_heads: heads that the baselines choose from.
    """

    name: str
    metric: str
    reported: tuple[str, ...]
    classic_backbones: dict[str, str]
    classic_heads: dict[str, tuple[str, ...]]
    baseline_heads: tuple[str, ...]
