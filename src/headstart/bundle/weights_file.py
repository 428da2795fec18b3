"""Backbone weights inside a bundle, and the provider that opens them without the package they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones.backbone import Backbone
from headstart.errors import IntegrityError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from torch import nn


def save_weights(backbone: Backbone, path: Path) -> None:
    """Write the backbone's tensors as safetensors."""
    from safetensors.torch import save

    state = backbone.open().module.state_dict()
    # Written by Python, whose errors tell a full disk from others.
    path.write_bytes(save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}))


def save_files_beside(backbone: Backbone, stem: str, folder: Path) -> dict[str, str]:
    """Write what the backbone needs beside its weights, such as a tokenizer; role -> file name."""
    wanted: Mapping[str, bytes] = getattr(backbone.provider, "saved_files", lambda _: {})(backbone.card)
    names = {role: f"{stem}.{role}" if "." in role else f"{stem}.{role}.json" for role in wanted}
    for role, content in wanted.items():
        (folder / names[role]).write_bytes(content)
    return names


class BundledProvider:
    """Opens a backbone whose weights lie in a bundle.

    Args:
        architecture: a name that opens the architecture with untrained weights.
        path: the weights.
        beside: role -> file, of what the backbone's own provider builds the architecture from instead.
    """

    def __init__(self, architecture: str, path: Path, beside: Mapping[str, Path]) -> None:
        self._architecture, self._path, self._beside = architecture, path, beside

    def cards(self) -> list[BackboneCard]:
        """None: a bundle's backbone has no public name."""
        return []

    def open_module(self, card: BackboneCard) -> nn.Module:
        """The architecture with the bundle's tensors in it.

        Raises:
            IntegrityError: names or shapes differ from the architecture's.
        """
        from safetensors.torch import load_file

        from headstart.backbones.registry import get_provider, open_backbone

        module: nn.Module
        if self._beside:
            module = get_provider(card.provider).build_from_files(self._beside)
        else:
            module = open_backbone(f"{self._architecture}@random").open().module
        try:
            module.load_state_dict(load_file(str(self._path)), strict=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise IntegrityError(
                f"Bundle file {self._path.name} needs weights of {self._architecture}, got {reason}"
            ) from None
        return module.eval()

    def open_tokenizer(self, card: BackboneCard) -> Any:
        """The tokenizer in the bundle."""
        from headstart.backbones.registry import get_provider

        return get_provider(card.provider).tokenizer_from_files(self._beside)


def bundled_backbone(card: BackboneCard, architecture: str, path: Path, beside: Mapping[str, Path]) -> Backbone:
    """The backbone of a loaded bundle."""
    return Backbone(replace(card), BundledProvider(architecture, path, beside))
