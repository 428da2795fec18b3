"""A backbone: what is known about a pretrained encoder, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError, IntegrityError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from torch import nn


class Provider(Protocol):
    """What a provider file must have; ``headstart.backbones`` entry points name a module or object like it.

    Further functions are optional:

    * ``find(name) -> BackboneCard | None``: a name beyond ``cards()``, or a local folder;
    * ``names() -> list[str]``: all names it can find (may import heavy packages);
    * ``missing(card) -> str``: why the backbone cannot be opened and what to do, "" when it is ready;
    * ``resolve(card) -> BackboneCard``: fetches the weights if need be; the card with its final ``weights_id``;
    * ``architecture(card) -> str``: names the untrained model and its library, and allows ``name@random``;
    * ``weight_files(card) -> list[WeightFile]``: the files ``headstart backbones verify`` hashes;
    * ``pull(card) -> Path``: fetches the weights for use without a network;
    * ``open_tokenizer(card)``: for text backbones;
    * ``learn(card, examples) -> files`` and ``from_files(files) -> Backbone``: for a classic backbone that is learnt
      from the unlabelled examples at hand, such as the categories of a table; its card's ``weights`` is "learnt";
    * ``saved_files(card)``, ``build_from_files(files)``, ``tokenizer_from_files(files)``: what a bundle keeps beside
      the weights, and how the untrained model and the tokenizer are made from it.
    """

    def cards(self) -> list[BackboneCard]:
        """The cards that are known without importing anything heavy."""

    def open_module(self, card: BackboneCard) -> nn.Module:
        """The module: (n, 3, h, w) float32 normalised -> (n, dim) float32.

        A text module takes (n, t) ids and (n, t) mask and gives (n, t, dim); a sound module takes (n, mels, frames),
        or, where its input is a ``WaveInput``, (n, samples) and (n,) how many of them count; one of whole clips of
        video takes (n, t, 3, h, w).

        A provider of classic backbones, whose cards have no ``input``, has instead
        ``encode(card, images) -> (n, dim) float32``.
        """


@dataclass(frozen=True, eq=False)
class OpenBackbone:
    """A loaded backbone.

    Args:
        card: the card with the ``weights_id`` of the weights that were loaded.
        module: in evaluation mode; (n, 3, h, w) float32, normalised as ``card.input`` says -> (n, dim) float32.
        blocks: name -> submodule in forward order, stem first. Parameters of no block belong to the stem.
    """

    card: BackboneCard
    module: nn.Module
    blocks: Mapping[str, nn.Module]


@final
@dataclass(frozen=True, eq=False)
class Backbone:
    """A pretrained encoder by name; nothing is loaded before :meth:`open` or :meth:`encode`.

    Args:
        card: what is known about it. ``weights_id`` is "" while hub weights are not here: see :meth:`resolve`.
        provider: the module or object that loads it.
    """

    card: BackboneCard
    provider: Any

    @property
    def is_classic(self) -> bool:
        """True for a backbone without a module, which takes whole pictures through :meth:`encode`."""
        return self.card.input is None

    @property
    def is_sparse(self) -> bool:
        """True for a classic backbone whose features are a sparse matrix, which is not worth caching."""
        return bool(getattr(self.provider, "IS_SPARSE", False))

    @property
    def is_to_be_learnt(self) -> bool:
        """True for a backbone that must see examples, without labels, before it encodes: see :meth:`learn`."""
        return self.card.weights == "learnt" and not self.card.weights_id

    def learn(self, examples: Sequence[Any]) -> Backbone:
        """The backbone as learnt from raw examples; itself where there is nothing to learn."""
        if not self.is_to_be_learnt:
            return self
        learnt: Backbone = self.provider.from_files(self.provider.learn(self.card, examples))
        return learnt

    @property
    def open_settings(self) -> dict[str, Any]:
        """What a classic backbone wants its examples opened with, such as the rate of its sound."""
        settings: dict[str, Any] = getattr(self.provider, "OPEN_SETTINGS", {})
        return settings

    def resolve(self) -> Backbone:
        """The same backbone with its ``weights_id`` known; fetches the weights if they are not on this machine."""
        find = getattr(self.provider, "resolve", None)
        if find is None or self.card.weights == "random":
            return self
        return replace(self, card=find(self.card))

    def open(self) -> OpenBackbone:
        """Load the weights.

        Raises:
            InputError: the backbone is classic.
            MissingExtraError: a package is missing.
            MissingPathError: the weights are not on this machine and cannot be fetched.
            IntegrityError: the weights are not what the card says.
        """
        from headstart.backbones._blocks import ordered_blocks

        if self.is_classic:
            raise InputError(f"open needs a backbone with a module, got {self.card.name!r}. Use its encode(images).")
        card = self.resolve().card
        if self.card.weights_id not in ("", card.weights_id):
            raise IntegrityError(
                f"Backbone {card.name!r} needs the weights it was named with ({self.card.weights_id[:12]}...), got "
                f"{card.weights_id[:12]}.... The file was changed in between; open the name again."
            )
        module = self.provider.open_module(card).eval()
        return OpenBackbone(card=card, module=module, blocks=ordered_blocks(module))

    def open_tokenizer(self) -> Any:
        """The tokenizer of a text backbone, without padding and truncation."""
        return self.provider.open_tokenizer(self.card)

    def encode(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Features of a classic backbone.

        Args:
            images: n opened examples: pictures in mode "L" or "RGB", strings, or (n_samples,) sound.

        Returns:
            (n, dim) float32.

        Raises:
            InputError: the backbone has a module.
        """
        if not self.is_classic:
            raise InputError(f"encode needs a classic backbone, got {self.card.name!r}. Use headstart.Encoder with it.")
        rows: NDArray[np.float32] = self.provider.encode(self.card, images)  # (n, dim)
        if rows.shape != (len(images), self.card.dim):
            raise IntegrityError(
                f"{self.card.name} needs features of shape ({len(images)}, {self.card.dim}), got {rows.shape}. "
                "The provider's encode disagrees with its card."
            )
        return rows
