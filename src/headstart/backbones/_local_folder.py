"""A backbone in a folder, laid out as model hubs do: ``config.json`` beside one file of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import InputError, MissingPathError
from headstart.types import ImageInput

_PREFERRED = ("model.safetensors", "pytorch_model.bin")
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
_MAX_CONFIG_BYTES = 1 << 20


def read_config(folder: Path) -> dict[str, Any] | None:
    """The folder's ``config.json``, or None where there is none.

    Raises:
        InputError: it is no JSON object, or far too large for one.
    """
    path = folder / "config.json"
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ValueError("larger than 1 MiB")
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"A backbone folder needs a JSON object in config.json, got {str(path)!r} ({error}). Write it again."
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"A backbone folder needs a JSON object in config.json, got {str(path)!r}. Write it again.")
    return config


def find_weights(folder: Path) -> Path | None:
    """The weights file: the hub's own names first, else the only file of tensors, else None."""
    for name in _PREFERRED:
        if (folder / name).is_file():
            return folder / name
    found = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())
    return found[0] if len(found) == 1 else None


def weights_in(folder: Path) -> Path:
    """As :func:`find_weights`.

    Raises:
        MissingPathError: there is none, or it is not clear which.
    """
    path = find_weights(folder)
    if path is None:
        raise MissingPathError(
            f"A backbone folder needs one weights file, got none or several in {str(folder)!r}. "
            "Save the tensors as model.safetensors."
        )
    return path


def image_input(cfg: Mapping[str, Any], who: str) -> ImageInput:
    """What pixels the weights want, from a ``pretrained_cfg`` as timm writes it.

    Raises:
        InputError: a value makes no sense, or the model does not take three colour channels.
    """
    try:
        channels, height, width = (int(v) for v in cfg.get("input_size") or (3, 224, 224))
        mean, std = (_triple(cfg.get(key) or default) for key, default in _NORMALISATION.items())
        # Above 1 timm would pad the picture with black; the whole picture without a border is meant.
        crop = min(1.0, float(cfg.get("crop_pct") or 0.875))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{who} needs a pretrained_cfg like timm's, got {dict(cfg)!r:.200}. Check config.json."
        ) from error
    if channels != 3 or min(height, width) < 1 or crop <= 0 or min(std) <= 0:
        raise InputError(
            f"{who} needs three colour channels, a positive size and std, and crop_pct, got "
            f"{channels} x {height} x {width}, {std} and {crop}. Choose another backbone, or correct config.json."
        )
    interpolation = "bilinear" if cfg.get("interpolation") == "bilinear" else "bicubic"
    window = "squash" if cfg.get("crop_mode") == "squash" else "center"
    return ImageInput(height, width, crop, interpolation, mean, std, window)


_NORMALISATION = {"mean": ImageInput.mean, "std": ImageInput.std}


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
