"""The kinds of tensors that examples become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.errors import InputError
from headstart.training.augmentation._augmentation import Prepared
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

KINDS = {
    "pixels": "pictures",
    "frames": "clips of video",
    "tokens": "texts",
    "mels": "sounds as spectrograms",
    "waves": "sounds as samples",
    "numbers": "arrays of one's own",
}
"""Kind -> what people call it: (b, h, w, 3) and (b, frames, h, w, 3) uint8; (b, t) ids and mask; (b, n_mels, frames)
and counts of states; (b, samples) and counts. Texts and sounds of several windows have the windows as second axis."""

_HIDDEN = ("[MASK]", "<mask>", "[UNK]", "<unk>", "[PAD]", "<pad>")
"""Tokens that say nothing, the best first."""


def kind_of(card: BackboneCard) -> str:
    """What the examples of a backbone become."""
    inputs = {
        ImageInput: "pixels",
        VideoInput: "frames",
        TextInput: "tokens",
        AudioInput: "mels",
        WaveInput: "waves",
    }
    return inputs.get(type(card.input), "numbers")


def prepared_of(backbone: Backbone) -> Prepared:
    """What an augmentation may know of the examples of a backbone.

    Raises:
        InputError: of texts: the tokenizer has no token that says nothing.
    """
    wanted, kind = backbone.card.input, kind_of(backbone.card)
    if isinstance(wanted, (AudioInput, WaveInput)):
        return Prepared(kind, rate=wanted.rate)
    if kind != "tokens":
        return Prepared(kind)
    tokenizer = backbone.open_tokenizer()
    found = (tokenizer.token_to_id(token) for token in _HIDDEN)
    mask_id = next((number for number in found if number is not None), None)
    if mask_id is None:
        raise InputError(
            f"Augmentation of texts needs a tokenizer with one of {', '.join(_HIDDEN)}, got that of "
            f"{backbone.card.name!r}. Take augmentation='none'."
        )
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    return Prepared(kind, mask_id, frozenset(special | {mask_id}))
