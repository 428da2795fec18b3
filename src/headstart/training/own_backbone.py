"""A torch module of the user's own as a backbone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, final

from torch import nn

from headstart.backbones.backbone import Backbone
from headstart.errors import InputError
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput

OWN = "own"
"""Provider of these backbones; they can be opened by nobody but who holds the module."""

Input = ImageInput | VideoInput | TextInput | AudioInput | WaveInput

_MODALITIES = {ImageInput: "image", VideoInput: "video", TextInput: "text", AudioInput: "audio", WaveInput: "audio"}


def own_backbone(module: nn.Module, input: Input | None = None, *, tokenizer: Any = None) -> Backbone:  # noqa: A002
    """A backbone of ``module``, which is copied at each opening and stays as it is.

    Args:
        module: with ``input``, it takes what the modules of other backbones take (see
            :class:`~headstart.backbones.backbone.Provider`), such as (n, 3, h, w) float32 pictures, and gives
            features. Without, it takes the examples themselves, arrays of one shape, stacked: (n, ...) float32, or
            int64 where they are integers other than uint8. What it gives with more than two axes is averaged over
            the positions: (n, dim, h, w) and (n, t, dim).
        input: how files and raw examples become what it takes; None: the examples are arrays.
        tokenizer: of a module that takes tokens; one of the ``tokenizers`` package, without padding and truncation.

    Raises:
        InputError: tokens are asked for without a tokenizer.
    """
    if isinstance(input, TextInput) and tokenizer is None:
        raise InputError("own_backbone needs a tokenizer with a TextInput, got None. Pass tokenizer=.")
    card = BackboneCard(
        name=f"{OWN}:{type(module).__name__}",
        modality=_MODALITIES.get(type(input), "mixed"),
        dim=0,
        provider=OWN,
        input=input,
    )
    return Backbone(card, _OwnProvider(module, tokenizer))


@final
class _OwnProvider:
    """Opens one module."""

    def __init__(self, module: nn.Module, tokenizer: Any) -> None:
        self._module, self._tokenizer = module, tokenizer

    def cards(self) -> list[BackboneCard]:
        """None: it has no public name."""
        return []

    def open_module(self, card: BackboneCard) -> nn.Module:
        """A copy of the module."""
        return deepcopy(self._module)

    def open_tokenizer(self, card: BackboneCard) -> Any:
        """The tokenizer."""
        return self._tokenizer
