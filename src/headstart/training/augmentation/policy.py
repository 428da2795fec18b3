"""Names of augmentations, joined by "+", as the augmentations that suit the examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from headstart.errors import InputError, UnknownNameError
from headstart.training.augmentation._augmentation import Augmentation
from headstart.training.augmentation._kinds import KINDS, kind_of
from headstart.training.augmentation.registry import AUGMENTATIONS
from headstart.types import BackboneCard

AUTO = "auto"
MIXUP_FROM = 20_000
"""Pictures from which on "auto" mixes them."""
HIDDEN_BELOW = 5_000
"""Texts below which "auto" hides tokens."""

_KINDS_OF = {"image": ("pixels",), "video": ("frames",), "text": ("tokens",), "audio": ("mels", "waves")}
"""Modality -> kinds of tensors."""


@final
@dataclass(frozen=True)
class Policy:
    """What becomes of examples in training.

    Args:
        name: the names, joined.
        each: what examples go through, in this order.
        mixings: what a batch goes through after that; of several, a random one.
    """

    name: str
    each: tuple[Augmentation, ...]
    mixings: tuple[Augmentation, ...] = ()

    @property
    def view(self) -> str:
        """How :func:`headstart.features.pixels.prepare` cuts the pictures."""
        return next((one.view for one in self.each if one.view != "none"), "none")

    @property
    def fixed_views(self) -> tuple[int, ...] | None:
        """The epochs after which it begins anew, or None where each epoch is another one."""
        return self.each[0].fixed_views if len(self.each) == 1 and not self.mixings else None

    @property
    def is_plain(self) -> bool:
        """True where examples stay as they are."""
        return not self.mixings and all(one.name == "none" for one in self.each)


def check_names(augmentation: str) -> None:
    """Look at what can be told without a backbone.

    Raises:
        InputError: it is no text.
        UnknownNameError: there is no such augmentation.
    """
    if not isinstance(augmentation, str):
        raise InputError(
            f"FineTune needs augmentation by name, names joined by '+', or 'auto', got {augmentation!r}. Take one of "
            f"{', '.join(AUGMENTATIONS.names())}."
        )
    for name in augmentation.split("+"):
        if name not in AUGMENTATIONS.names() and augmentation != AUTO:
            raise UnknownNameError("Augmentation", name, [AUTO, *AUGMENTATIONS.names()])


def check_modality(augmentation: str, modality: str) -> None:
    """Look at what can be told once the examples are known.

    Raises:
        InputError: an augmentation is for other examples.
    """
    kinds = _KINDS_OF.get(modality, ("numbers",))
    for name in () if augmentation == AUTO else augmentation.split("+"):
        if not AUGMENTATIONS.class_of(name).kinds & set(kinds):
            known = sorted({name for kind in kinds for name in names_for(kind)})
            raise InputError(f"Augmentation needs a name for {modality}, got {name!r}. Take one of {', '.join(known)}.")


def policy_of(augmentation: str, card: BackboneCard, n: int) -> Policy:
    """The augmentations of that name.

    Args:
        augmentation: names joined by "+", like "crop_flip+mixup", or "auto", see :func:`auto_of`.
        card: of the backbone that takes the examples.
        n: training examples.

    Raises:
        InputError: one is not for this kind of example, or stands twice.
        UnknownNameError: there is no such augmentation.
    """
    check_names(augmentation)
    name, kind = auto_of(card, n) if augmentation == AUTO else augmentation, kind_of(card)
    names = name.split("+")
    if len(set(names)) < len(names):
        raise InputError(f"Augmentation needs each name once, got {augmentation!r}. Leave one out.")
    found: list[Augmentation] = [AUGMENTATIONS.make(one) for one in names]
    wrong = next((one.name for one in found if kind not in one.kinds), None)
    if wrong is not None:
        known = ", ".join(names_for(kind))
        raise InputError(f"Augmentation needs a name for {KINDS[kind]}, got {wrong!r}. Take one of {known}.")
    return Policy(name, tuple(one for one in found if not one.is_mixing), tuple(one for one in found if one.is_mixing))


def names_for(kind: str) -> list[str]:
    """The augmentations for examples of a kind, sorted.

    >>> names_for("tokens")
    ['none', 'span_dropout', 'token_dropout']
    """
    return [name for name in AUGMENTATIONS.names() if kind in AUGMENTATIONS.class_of(name).kinds]


def auto_of(card: BackboneCard, n: int) -> str:
    """What "auto" means, by a fixed rule.

    Pictures are cropped and mirrored; from scratch one more operation is done to each; from 20,000 pictures on they are
    mixed. Frames are mirrored. Of texts tokens are hidden below 5,000 of them: more say for themselves what matters.
    Sounds are masked. Arrays of one's own stay as they are, for nobody knows what they mean.

    Args:
        card: of the backbone.
        n: training examples.

    Source: for pictures Kolesnikov et al., Big Transfer, ECCV 2020 (crops, mirrors, mixup from 20,000 on).
    """
    kind = kind_of(card)
    if kind == "pixels":
        more = "+trivial_augment" if card.weights == "random" else ""
        return f"crop_flip{more}" + ("+mixup" if n >= MIXUP_FROM else "")
    if kind == "tokens":
        return "token_dropout" if n < HIDDEN_BELOW else "none"
    return {"frames": "flip", "mels": "spec_augment", "waves": "spec_augment"}.get(kind, "none")
