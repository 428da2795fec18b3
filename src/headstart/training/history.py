"""What a training run did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Args:
        epoch: its number, from 0.
        step: steps done at its end, over all epochs.
        train_loss: weighted mean loss of its batches, each before its step.
        valid_loss: the validation loss at its end, or None without validation.
        learning_rate: the rate of its last step.
    """

    epoch: int
    step: int
    train_loss: float
    valid_loss: float | None
    learning_rate: float


@dataclass(frozen=True)
class Retry:
    """A run that diverged and was begun anew.

    Args:
        step: where it diverged.
        why: what was seen.
        learning_rate: the highest rate that was too high.
    """

    step: int
    why: str
    learning_rate: float


@dataclass(frozen=True)
class History:
    """A whole run.

    Args:
        epochs: the epochs in order.
        best_epoch: the epoch whose weights the module has now; None without validation, where it has the last ones.
        stopped_by: "epochs" (all done), "patience" or "deadline".
        n_steps: steps done.
        retries: runs that diverged before this one.
        micro_batch: examples that passed through at once; below the batch where memory or settings asked for it.
        precision: "fp32" or "bf16".
        seconds: seconds spent, over all attempts and resumptions.
    """

    epochs: tuple[EpochRecord, ...]
    best_epoch: int | None
    stopped_by: str
    n_steps: int
    retries: tuple[Retry, ...]
    micro_batch: int | None
    precision: str
    seconds: float
