"""The one gradient loop: every module that headstart trains goes through it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import inf, isfinite
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.training.batches import Batch, Batches, Rows
from headstart.training.callback import Callback
from headstart.training.checkpoint import Checkpoint
from headstart.training.divergence import Diverged, LossWatch
from headstart.training.ema import Ema
from headstart.training.finite import check_finite, first_not_finite
from headstart.training.forward import Loss, device_of
from headstart.training.gradient import add_gradient, losses_at
from headstart.training.history import EpochRecord, History, Retry
from headstart.training.optimizer import RateOf, make_optimizer, set_rate
from headstart.training.penalty import Penalty
from headstart.training.precision import precision_for
from headstart.training.processes import processes_of
from headstart.training.schedule import warmup_cosine
from headstart.training.settings import TrainSettings
from headstart.training.state import TrainState, snapshot
from headstart.types import Progress, silent

log = logging.getLogger("headstart")

Validate = Callable[[nn.Module], float]
"""A module in evaluation mode -> its validation loss; smaller is better."""

PLAN_AT = 8
"""Steps after which, under a deadline, the number of steps is planned."""

KEPT_FOR_VALIDATION = 0.2
"""Share of the time that the plan leaves for everything but steps."""


def train(
    module: nn.Module,
    batches: Batches,
    loss: Loss,
    *,
    settings: TrainSettings | None = None,
    deadline: Deadline | None = None,
    callbacks: Sequence[Callback] = (),
    validate: Validate | None = None,
    checkpoint: Checkpoint | None = None,
    rate_of: RateOf | None = None,
    penalty: Penalty | None = None,
    progress: Progress = silent,
) -> History:
    """Move the weights of ``module`` down the gradient of the mean loss; it ends in evaluation mode.

    The same arguments give the same weights, bit for bit on a CPU with as many threads, however often the run was
    killed and begun again with its checkpoint; a deadline that cuts the run short is the exception. Torch's generators
    are as before afterwards.

    Where ``torchrun`` started several processes, all make the same call: each takes its share of every batch, and all
    end with the same weights, those of one process but for rounding. What is drawn (dropout), what batch norms and
    mixtures see, is within a share. The first process decides about time and validation, and writes the checkpoint.

    Args:
        module: on the device where it is to be trained; its parameters with ``requires_grad`` move.
        batches: the examples.
        loss: ``loss(outputs, *targets) -> (b,)``.
        settings: see :class:`~headstart.training.settings.TrainSettings`.
        deadline: nothing is begun after it; the schedule is laid over the steps that fit.
        callbacks: are told in this order.
        validate: asked after each epoch; the weights it liked best are the result.
        checkpoint: where the run is kept and gone on from.
        rate_of: name of a parameter -> factor of its learning rate.
        penalty: is added to the loss of every step, after its ``begin`` was called; recorded losses are without it.
        progress: is told the steps.

    Returns:
        What happened.

    Raises:
        InputError: an input, a target or a loss is not finite; nothing may move; the run diverges at every rate.
    """
    settings = settings or TrainSettings()
    return _Loop(
        module,
        batches,
        loss,
        settings,
        deadline or Deadline(),
        callbacks,
        validate,
        checkpoint,
        rate_of,
        penalty,
        progress,
    ).run()


@final
class _Loop:
    """A ladder of short steps: run, epoch, step."""

    def __init__(
        self,
        module: nn.Module,
        batches: Batches,
        loss: Loss,
        settings: TrainSettings,
        deadline: Deadline,
        callbacks: Sequence[Callback],
        validate: Validate | None,
        checkpoint: Checkpoint | None,
        rate_of: RateOf | None,
        penalty: Penalty | None,
        progress: Progress,
    ) -> None:
        if batches.n < 1:
            raise InputError("Training needs at least 1 example, got none. Add examples.")
        self.module, self.batches, self.loss = module, batches, loss
        self.settings, self.deadline, self.callbacks = settings, deadline, callbacks
        self.validate, self.checkpoint, self.rate_of, self.progress = validate, checkpoint, rate_of, progress
        self.penalty = penalty
        self.device = device_of(module)
        self.processes = processes_of(self.device.type)
        self.processes.begin_alike(module)
        self.n_all_steps = settings.epochs * len(batches.epoch(0))
        self.first_weights = snapshot(module)
        self.identity = self._identity()
        self.precision = self._precision()
        self.state = self._fresh()
        self.clock = self.booked_at = self.saved_at = time.monotonic()
        self.n_timed = 0

    def run(self) -> History:
        """Everything."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            self._resume()
            log.info("%s is trained in %s", type(self.module).__name__, self.precision)
            self._tell("on_train_begin")
            while not self.state.stopped_by:
                try:
                    self._epoch()
                except Diverged as told:
                    self._retry(str(told))
            self._finish()
        return self.state.history()

    def _epoch(self) -> None:
        state = self.state
        self.module.train()
        self._tell("on_epoch_begin")
        for rows in self.batches.epoch(state.epoch)[state.position :]:
            self._step(rows)
            if state.step >= state.n_steps or self._is_over():
                state.stopped_by = "epochs" if state.step == self.n_all_steps else "deadline"
                break
            self._save_now_and_then()
        self._close_epoch()

    def _step(self, rows: Rows) -> None:
        state, settings = self.state, self.settings
        batch = self._load(rows)
        share = warmup_cosine(state.step, n_steps=state.n_steps, warmup=settings.warmup, floor=settings.floor)
        state.learning_rate = settings.learning_rate * state.rate * share
        set_rate(state.optimizer, state.learning_rate)
        state.optimizer.zero_grad(set_to_none=True)
        losses, state.micro_batch = add_gradient(
            self.module,
            batch,
            self.loss,
            micro_batch=state.micro_batch,
            precision=state.precision,
            seed=self._seed(),
            penalty=self.penalty,
        )
        weight = self._look_at(batch, losses)
        self.processes.mean_gradients(self.module, weight)
        self.processes.mean_statistics(self.module, weight)
        self._tell("on_gradients")
        self._move()
        self._plan()
        if self.processes.is_first:
            self.progress("training", state.step, state.n_steps)

    def _load(self, rows: Rows) -> Batch:
        """This process's share of a batch."""
        batch = self.batches.load(self.processes.share(rows), self.state.epoch)
        check_finite(batch)
        return self.processes.weighed(batch, len(rows)).to(self.device)

    def _look_at(self, batch: Batch, losses: Tensor) -> float:
        """Book the losses, and name the example whose loss is not finite; the weight of this process's share."""
        state = self.state
        place = first_not_finite(losses)
        own = (None, 0.0) if place is None else (int(batch.rows[place]), float(losses[place]))
        found = self.processes.first(*own)
        if found is not None and state.step == 0:
            raise InputError(
                f"Training needs finite losses, got {found[1]} for example {found[0]} (counted "
                "from 0) before any weight was moved. Look at that example, and at the weights."
            )
        if found is not None:
            raise Diverged(f"a loss of {found[1]} for example {found[0]}")
        weights = torch.ones_like(losses) if batch.weights is None else batch.weights.to(losses.dtype)
        share = float(weights.sum())
        loss_sum, weight = self.processes.sum(float(losses @ weights), share)
        state.watch.see(loss_sum / max(weight, 1e-12), lambda: self._loss_at_first(batch, weights))
        state.loss_sum, state.loss_weight = state.loss_sum + loss_sum, state.loss_weight + weight
        return share

    def _loss_at_first(self, batch: Batch, weights: Tensor) -> float:
        """The mean loss of a batch with the weights that the run began with."""
        losses = losses_at(
            self.first_weights,
            self.module,
            batch,
            self.loss,
            micro_batch=self.state.micro_batch,
            precision=self.state.precision,
            seed=self._seed(),
        )
        loss_sum, weight = self.processes.sum(float(losses @ weights), float(weights.sum()))
        return loss_sum / max(weight, 1e-12)

    def _move(self) -> None:
        state = self.state
        moving = [p for group in state.optimizer.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(moving, self.settings.clip_norm or inf))
        if not isfinite(norm):
            raise Diverged(f"a gradient of norm {norm}")
        state.optimizer.step()
        state.step, state.position = state.step + 1, state.position + 1
        if state.ema is not None:
            state.ema.update(self.module, state.step)
        self._tell("on_step_end")

    def _is_over(self) -> bool:
        return self.deadline.ends_at is not None and bool(self.processes.agree(self.deadline.is_over))

    def _plan(self) -> None:
        """Under a deadline: once it is known what a step takes, lay the schedule over those that fit."""
        self.n_timed += 1
        if self.n_timed == 1:  # a first step loads code and fills caches, which no other does
            self.clock = time.monotonic()
        if self.deadline.ends_at is None or self.n_timed != PLAN_AT:
            return
        each = (time.monotonic() - self.clock) / (PLAN_AT - 1)
        fitting = int(self.processes.agree((1 - KEPT_FOR_VALIDATION) * self.deadline.left_seconds / each))
        self.state.n_steps = min(self.state.n_steps, self.state.step + max(1, fitting))

    def _close_epoch(self) -> None:
        state = self.state
        valid = self._validated()
        if valid is not None and valid < state.best_loss:
            state.best_loss, state.best_epoch = valid, state.epoch
            state.best = self._result()
        mean = state.loss_sum / max(state.loss_weight, 1e-12)
        state.records.append(EpochRecord(state.epoch, state.step, mean, valid, state.learning_rate))
        state.epoch, state.position, state.loss_sum, state.loss_weight = state.epoch + 1, 0, 0.0, 0.0
        if not state.stopped_by and self._is_out_of_patience():
            state.stopped_by = "patience"
        self._tell("on_epoch_end")
        self._save()

    def _validated(self) -> float | None:
        if self.validate is None:
            return None
        self.module.eval()
        if self.state.ema is None:
            valid = float(self.validate(self.module))
        else:
            with self.state.ema.applied(self.module):
                valid = float(self.validate(self.module))
        valid = self.processes.agree(valid)
        if not isfinite(valid):
            raise Diverged(f"a validation loss of {valid}")
        return valid

    def _is_out_of_patience(self) -> bool:
        patience, best_epoch = self.settings.patience, self.state.best_epoch
        if patience is None or best_epoch is None:
            return False
        return self.state.epoch - 1 - best_epoch >= patience

    def _result(self) -> dict[str, Tensor]:
        """The weights that would be the result now: averaged where there is an average."""
        if self.state.ema is None:
            return snapshot(self.module)
        with self.state.ema.applied(self.module):
            return snapshot(self.module)

    def _retry(self, why: str) -> None:
        """Tell, and begin anew from the first weights at a lower rate.

        Raises:
            InputError: that was the last time.
        """
        before, settings = self.state, self.settings
        highest = settings.learning_rate * before.rate
        before.retries.append(Retry(before.step, why, highest))
        self._tell("on_diverged")
        if len(before.retries) > settings.n_retries:
            raise InputError(
                f"Training needs a loss that falls, got {why} at step {before.step} with learning_rate={highest:.3g}, "
                f"after {settings.n_retries} lower rates. Lower learning_rate, or scale the inputs."
            )
        self.module.load_state_dict(self.first_weights)
        self.state = self._fresh()
        self.state.retries, self.state.micro_batch = before.retries, before.micro_batch
        self.state.rate = before.rate * settings.retry_factor
        self.state.seconds = before.seconds
        self.n_timed = 0
        self._book_seconds()

    def _finish(self) -> None:
        state = self.state
        if state.best or state.ema is not None:
            self.module.load_state_dict(state.best or self._result())
        self.module.eval()
        self._book_seconds()
        self._tell("on_train_end")

    def _fresh(self) -> TrainState:
        settings = self.settings
        return TrainState(
            module=self.module,
            optimizer=make_optimizer(self.module, settings, self.rate_of),
            watch=LossWatch(settings.explosion),
            n_steps=self.n_all_steps,
            micro_batch=settings.micro_batch,
            precision=self.precision,
            ema=None if settings.ema_decay is None else Ema(self.module, settings.ema_decay),
        )

    def _precision(self) -> str:
        """Decided once, by the first process; a run that goes on keeps what it began with."""
        found = precision_for(self.module, self.device, self.settings.precision)
        return "bf16" if self.processes.agree(found == "bf16") else "fp32"

    def _seed(self) -> int:
        """What the module draws in this step hangs on the step alone, so a resumed run draws the same."""
        state = self.state
        parts = [self.settings.random_state, len(state.retries), state.step]
        parts += [self.processes.rank] * (not self.processes.is_first)
        return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)

    def _save_now_and_then(self) -> None:
        if self.checkpoint and time.monotonic() - self.saved_at >= self.settings.checkpoint_seconds:
            self._save()

    def _save(self) -> None:
        if self.checkpoint and self.processes.is_first:
            self._book_seconds()
            self.checkpoint.save(self.state, self.identity)
            self.saved_at = time.monotonic()

    def _resume(self) -> None:
        found = self.checkpoint.load_together(self.identity, self.processes) if self.checkpoint else None
        if found:
            self.state.restore(*found)
            self.precision = self.state.precision

    def _book_seconds(self) -> None:
        """Add what passed since the last time."""
        now = time.monotonic()
        self.state.seconds += now - self.booked_at
        self.booked_at = now

    def _identity(self) -> dict[str, Any]:
        """What a run that goes on must agree in."""
        if self.checkpoint is None:
            return {}
        digest, named = hashlib.sha256(), list(self.module.named_parameters())
        for name, tensor in self.first_weights.items():
            digest.update(name.encode() + tensor.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return {
            "settings": asdict(self.settings),
            "first_weights": digest.hexdigest(),
            "moving": {n: self.rate_of(n) if self.rate_of else 1.0 for n, p in named if p.requires_grad},
            "examples": [self.batches.n, self.batches.size, self.batches.random_state],
            **({} if self.penalty is None else {"penalty": self.penalty.identity()}),
        }

    def _tell(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self.state)
