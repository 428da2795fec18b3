"""Clips of video through the backbones of pictures, frame by frame: ``frames/efficientnet_lite0``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones import registry
from headstart.types import BackboneCard, ImageInput, VideoInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "frames/"
N_FRAMES = 8
"""Frames of a clip."""
OPEN_SETTINGS = {"n_frames": N_FRAMES}


def cards() -> list[BackboneCard]:
    """The embedded encoders of pictures, and colour histograms, over frames."""
    inner = [card for name in ("embedded", "classic") for card in registry.get_provider(name).cards()]
    return [_over_frames(card) for card in inner]


def find(name: str) -> BackboneCard | None:
    """The card of ``frames/NAME`` where ``NAME`` is a backbone of pictures; None for other names.

    Raises:
        UnknownNameError: ``NAME`` is not known.
    """
    if not name.startswith(_PREFIX):
        return None
    inner = registry.get_card(name.removeprefix(_PREFIX))
    return _over_frames(inner) if inner.modality == "image" else None


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with its final ``weights_id``."""
    return _over_frames(_inner(card).resolve().card)


def open_module(card: BackboneCard) -> nn.Module:
    """The module of the backbone of pictures: one frame in, one row out."""
    module: nn.Module = _inner(card).open().module
    return module


def encode(card: BackboneCard, clips: Sequence[Any]) -> NDArray[np.float32]:
    """Mean over the frames of a classic backbone of pictures.

    Args:
        card: whose.
        clips: n lists of pictures.

    Returns:
        (n, dim) float32.
    """
    inner = _inner(card)
    rows = [inner.encode(frames).mean(axis=0) for frames in clips]
    return np.stack(rows).astype(np.float32) if rows else np.empty((0, card.dim), np.float32)


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    from importlib.util import find_spec

    if find_spec("av") is None:
        return "av is missing. Run: pip install 'headstart[video]'"
    return registry.readiness(_inner(card).card)


def architecture(card: BackboneCard) -> str:
    """That of the backbone of pictures."""
    inner = _inner(card)
    return f"frames:{inner.provider.architecture(inner.card)}"


def pull(card: BackboneCard) -> Path:
    """Fetch the weights of the backbone of pictures."""
    inner = _inner(card)
    path: Path = inner.provider.pull(inner.card)
    return path


def _inner(card: BackboneCard) -> Any:
    return registry.open_backbone(card.name.removeprefix(_PREFIX))


def _over_frames(card: BackboneCard) -> BackboneCard:
    wanted = VideoInput(N_FRAMES, card.input) if isinstance(card.input, ImageInput) else None
    return replace(
        card,
        name=_PREFIX + card.name,
        modality="video",
        provider="frames",
        input=wanted,
        weights_id=f"{card.weights_id}:frames-{N_FRAMES}" if card.weights_id else "",
    )
