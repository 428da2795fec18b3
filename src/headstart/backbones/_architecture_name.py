"""The name under which an architecture opens anywhere."""

from __future__ import annotations

from headstart.backbones.backbone import Backbone


def architecture_name(backbone: Backbone) -> str:
    """A backbone name that opens the same architecture anywhere, with untrained weights."""
    card = backbone.card
    plain = card.name.removesuffix("@random")
    if card.provider in ("timm_hub", "torchvision_models"):
        prefix = "timm" if card.provider == "timm_hub" else "torchvision"
        return f"{prefix}/{backbone.provider.architecture(card).split(':')[0]}"
    return plain
