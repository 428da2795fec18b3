"""Settings of the gradient loop."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.errors import InputError

PRECISIONS = ("auto", "fp32", "bf16")
"""How the forward pass computes; "auto": see :func:`~headstart.training.precision.precision_for`."""


@dataclass(frozen=True)
class TrainSettings:
    """How :func:`~headstart.training.loop.train` trains. All wrong settings are told at once.

    Args:
        epochs: most passes over the examples.
        learning_rate: highest rate of AdamW.
        weight_decay: decay of matrices; vectors (biases, norms) are spared.
        warmup: share of the steps in which the rate rises.
        floor: share of the highest rate that is left at the end.
        clip_norm: largest norm of the gradient, or None for any.
        micro_batch: most examples that pass through the module at once; a larger batch is accumulated. None: all.
        ema_decay: decay of the moving average of the weights, which then is the result; None: no average.
        precision: one of :data:`PRECISIONS`.
        patience: epochs without a better validation loss before it stops; None: never.
        n_retries: times that a diverging run is begun anew at a lower rate.
        retry_factor: what the rate is multiplied with then.
        explosion: a smoothed loss above this many times the first one (or above it, where that is below 1) diverges.
        checkpoint_seconds: seconds between two checkpoints within an epoch; one is written after each epoch anyway.
        random_state: seed of whatever the module draws, such as dropout.

    Raises:
        InputError: settings make no sense.
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    floor: float = 0.0
    clip_norm: float | None = 1.0
    micro_batch: int | None = None
    ema_decay: float | None = None
    precision: str = "auto"
    patience: int | None = 5
    n_retries: int = 2
    retry_factor: float = 0.2
    explosion: float = 10.0
    checkpoint_seconds: float = 30.0
    random_state: int = 0

    def __post_init__(self) -> None:
        wanted = {
            "epochs": ("at least 1", self.epochs >= 1),
            "learning_rate": ("above 0", self.learning_rate > 0),
            "weight_decay": ("at least 0", self.weight_decay >= 0),
            "warmup": ("in 0..1", 0 <= self.warmup <= 1),
            "floor": ("in 0..1", 0 <= self.floor <= 1),
            "clip_norm": ("above 0 or None", self.clip_norm is None or self.clip_norm > 0),
            "micro_batch": ("at least 1 or None", self.micro_batch is None or self.micro_batch >= 1),
            "ema_decay": ("in 0..1 or None", self.ema_decay is None or 0 <= self.ema_decay < 1),
            "precision": (f"one of {', '.join(PRECISIONS)}", self.precision in PRECISIONS),
            "patience": ("at least 1 or None", self.patience is None or self.patience >= 1),
            "n_retries": ("at least 0", self.n_retries >= 0),
            "retry_factor": ("between 0 and 1", 0 < self.retry_factor < 1),
            "explosion": ("above 1", self.explosion > 1),
            "checkpoint_seconds": ("at least 0", self.checkpoint_seconds >= 0),
        }
        wrong = [f"{name} {said}, got {getattr(self, name)!r}" for name, (said, is_met) in wanted.items() if not is_met]
        if wrong:
            raise InputError(f"TrainSettings needs {'; '.join(wrong)}. Correct them.")
