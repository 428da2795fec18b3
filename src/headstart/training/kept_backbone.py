"""The architecture of a backbone kept beside its trained weights, so that it opens without those it began with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from headstart.backbones._architecture_name import architecture_name
from headstart.backbones.backbone import Backbone
from headstart.backbones.registry import get_provider, open_backbone
from headstart.errors import InputError
from headstart.training.own_backbone import OWN
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput

Files = dict[str, NDArray[np.uint8]]
"""Role -> content, of what a provider builds the architecture and the tokenizer from."""

_INPUTS = {kind.__name__: kind for kind in (ImageInput, VideoInput, TextInput, AudioInput, WaveInput)}


def keep(backbone: Backbone) -> tuple[dict[str, Any], Files]:
    """What JSON can hold of a backbone, and files; undone by :func:`kept_backbone`."""
    card = backbone.card
    kept: Any = backbone.provider
    if isinstance(kept, KeptProvider):
        return {"card": _plain_card(card), "architecture": kept.architecture}, dict(kept.files)
    wanted: Mapping[str, bytes] = getattr(backbone.provider, "saved_files", lambda _: {})(card)
    files = {role: np.frombuffer(content, dtype=np.uint8).copy() for role, content in wanted.items()}
    architecture = card.name if card.provider == OWN else architecture_name(backbone)
    return {"card": _plain_card(card), "architecture": architecture}, files


def kept_backbone(info: Mapping[str, Any], files: Files) -> Backbone:
    """The backbone that :func:`keep` told of, with untrained weights.

    Raises:
        InputError: it is a module of one's own.
    """
    card = _card(info["card"])
    if card.provider == OWN:
        raise InputError(
            f"FineTune.from_state needs the module of {card.name!r}, which is one's own, got none. Pass backbone=."
        )
    return Backbone(card, KeptProvider(info["architecture"], files))


@final
class KeptProvider:
    """Opens an architecture.

    Args:
        architecture: a name that opens it with untrained weights.
        files: what its own provider builds it from instead, if it does.
    """

    def __init__(self, architecture: str, files: Files) -> None:
        self.architecture, self.files = architecture, files

    def cards(self) -> list[BackboneCard]:
        """None: it has no public name."""
        return []

    def open_module(self, card: BackboneCard) -> nn.Module:
        """The module with untrained weights."""
        if self.files:
            build = get_provider(card.provider).build_from_files
            module: nn.Module = self._with_paths(build)
            return module
        return open_backbone(f"{self.architecture}@random").open().module

    def open_tokenizer(self, card: BackboneCard) -> Any:
        """The tokenizer."""
        provider = get_provider(card.provider)
        if hasattr(provider, "tokenizer_from_files") and self.files:
            return self._with_paths(provider.tokenizer_from_files)
        return open_backbone(self.architecture).open_tokenizer()

    def _with_paths(self, build: Callable[[Mapping[str, Path]], Any]) -> Any:
        with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
            paths = {}
            for place, (role, content) in enumerate(self.files.items()):
                paths[role] = Path(folder) / f"{place}.{role}" if "." in role else Path(folder) / f"{place}.{role}.json"
                paths[role].write_bytes(content.tobytes())
            return build(paths)


def _plain_card(card: BackboneCard) -> dict[str, Any]:
    return {**asdict(card), "input": _plain_input(card.input)}


def _plain_input(wanted: Any) -> dict[str, Any] | None:
    if wanted is None:
        return None
    settings = {**asdict(wanted), "kind": type(wanted).__name__}
    if isinstance(wanted, VideoInput):
        settings["image"] = _plain_input(wanted.image)
    return settings


def _card(info: Mapping[str, Any]) -> BackboneCard:
    return BackboneCard(**{**info, "input": _input(info["input"])})


def _input(info: Mapping[str, Any] | None) -> Any:
    if info is None:
        return None
    settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in info.items()}
    kind = _INPUTS[settings.pop("kind")]
    if kind is VideoInput:
        settings["image"] = _input(settings["image"])
    return kind(**settings)
