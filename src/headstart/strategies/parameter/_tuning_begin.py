"""From settings and examples to a network that can be trained, its head first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import HeadstartError, InputError
from headstart.strategies.parameter._head_start import start_head
from headstart.strategies.parameter._tuning_answers import features_of
from headstart.strategies.parameter._tuning_checks import (
    check_augmentation,
    check_features,
    check_resolution,
    width_of,
)
from headstart.strategies.parameter._tuning_part import TuningPart, raw_examples
from headstart.strategies.parameter._tuning_run import content_digest, kept_start, moving_of, penalty_of
from headstart.strategies.parameter._tuning_source import TuningSource, source_of
from headstart.strategies.parameter._tuning_target import ClassTarget, NumberTarget
from headstart.training.held_out_rows import held_out_rows
from headstart.training.rule import Plan, kind_of, plan, resolution_for
from headstart.types import ImageInput

if TYPE_CHECKING:
    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.checkpoint import Checkpoint
    from headstart.training.trunk import Trunk
    from headstart.training.tuned import Tuned

POOLINGS = ("mean", "attention")
"""How positions become features."""
TASKS = ("classification", "regression")

_LEAST_HELD_OUT = 20
_LOOKED_AT = 32
"""Pictures whose size is looked at."""


@final
@dataclass(frozen=True, eq=False)
class Begun:
    """A network before its first step, and what it is to be trained on.

    Args:
        network: trunk and head.
        trunk: of the network.
        plan: what the rule says.
        fitting: what is trained on.
        held: what judges, or None.
        checkpoint: where the run is kept, or None.
        start_on: starts the head on a part of the examples, the trunk being as it was.
        is_head_solved: True where the head is as good as it gets while the trunk does not move.
    """

    network: Tuned
    trunk: Trunk
    plan: Plan
    fitting: TuningPart
    held: TuningPart | None
    checkpoint: Checkpoint | None
    start_on: Callable[[TuningPart], None]
    is_head_solved: bool


def check_settings(model: FineTune) -> None:
    """Look at what can be told without data.

    Raises:
        InputError: a setting makes no sense.
        UnknownNameError: a name is not known.
    """
    from headstart.training.augmentation.policy import check_names
    from headstart.training.batch_norm import STATISTICS
    from headstart.training.heads.registry import TUNED_HEADS
    from headstart.training.settings import PRECISIONS

    positive = {name: getattr(model, name) for name in ("epochs", "batch_size", "learning_rate", "max_seconds")}
    wrong = [f"{name} above 0, got {value!r}" for name, value in positive.items() if value is not None and value <= 0]
    if model.task not in TASKS:
        wrong.append(f"task of {', '.join(TASKS)}, got {model.task!r}")
    if not 0 <= model.validation_fraction < 1:
        wrong.append(f"validation_fraction in 0..1, got {model.validation_fraction!r}")
    if not 0 <= model.smoothing < 1:
        wrong.append(f"smoothing in 0..1, got {model.smoothing!r}")
    if model.pooling not in POOLINGS:
        wrong.append(f"pooling of {', '.join(POOLINGS)}, got {model.pooling!r}")
    if model.precision not in PRECISIONS:
        wrong.append(f"precision of {', '.join(PRECISIONS)}, got {model.precision!r}")
    if model.batch_norm is not None and model.batch_norm not in STATISTICS:
        wrong.append(f"batch_norm of {', '.join(STATISTICS)}, got {model.batch_norm!r}")
    if wrong:
        raise InputError(f"FineTune needs {'; '.join(wrong)}. Correct them.")
    TUNED_HEADS.class_of(model.head)
    moving_of(model.trainable)
    penalty_of(model.regulariser)
    check_names(model.augmentation)


def target_of(task: str, y: Any, n: int, *, classes: Any = None) -> ClassTarget | NumberTarget:
    """What is predicted.

    Raises:
        InputError: labels or numbers make no sense.
    """
    if task == "regression":
        return NumberTarget.of(y, n)
    return ClassTarget.of(y, n) if classes is None else ClassTarget(np.unique(np.asarray(classes)))


def begin_network(
    model: FineTune,
    target: ClassTarget | NumberTarget,
    whole: TuningPart,
    X_valid: Any,
    y_valid: Any,
    *,
    is_split: bool = True,
) -> Begun:
    """Open the backbone, look at what comes out of it, and start the head.

    Args:
        model: the settings.
        target: what is predicted.
        whole: the examples.
        X_valid: examples that judge, or None.
        y_valid: their labels.
        is_split: False to train on all of ``whole``.

    Raises:
        InputError: see :meth:`~headstart.strategies.parameter.fine_tune.FineTune.fit`.
    """
    from headstart.training.checkpoint import Checkpoint

    fitting, held = _parts(model, target, whole, X_valid, y_valid) if is_split else (whole, None)
    source = source_of(model.backbone, random_state=model.random_state, pooling=model.pooling)
    penalty = penalty_of(model.regulariser)
    check_augmentation(model.augmentation, source.trunk, len(fitting), head=model.head, penalty=penalty)
    trunk = sized_trunk(model, source.trunk, whole.examples)
    trunk.module.to(_device(model.device))
    dim = width_of(trunk, trunk.loader(whole.examples[:1], is_kept=False))
    network = source.network(trunk, model.head, dim, target, random_state=model.random_state)
    rule = plan(
        len(fitting),
        kind=kind_of(trunk.module),
        dim=dim,
        trainable=str(getattr(model.trainable, "name", model.trainable)),
        is_pretrained=trunk.card.weights != "random",
    )
    folder = None if model.checkpoint is None else Path(model.checkpoint)
    identity = {} if folder is None else _identity(model, trunk, fitting, held)

    known_rows = source.known_rows(model.head, target)
    is_to_be_solved = model.head_first and not (known_rows is not None and known_rows.all())

    def start_on(part: TuningPart) -> None:
        if is_to_be_solved:
            features = _features(model, source, trunk, part)
            check_features(features, part)
            start_head(
                network.head,
                features,
                part.encoded,
                part.weights,
                target,
                random_state=model.random_state,
                known_rows=known_rows,
            )

    kept_start(folder, identity, network, lambda: start_on(fitting))
    checkpoint = Checkpoint(folder, identity) if folder else None
    is_solved = is_to_be_solved and known_rows is None
    return Begun(network, trunk, rule, fitting, held, checkpoint, start_on, is_solved)


def _parts(
    model: FineTune, target: ClassTarget | NumberTarget, whole: TuningPart, X_valid: Any, y_valid: Any
) -> tuple[TuningPart, TuningPart | None]:
    if (X_valid is None) != (y_valid is None):
        raise InputError("FineTune needs X_valid and y_valid together, got one of them. Pass both.")
    if X_valid is not None:
        examples = raw_examples(X_valid)
        return whole, TuningPart(examples, target.encoded(y_valid, len(examples)))
    fitting, held = held_out_rows(
        target.strata(whole.encoded),
        fraction=model.validation_fraction,
        least=_LEAST_HELD_OUT,
        random_state=model.random_state,
    )
    return whole.take(fitting), whole.take(held) if len(held) else None


def sized_trunk(model: FineTune, trunk: Trunk, examples: Sequence[Any]) -> Trunk:
    """The trunk with the resolution that was asked for, or that the rule says for these examples."""
    if model.resolution is not None:
        trunk = replace(trunk, resolution=model.resolution)
        check_resolution(trunk)
        return trunk
    wanted = trunk.card.input
    if trunk.resolution is not None or not isinstance(wanted, ImageInput):
        return trunk
    step = -(-len(examples) // _LOOKED_AT)
    sides = []
    for place in range(0, len(examples), step):
        try:
            sides.append(trunk.short_side(examples[place]))
        except HeadstartError as error:
            raise InputError(f"FineTune needs readable examples, got {error} (position {place}).") from error
    found = resolution_for(sides, kind=kind_of(trunk.module), own=min(wanted.height, wanted.width))
    return replace(trunk, resolution=found)


def _features(model: FineTune, source: TuningSource, trunk: Trunk, part: TuningPart) -> NDArray[np.float32]:
    """Features of the trunk before it moves, from the cache where they can be."""
    from headstart.features.encoder import Encoder

    is_redrawn = trunk.card.weights == "random" and model.random_state != 0
    if source.is_tuned or is_redrawn or model.cache is False or not trunk.card.weights_id:
        return features_of(trunk, part.examples, part.positions)
    encoder = Encoder(trunk.backbone, resolution=trunk.resolution, cache=model.cache)
    return np.asarray(encoder.transform(part.examples))


def _device(name: str | None) -> str:
    import torch

    from headstart.training.processes import processes_of

    found = name if name is not None else "cuda" if torch.cuda.is_available() else "cpu"
    processes_of(torch.device(found).type)  # of several, each takes the card that is its own
    return found


def _identity(model: FineTune, trunk: Trunk, fitting: TuningPart, held: TuningPart | None) -> dict[str, Any]:
    """What a run that goes on must agree in."""
    skipped = ("backbone", "checkpoint", "cache", "device", "max_seconds")
    settings = {k: v for k, v in model.get_params(deep=False).items() if k not in skipped}
    return {
        "model": {name: _plain(value) for name, value in settings.items()},
        "backbone": trunk.card.weights_id or trunk.card.name,
        "data": [content_digest(part, trunk) for part in (fitting, held) if part is not None],
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    from headstart.training.penalty import told

    settings = {k: str(told(v)) for k, v in sorted(vars(value).items()) if not k.startswith("_")}
    return [type(value).__name__, settings]
