"""Small networks with random weights: what a transfer is held against that begins with nothing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from headstart.types import AudioInput, BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_HALF = (0.5, 0.5, 0.5)


def cards() -> list[BackboneCard]:
    """The networks."""
    return [
        BackboneCard(
            name="two_convolutions",
            modality="image",
            dim=128,
            provider="scratch",
            licence="Apache-2.0",
            commercial=True,
            pretraining="none",
            parameters=150_592,
            input=ImageInput(64, 64, 1.0, "bilinear", _HALF, _HALF),
            weights="random",
            weights_id=f"random:0:{_fingerprint('two_convolutions')}",
        ),
        BackboneCard(
            name="sound_convolutions",
            modality="audio",
            dim=128,
            provider="scratch",
            licence="Apache-2.0",
            commercial=True,
            pretraining="none",
            parameters=424_640,
            extra="audio",
            input=AudioInput(n_mels=80, max_seconds=10.0),
            weights="random",
            weights_id=f"random:0:{_fingerprint('sound_convolutions')}",
        ),
    ]


def open_module(card: BackboneCard) -> nn.Module:
    """The network, drawn with seed 0."""
    from headstart.backbones._sound_convolutions import SoundConvolutions
    from headstart.backbones._two_convolutions import TwoConvolutions
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed():
        module = SoundConvolutions() if card.modality == "audio" else TwoConvolutions()
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    wanted = ("librosa", "soundfile") if card.modality == "audio" else ()
    absent = next((name for name in wanted if find_spec(name) is None), None)
    return "" if absent is None else f"{absent} is missing. Run: pip install 'headstart[audio]'"


def architecture(card: BackboneCard) -> str:
    """Names the network with the library that initialises it."""
    return _fingerprint(card.name.removesuffix("@random"))


def _fingerprint(name: str) -> str:
    try:
        return f"{name}:torch-{version('torch')}"
    except PackageNotFoundError:
        return f"{name}:torch-missing"
