"""Backbones by name: ``efficientnet_lite0``, ``timm/resnet18.a1_in1k``, ``torchvision/resnet50``, a folder.

``name@random`` is the same architecture with untrained weights.
"""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.errors import InputError, MissingPathError, UnknownNameError
from headstart.types import MODALITIES, BackboneCard

RANDOM_SUFFIX = "@random"
"""Behind a name: the same architecture with untrained weights."""

ENTRY_POINT_GROUP = "headstart.backbones"
"""Packages add providers here: ``name = "package.module"``; see :class:`~headstart.backbones.backbone.Provider`."""

_NOT_PROVIDERS = frozenset({"backbone", "registry"})


def provider_names() -> list[str]:
    """The provider files of headstart, then those of other packages; nothing is imported."""
    own = _own_names()
    return own + [e.name for e in entry_points(group=ENTRY_POINT_GROUP) if e.name not in own]


def get_provider(name: str) -> Any:
    """The module or object of one provider.

    Raises:
        UnknownNameError: no such provider.
    """
    names = provider_names()
    if name not in names:
        raise UnknownNameError("Backbone provider", name, names)
    if name in _own_names():
        return import_module(f"headstart.backbones.{name}")
    (entry, *_) = entry_points(group=ENTRY_POINT_GROUP, name=name)
    return entry.load()


def list_cards(modality: str | None = None, commercial: bool | None = None) -> list[BackboneCard]:
    """The cards that every provider knows without importing anything heavy: embedded and classic ones.

    Args:
        modality: only this kind of input.
        commercial: True or False: only those whose licence allows, or does not state to allow, commercial use.

    Raises:
        InputError: ``modality`` is unknown.
    """
    if modality is not None and modality not in MODALITIES:
        raise InputError(
            f"list_cards needs a modality of {', '.join(MODALITIES)}, got {modality!r}. Choose one of them."
        )
    found = [card for name in provider_names() for card in get_provider(name).cards()]
    found = [card for card in found if modality in (None, card.modality)]
    return [card for card in found if commercial in (None, card.commercial)]


def list_names() -> dict[str, list[str]]:
    """Every name that can be opened, by provider; imports timm and torchvision where they are installed."""
    found = {}
    for name in provider_names():
        provider = get_provider(name)
        found[name] = [card.name for card in provider.cards()] + _optional(provider, "names", list)()
    return found


def get_card(name: str) -> BackboneCard:
    """The card of a name, of ``name@random``, or of a local folder.

    Raises:
        UnknownNameError: no provider knows it; the nearest known name is offered.
        MissingPathError: it looks like a path, and nothing is there.
    """
    return open_backbone(name).card


def open_backbone(name: str) -> Backbone:
    """The backbone of that name; cheap, because weights load at its ``open()``.

    Raises:
        UnknownNameError: no provider knows it; the nearest known name is offered.
        MissingPathError: it looks like a path, and nothing is there.
        InputError: it is a folder without a backbone.
    """
    name = str(name)
    plain = name.removesuffix(RANDOM_SUFFIX)
    found = _find(plain)
    if found is None:
        if Path(plain).expanduser().is_dir():
            raise InputError(
                f"open_backbone needs a folder with config.json (architecture) and model.safetensors, got {name!r}. "
                "Save the model there as timm.models.save_for_hf does."
            )
        if plain.startswith((".", "/", "~")):
            raise MissingPathError(f"open_backbone needs a name or a folder, got {name!r}. There is no such folder.")
        raise UnknownNameError("open_backbone", plain, _suggestions())
    return _untrained(found) if plain != name else found


def readiness(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened here and what to do, in one line; "" when it is ready."""
    missing: str = _optional(get_provider(card.provider), "missing", lambda _: "")(card)
    return missing


def is_ready(card: BackboneCard) -> bool:
    """True when the backbone can be opened without a network."""
    return readiness(card) == ""


def _own_names() -> list[str]:
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return [m.name for m in modules if not m.name.startswith("_") and m.name not in _NOT_PROVIDERS]


def _suggestions() -> set[str]:
    """All names, and the short forms that people try: without provider, without tag."""
    names = {name for row in list_names().values() for name in row}
    short = {name.rpartition("/")[2] for name in names}
    return names | short | {name.partition(".")[0] for name in short}


def _find(name: str) -> Backbone | None:
    providers = [get_provider(provider) for provider in provider_names()]
    # Cards of all providers first: they cost nothing, while a finder may import timm.
    for provider in providers:
        for card in provider.cards():
            if card.name == name:
                return Backbone(card, provider)
    for provider in providers:
        card = _optional(provider, "find", lambda _: None)(name)
        if card is not None:
            return Backbone(card, provider)
    return None


def _untrained(backbone: Backbone) -> Backbone:
    card = backbone.card
    if card.input is None or not hasattr(backbone.provider, "architecture"):
        raise InputError(f"open_backbone needs a backbone with weights before {RANDOM_SUFFIX}, got {card.name!r}.")
    card = replace(
        card,
        name=card.name + RANDOM_SUFFIX,
        weights="random",
        weights_id=f"random:0:{backbone.provider.architecture(card)}",
        licence="Apache-2.0",
        commercial=True,
        pretraining="none",
        sha256=None,
        size_bytes=None,
    )
    return Backbone(card, backbone.provider)


def _optional(provider: Any, name: str, default: Any) -> Any:
    return getattr(provider, name, default)
