"""What decides a row of features besides the content of the example."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import metadata
from typing import Any

from headstart.errors import InputError, UnknownNameError
from headstart.features.pixels import View, decode_min_side
from headstart.types import BackboneCard, ImageInput, VideoInput

PRECISIONS = ("exact", "auto", "bf16")
POOLINGS = ("mean", "max", "none")
WINDOWS = ("center", "squash")
PIXELS_REVISION = 2
"""Raised whenever headstart prepares pixels differently."""
PREPARED_REVISION = 1
"""Raised whenever headstart prepares texts or sounds differently."""
FRAMES_REVISION = 2
"""Raised whenever headstart takes other frames of a clip."""


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of :class:`headstart.Encoder` that decide features; see there."""

    layer: str | None = None
    pooling: str = "mean"
    precision: str = "exact"
    window: str | None = None
    resolution: int | None = None
    view: View = View()

    def __post_init__(self) -> None:
        for name, value, known in (
            ("precision", self.precision, PRECISIONS),
            ("pooling", self.pooling, POOLINGS),
            ("window", self.window, (None, *WINDOWS)),
        ):
            if value not in known:
                raise UnknownNameError(f"Encoder {name}", str(value), [str(k) for k in known])
        if self.resolution is not None and not 16 <= self.resolution <= 2048:
            raise InputError(
                f"Encoder needs a resolution between 16 and 2048 pixels, got {self.resolution!r}. "
                "Leave it out for the side the weights were trained with."
            )

    def spec(self, card: BackboneCard) -> ImageInput | None:
        """The pixels to prepare: the weights' own, with the window and side that were asked for; None for others."""
        spec = card.input.image if isinstance(card.input, VideoInput) else card.input
        if not isinstance(spec, ImageInput):
            return None
        if self.window is not None:
            spec = replace(spec, window=self.window)
        if self.resolution is not None:
            spec = replace(spec, height=self.resolution, width=self.resolution)
        return spec

    def min_side(self, card: BackboneCard) -> int | None:
        """Short side that a reduced-scale decode keeps, or None where files are decoded in full."""
        spec = self.spec(card)
        return None if spec is None or self.precision == "exact" else decode_min_side(spec)

    def graph_key(self, card: BackboneCard) -> dict[str, Any]:
        """What decides the function from pixels to features: the part of :meth:`key` that a runtime holds."""
        key = self.key(card)
        return {name: key[name] for name in ("weights", "layer", "pooling", "input")}

    def key(self, card: BackboneCard) -> dict[str, Any]:
        """Everything but content and runtime that decides a row of features, for the cache."""
        key: dict[str, Any] = {
            "weights": card.weights_id,
            "layer": self.layer or "pooled",
            "pooling": self.pooling if self.layer else "backbone",
        }
        if card.modality not in ("image", "video"):
            wanted = asdict(card.input) if card.input else None
            return key | {"input": wanted, "prepared": f"{PREPARED_REVISION}-{_preparing_versions(card.modality)}"}
        from PIL import __version__ as pillow

        spec, min_side = self.spec(card), self.min_side(card)
        return key | {
            "input": asdict(spec) if spec else None,
            "decode": {"min_side": min_side} if min_side else {"scale": "full"},
            "view": self.view.key,
            "pixels": f"{PIXELS_REVISION}-pillow-{pillow}",
            **_frames(card),
        }


def _frames(card: BackboneCard) -> dict[str, Any]:
    """What decides which frames of a clip are taken."""
    if card.modality != "video":
        return {}
    key: dict[str, Any] = {"frames": "classic", "prepared": f"{FRAMES_REVISION}-{_preparing_versions('video')}"}
    if isinstance(card.input, VideoInput):  # a row of all frames one after the other, or one of all together
        key |= {"frames": card.input.n_frames, "rows": "joint" if card.input.is_joint else "frames in order"}
    return key


def _preparing_versions(modality: str) -> str:
    """The packages that turn an example of ``modality`` into what a backbone takes."""
    packages = {"text": ("tokenizers",), "audio": ("librosa", "soundfile", "soxr"), "video": ("av",)}.get(modality, ())
    found = []
    for package in packages:
        try:
            found.append(f"{package}-{metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package}-absent")
    return "+".join(found)
