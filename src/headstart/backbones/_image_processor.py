"""What a ``preprocessor_config.json`` in the hub's layout says about pixels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.backbones._local_folder import image_input
from headstart.errors import InputError
from headstart.types import ImageInput

_FILE = "preprocessor_config.json"
_BILINEAR = 2
_MAX_BYTES = 1 << 20
_SQUASHED_FROM = 384
"""ConvNeXt's processor squashes pictures to sizes from here on, and crops below."""


@dataclass(frozen=True)
class ProcessedInput:
    """The pixels a model wants, and whether it wants blue first."""

    wanted: ImageInput
    wants_blue_first: bool = False


def read_processor(folder: Path) -> dict[str, Any] | None:
    """The folder's processor configuration, or None where there is none.

    Raises:
        InputError: it is no JSON object, or far too large for one.
    """
    path = folder / _FILE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("larger than 1 MiB")
        said = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"A backbone folder needs a JSON object in {_FILE}, got {str(path)!r} ({error}). Write it again."
        ) from error
    if not isinstance(said, dict):
        raise InputError(f"A backbone folder needs a JSON object in {_FILE}, got {str(path)!r}. Write it again.")
    return said


def processed_input(said: Mapping[str, Any] | None, side: int, who: str) -> ProcessedInput:
    """The pixels that a processor makes, or a square of ``side`` with ImageNet's statistics without a processor.

    Where a processor squashes a picture and then cuts out its centre, its sides keep their proportion here instead.

    Raises:
        InputError: a value makes no sense.
    """
    if said is None:
        return ProcessedInput(ImageInput(side, side))
    try:
        height, width, crop, window = _geometry(said, side)
        mean, std = _statistics(said)
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise InputError(f"{who} needs sizes and statistics in {_FILE}, got {dict(said)!r:.200}. Check it.") from error
    cfg = {
        "input_size": (3, height, width),
        "crop_pct": crop,
        "crop_mode": window,
        "interpolation": "bilinear" if said.get("resample") == _BILINEAR else "bicubic",
    }
    # Statistics go past image_input, for which a mean of 0 is no mean.
    plain = image_input(cfg, who)
    if min(std) <= 0:
        raise InputError(f"{who} needs a positive image_std in {_FILE}, got {std}. Check it.")
    wanted = ImageInput(height, width, plain.crop_fraction, plain.interpolation, mean, std, window)
    return ProcessedInput(wanted, said.get("do_flip_channel_order") is True)


def _geometry(said: Mapping[str, Any], side: int) -> tuple[int, int, float, str]:
    """Height, width, crop fraction and window."""
    size = _size(said.get("size")) if said.get("do_resize", True) else None
    crop = _size(said.get("crop_size")) if said.get("do_center_crop") else None
    if size is None:
        height, width = _sides(crop) if crop else (side, side)
        return height, width, 1.0, "center"
    if "crop_pct" in said and "shortest_edge" in size:
        edge = size["shortest_edge"]
        is_cropped = edge < _SQUASHED_FROM
        fraction = float(said["crop_pct"] or 224 / 256)
        return edge, edge, fraction if is_cropped else 1.0, "center" if is_cropped else "squash"
    short = size.get("shortest_edge") or min(_sides(size))
    if crop is not None:
        height, width = _sides(crop)
        return height, width, min(1.0, min(height, width) / short), "center"
    height, width = (short, short) if "shortest_edge" in size else _sides(size)
    return height, width, 1.0, "center" if "shortest_edge" in size else "squash"


def _size(said: Any) -> dict[str, int]:
    if isinstance(said, int):
        return {"height": said, "width": said}
    if isinstance(said, (list, tuple)):
        height, width = said
        return {"height": int(height), "width": int(width)}
    found = {key: int(value) for key, value in said.items() if value is not None}
    if not {"height", "width"} <= found.keys() and "shortest_edge" not in found:
        raise ValueError("no size")
    return found


def _sides(size: Mapping[str, int]) -> tuple[int, int]:
    return (size["shortest_edge"],) * 2 if "shortest_edge" in size else (size["height"], size["width"])


def _statistics(said: Mapping[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation on the 0..1 scale, whatever the scale that the processor normalises on."""
    factor = 255.0 * float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 255.0
    offset = 1.0 if said.get("rescale_offset") else 0.0
    mean, std = (0.0,) * 3, (1.0,) * 3
    if said.get("do_normalize", True):
        mean = _triple(said.get("image_mean"), ImageInput.mean)
        std = _triple(said.get("image_std"), ImageInput.std)
    red, green, blue = ((value + offset) / factor for value in mean)
    # EfficientNet's processor divides a second time.
    twice = str(said.get("image_processor_type", "")).startswith("EfficientNet") and said.get("include_top")
    std_red, std_green, std_blue = (value * (value if twice else 1.0) / factor for value in std)
    return (red, green, blue), (std_red, std_green, std_blue)


def _triple(said: Any, default: tuple[float, float, float]) -> tuple[float, float, float]:
    if said is None:
        return default
    if isinstance(said, (int, float)):
        return (float(said),) * 3
    red, green, blue = (float(value) for value in said)
    return red, green, blue
