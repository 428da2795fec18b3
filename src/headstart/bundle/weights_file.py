"""Backbone weights inside a bundle, and the provider that opens them without the package they came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.backbone import Backbone
from headstart.errors import IntegrityError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from torch import nn


def architecture_name(backbone: Backbone) -> str:
    """A backbone name that opens the same architecture anywhere, with untrained weights."""
    card = backbone.card
    plain = card.name.removesuffix("@random")
    if card.provider in ("timm_hub", "torchvision_models"):
        prefix = "timm" if card.provider == "timm_hub" else "torchvision"
        return f"{prefix}/{backbone.provider.architecture(card).split(':')[0]}"
    return plain


def save_weights(backbone: Backbone, path: Path) -> None:
    """Write the backbone's tensors as safetensors."""
    from safetensors.torch import save_file

    state = backbone.open().module.state_dict()
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}, str(path))


class BundledProvider:
    """Opens a backbone whose weights lie in a bundle."""

    def __init__(self, architecture: str, path: Path) -> None:
        self._architecture, self._path = architecture, path

    def cards(self) -> list[BackboneCard]:
        """None: a bundle's backbone has no public name."""
        return []

    def open_module(self, card: BackboneCard) -> nn.Module:
        """The architecture with the bundle's tensors in it.

        Raises:
            IntegrityError: names or shapes differ from the architecture's.
        """
        from safetensors.torch import load_file

        from headstart.backbones.registry import open_backbone

        module = open_backbone(f"{self._architecture}@random").open().module
        try:
            module.load_state_dict(load_file(str(self._path)), strict=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise IntegrityError(
                f"Bundle file {self._path.name} needs weights of {self._architecture}, got {reason}"
            ) from None
        return module.eval()


def bundled_backbone(card: BackboneCard, architecture: str, path: Path) -> Backbone:
    """The backbone of a loaded bundle."""
    return Backbone(replace(card), BundledProvider(architecture, path))
