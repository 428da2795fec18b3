"""Clips of video through the backbones of pictures, frame by frame: ``frames/efficientnet_lite0``.

``frames/NAME`` is the mean of the frames' features, ``frames_in_order/NAME`` are the features of all frames, one frame
after the other, for heads that look at them one by one.
"""

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

_MEAN, _IN_ORDER = "frames/", "frames_in_order/"
N_FRAMES = 8
"""Frames of a clip."""
OPEN_SETTINGS = {"n_frames": N_FRAMES}


def cards() -> list[BackboneCard]:
    """The embedded encoders of pictures, and colour histograms, over frames; the encoders also with frames in order."""
    encoders, classic = (registry.get_provider(name).cards() for name in ("embedded", "classic"))
    return [_over_frames(card) for card in (*encoders, *classic)] + [_in_order(card) for card in encoders]


def find(name: str) -> BackboneCard | None:
    """The card of ``frames/NAME`` or ``frames_in_order/NAME`` where ``NAME`` is a backbone of pictures; else None.

    Raises:
        UnknownNameError: ``NAME`` is not known.
    """
    if not name.startswith((_MEAN, _IN_ORDER)):
        return None
    inner = registry.get_card(_inner_name(name))
    if inner.modality != "image":
        return None
    return _in_order(inner) if name.startswith(_IN_ORDER) else _over_frames(inner)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with its final ``weights_id``."""
    inner: BackboneCard = _inner(card).resolve().card
    return _in_order(inner) if card.steps > 1 else _over_frames(inner)


def open_module(card: BackboneCard) -> nn.Module:
    """The module of the backbone of pictures: one frame in, one row out."""
    module: nn.Module = _inner(card).open().module
    return module


def encode(card: BackboneCard, clips: Sequence[Any]) -> NDArray[np.float32]:
    """Features of frames by a classic backbone of pictures: their mean, or one after the other.

    Args:
        card: whose.
        clips: n lists of pictures, :data:`N_FRAMES` each where the features are in order.

    Returns:
        (n, dim) float32.
    """
    inner = _inner(card)
    found = [inner.encode(frames) for frames in clips]  # (n_frames, dim) each
    rows = [frames.ravel() if card.steps > 1 else frames.mean(axis=0) for frames in found]
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
    return registry.open_backbone(_inner_name(card.name))


def _inner_name(name: str) -> str:
    return name.removeprefix(_MEAN).removeprefix(_IN_ORDER)


def _over_frames(card: BackboneCard) -> BackboneCard:
    wanted = VideoInput(N_FRAMES, card.input) if isinstance(card.input, ImageInput) else None
    return replace(
        card,
        name=_MEAN + card.name,
        modality="video",
        provider="frames",
        input=wanted,
        weights_id=f"{card.weights_id}:frames-{N_FRAMES}" if card.weights_id else "",
    )


def _in_order(card: BackboneCard) -> BackboneCard:
    """Encoders share weights, runtimes and cached frames with ``frames/NAME``; classic rows are another function."""
    mean = _over_frames(card)
    name = f"{mean.weights_id}-in-order" if mean.weights_id and mean.input is None else mean.weights_id
    return replace(mean, name=_IN_ORDER + card.name, dim=N_FRAMES * card.dim, weights_id=name, steps=N_FRAMES)
