"""One fine-tuning: what moves is set free, trained, and folded back."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from headstart.errors import InputError
from headstart.strategies.parameter._tuning_answers import features_of
from headstart.strategies.parameter._tuning_checks import check_batch_norm
from headstart.strategies.parameter._tuning_target import ClassTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from headstart.deadline import Deadline
    from headstart.strategies.parameter._tuning_part import TuningPart
    from headstart.strategies.parameter._tuning_target import NumberTarget
    from headstart.training.augmentation.policy import Policy
    from headstart.training.batches import Batches
    from headstart.training.border.plan import BorderPlan
    from headstart.training.checkpoint import Checkpoint
    from headstart.training.example_loader import ExampleLoader
    from headstart.training.held_out_losses import HeldOutLosses
    from headstart.training.history import History
    from headstart.training.loop import Validate
    from headstart.training.penalty import Penalty
    from headstart.training.settings import TrainSettings
    from headstart.training.trunk import Trunk
    from headstart.training.tuned import Tuned


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run did.

    Args:
        history: of the gradient loop, or None where there was nothing to train.
        start_loss: validation loss before the first step, or None without validation.
        valid_loss: that of the weights that were kept.
        is_tuned: False where training made nothing clearly better of the start, which was kept.
        border: what activations of a frozen lower part took on disk, or None where none were kept.
    """

    history: History | None
    start_loss: float | None
    valid_loss: float | None
    is_tuned: bool
    border: BorderPlan | None = None


@final
@dataclass(frozen=True, eq=False)
class TuningRun:
    """Everything that one run needs.

    Args:
        network: trunk and head; changed in place.
        trunk: blocks and preparation.
        target: gives the loss.
        fitting: what is trained on.
        held: what judges, or None.
        trainable: what moves: its name, or an object with ``apply``.
        regulariser: a name, a penalty, or None.
        augmentation: names joined by "+".
        batch_norm: what becomes of statistics.
        smoothing: of labels.
        settings: of the loop.
        batch_size: examples of a step.
        deadline: when to end.
        checkpoint: where it is kept, or None.
        cache: of activations, as in :class:`headstart.Encoder`.
        is_head_done: True where the head is as good as it gets while the trunk does not move.
        is_start_learnt: False where the head knows nothing at first: then whatever is better is kept.
    """

    network: Tuned
    trunk: Trunk
    target: ClassTarget | NumberTarget
    fitting: TuningPart
    held: TuningPart | None
    trainable: Any
    regulariser: Any
    augmentation: str
    batch_norm: str
    smoothing: float
    settings: TrainSettings
    batch_size: int
    deadline: Deadline
    checkpoint: Checkpoint | None = None
    cache: bool | str | Path = True
    is_head_done: bool = False
    is_start_learnt: bool = True

    def run(self) -> Outcome:
        """Train; the network ends in evaluation mode, with the structure it had."""
        from headstart.training.state import snapshot

        start, policy = snapshot(self.network), self._policy
        moves = moving_of(self.trainable).apply(self.network, self.trunk.blocks)
        is_still = moves.first_moving_block is None and policy.is_plain and self.regulariser is None
        if is_still and self.is_head_done:
            moves.merge()
            self.network.eval()
            return Outcome(None, None, None, is_tuned=False)
        check_batch_norm(self.network, self.batch_size, len(self.fitting), statistics=self.batch_norm)
        module, fitting, held, border = self._trained(moves, is_still=is_still)
        before = None if held is None else self._losses(module, held)
        history = self._train(module, fitting, moves, self._validate(held))
        after = None if held is None else self._losses(module, held)
        moves.merge()
        self.network.eval()
        if before is None or after is None:
            return Outcome(history, None, None, is_tuned=True, border=border)
        if self._agreed(before.is_beaten_by(after) if self.is_start_learnt else after.mean < before.mean):
            return Outcome(history, before.mean, after.mean, is_tuned=True, border=border)
        self.network.load_state_dict(start)
        return Outcome(history, before.mean, before.mean, is_tuned=False, border=border)

    def _agreed(self, is_beaten: bool) -> bool:
        """What the first process says, so that all keep the same weights."""
        from headstart.training.forward import device_of
        from headstart.training.processes import processes_of

        return bool(processes_of(device_of(self.network).type).agree(is_beaten))

    def _trained(self, moves: Any, *, is_still: bool) -> tuple[nn.Module, Batches, Batches | None, BorderPlan | None]:
        """What is trained, on what, and judged by what: only what lies above the lowest block that moves."""
        from headstart.strategies.parameter._tuning_border import border_run

        if is_still:
            return self.network.head, *self._features(), None
        if self.regulariser is None and self.batch_norm != "moving" and self.settings.epochs > 1:
            found = border_run(
                self.network,
                self.trunk,
                moves.first_moving_block,
                self.fitting,
                self.held,
                augmentation=self.augmentation,
                cache=self.cache,
                size=self.batch_size,
                random_state=self.settings.random_state,
            )
            if found is not None:
                return found.network, found.fitting, found.held, found.plan
        return self.network, *self._examples(), None

    def _train(self, module: nn.Module, batches: Batches, moves: Any, validate: Validate | None) -> History:
        from headstart.training.batch_norm import statistics_callbacks
        from headstart.training.loop import train

        penalty = penalty_of(self.regulariser)
        if penalty is not None:
            penalty.begin(self.network, self.trunk.blocks, batches)
        return train(
            module,
            batches,
            self.network.head.loss(self.target.loss(self.smoothing)),  # type: ignore[operator]
            settings=self.settings,
            deadline=self.deadline,
            callbacks=(*moves.callbacks, *statistics_callbacks(self.batch_norm, module, batches)),
            validate=validate,
            checkpoint=self.checkpoint,
            rate_of=moves.rate_of,
            penalty=penalty,
        )

    def _examples(self) -> tuple[Batches, Batches | None]:
        """Batches of inputs for the network, to train on and to judge by."""
        from headstart.training.augmentation._kinds import kind_of
        from headstart.training.augmentation.mixing import mixed

        loader, policy = self._loader(self.fitting, self.augmentation), self._policy
        fitting = self.fitting.batches(loader, self.batch_size, self.settings.random_state)
        if policy.mixings:
            n_classes = self.target.n_outputs if isinstance(self.target, ClassTarget) else None
            kind, seed = kind_of(self.trunk.card), self.settings.random_state
            fitting = mixed(fitting, policy.mixings, kind=kind, n_classes=n_classes, random_state=seed)
        if self.held is None:
            return fitting, None
        return fitting, self.held.batches(self._loader(self.held, "none"), self.batch_size, 0)

    @property
    def _policy(self) -> Policy:
        from headstart.training.augmentation.policy import policy_of

        return policy_of(self.augmentation, self.trunk.card, len(self.fitting))

    def _loader(self, part: TuningPart, augmentation: str) -> ExampleLoader:
        return self.trunk.loader(part.examples, augmentation, is_training=True, positions=part.positions)

    def _features(self) -> tuple[Batches, Batches | None]:
        """The same of features, for the head alone."""
        fitting, held = (None if part is None else self._feature_batches(part) for part in (self.fitting, self.held))
        assert fitting is not None, "there are examples to train on"
        return fitting, held

    def _feature_batches(self, part: TuningPart) -> Batches:
        features = np.array(features_of(self.trunk, part.examples, part.positions))
        from headstart.training.example_loader import RowLoader

        loader = RowLoader(lambda row, epoch: features[row], len(features))
        return part.batches(loader, self.batch_size, self.settings.random_state)

    def _losses(self, module: nn.Module, batches: Batches) -> HeldOutLosses:
        from headstart.training.held_out_losses import held_out_losses

        return held_out_losses(module, batches, self.target.loss(0.0))

    def _validate(self, batches: Batches | None) -> Validate | None:
        from headstart.training.forward import mean_loss

        loss = self.target.loss(0.0)
        return None if batches is None else lambda module: mean_loss(module, batches, loss)


def moving_of(trainable: Any) -> Any:
    """What moves, by name or as it is.

    Raises:
        InputError: it is neither.
    """
    from headstart.training.moving.registry import MOVING

    if isinstance(trainable, str):
        return MOVING.make(trainable)
    if not hasattr(trainable, "apply"):
        raise InputError(f"FineTune needs trainable of {MOVING.names()} or an object with apply, got {trainable!r}.")
    return trainable


def penalty_of(regulariser: Any) -> Penalty | None:
    """A penalty of one's own, by name or copied.

    Raises:
        InputError: it is neither.
    """
    from headstart.training.penalty import Penalty
    from headstart.training.regularisers.registry import REGULARISERS

    if regulariser is None:
        return None
    if isinstance(regulariser, str):
        made: Penalty = REGULARISERS.make(regulariser)
        return made
    if not isinstance(regulariser, Penalty):
        raise InputError(f"FineTune needs regulariser of {REGULARISERS.names()} or a Penalty, got {regulariser!r}.")
    return deepcopy(regulariser)


def kept_start(folder: Path | None, identity: dict[str, Any], network: Tuned, begin: Callable[[], None]) -> None:
    """Call ``begin``, which sets the first weights, or take those that a killed run began with.

    Raises:
        InputError: the folder holds another run.
    """
    if folder is None:
        begin()
        return
    from safetensors import safe_open
    from safetensors.torch import load_file, save

    from headstart.whole_file import write_whole

    path, told = folder / "start.safetensors", json.dumps(identity, sort_keys=True)
    if path.is_file():
        with safe_open(path, framework="pt") as found:
            if (found.metadata() or {}).get("identity") != told:
                raise InputError(
                    f"The checkpoint in {str(folder)!r} needs the run that wrote it, got another one. "
                    "Choose another folder, or delete this one to begin anew."
                )
        network.load_state_dict(load_file(path))
        return
    begin()
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in network.state_dict().items()}
    write_whole(path, save(tensors, metadata={"identity": told}))


def content_digest(part: TuningPart, trunk: Trunk) -> str:
    """Names the examples and what they are to be."""
    import hashlib

    from headstart.data.modalities.modality import get_modality

    digest = hashlib.sha256(np.ascontiguousarray(part.encoded).tobytes())
    of_example = None if trunk.card.input is None else get_modality(trunk.card.modality).digest
    for example in part.examples:
        digest.update(np.ascontiguousarray(example).tobytes() if of_example is None else of_example(example))
    if part.weights is not None:
        digest.update(part.weights.tobytes())
    return digest.hexdigest()
