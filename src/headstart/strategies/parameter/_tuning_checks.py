"""What is told before the first epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import HeadstartError, InputError
from headstart.types import ImageInput, VideoInput

if TYPE_CHECKING:
    from torch import Tensor, nn

    from headstart.strategies.parameter._tuning_part import TuningPart
    from headstart.training.example_loader import ExampleLoader
    from headstart.training.penalty import Penalty
    from headstart.training.trunk import Trunk


def width_of(trunk: Trunk, loader: ExampleLoader) -> int:
    """Width of the features of the first example.

    Raises:
        InputError: the example does not pass through the backbone, or what comes out is not finite.
    """
    import torch

    from headstart.training.forward import device_of

    inputs = loader(np.zeros(1, dtype=np.int64), 0)
    shapes = " and ".join(str(tuple(part.shape[1:])) for part in inputs)
    trunk.module.eval()
    try:
        with torch.inference_mode():
            found = trunk.module(*(part.to(device_of(trunk.module)) for part in inputs))
    except HeadstartError:
        raise
    except Exception as error:  # a border: whatever the module of somebody else raises
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"FineTune needs examples that pass through {trunk.card.name!r}, got one of shape {shapes}: {reason}. "
            "Take larger examples, or another resolution."
        ) from error
    if not bool(torch.isfinite(found).all()):
        raise InputError(
            f"FineTune needs finite features, got others of example 0 from {trunk.card.name!r}. Look at that example, "
            "and at the weights."
        )
    return int(found.shape[1])


def check_features(features: NDArray[np.float32], part: TuningPart) -> None:
    """Name the example whose features are not finite.

    Raises:
        InputError: there is such a one.
    """
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise InputError(
            f"FineTune needs finite features, got others of example {part.named(bad)[0]} (counted from 0). Correct it "
            "or leave it out."
        )


def check_resolution(trunk: Trunk) -> None:
    """Refuse pictures smaller than what one place of the backbone's last map sees anew.

    Raises:
        InputError: the resolution is smaller than the product of the backbone's strides.
    """
    wanted = trunk.card.input
    spec = wanted.image if isinstance(wanted, VideoInput) else wanted
    if trunk.resolution is None:
        return
    if not isinstance(spec, ImageInput):
        raise InputError(f"FineTune needs pictures for a resolution, got {trunk.card.name!r}. Leave resolution out.")
    stride = _stride(trunk.module, spec)
    if trunk.resolution < stride:
        raise InputError(
            f"FineTune needs pictures of at least {stride} pixels, the stride of {trunk.card.name!r}, got resolution="
            f"{trunk.resolution}. Raise it."
        )


def check_augmentation(augmentation: str, trunk: Trunk, n: int, *, head: str, penalty: Penalty | None) -> None:
    """Refuse an augmentation that is not for the examples, or that the loss cannot follow.

    Args:
        augmentation: names, or "auto".
        trunk: that takes the examples.
        n: training examples.
        head: by name.
        penalty: added to the loss, or None.

    Raises:
        InputError: see above.
        UnknownNameError: there is no such augmentation.
    """
    from headstart.training.augmentation.policy import policy_of

    policy = policy_of(augmentation, trunk.card, n)
    if not policy.mixings:
        return
    if head == "cosine":
        raise InputError(
            f"FineTune needs a head without a margin for augmentation={policy.name!r}, got 'cosine', which asks for "
            "one class. Take 'linear'."
        )
    if penalty is not None and penalty.knows_examples:
        raise InputError(
            f"FineTune needs examples by themselves for regulariser {penalty.name!r}, got augmentation="
            f"{policy.name!r}, which mixes them. Take another of the two."
        )


def check_batch_norm(network: nn.Module, batch_size: int, n: int, *, statistics: str) -> None:
    """Refuse batches of one where a batch norm normalises by the batch.

    Raises:
        InputError: there is such a one.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    if min(batch_size, n) > 1 or statistics == "frozen":
        return
    for name, layer in network.named_modules():
        if isinstance(layer, _BatchNorm) and any(p.requires_grad for p in layer.parameters()):
            raise InputError(
                f"FineTune needs batches of 2 or more to train the batch norm {name!r}, got 1. Raise batch_size."
            )


def _stride(module: nn.Module, spec: ImageInput) -> int:
    """Pixels of the input for each place of the smallest map that a convolution gives."""
    import torch
    from torch import nn as layers

    sides: list[int] = []

    def see(_: Any, __: Any, output: Tensor) -> None:
        if output.shape[-1] > 1:
            sides.append(output.shape[-1])

    hooks = [m.register_forward_hook(see) for m in module.modules() if isinstance(m, layers.Conv2d)]
    frames = torch.zeros((1, spec.height, spec.width, 3), dtype=torch.uint8)
    try:
        with torch.inference_mode():
            module.eval()(frames)
    except (RuntimeError, ValueError, AssertionError):  # clips of frames: no single picture passes
        return 1
    finally:
        for hook in hooks:
            hook.remove()
    return round(spec.width / min(sides)) if sides else 1
