"""The columns of a table as numbers: what boosted trees and linear heads learn from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from headstart.backbones._column_encoding import ColumnEncoding
    from headstart.backbones.backbone import Backbone

ENCODING = "columns"
"""The file that holds what was learnt."""

_CARD = BackboneCard(
    name="columns",
    modality="table",
    dim=0,
    provider="columns",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights="learnt",
)


def cards() -> list[BackboneCard]:
    """The columns."""
    return [_CARD]


def learn(card: BackboneCard, examples: Sequence[Any]) -> dict[str, bytes]:
    """What :func:`from_files` needs, learnt from rows without their labels.

    Args:
        card: the card of ``columns``.
        examples: rows, each a mapping from column to cell.

    Raises:
        InputError: no column says anything.
    """
    from headstart.backbones._column_encoding import learn_encoding
    from headstart.data.table_schema import schema_of

    whole = schema_of(examples)
    schema = whole.of_kinds("number", "category", "date")
    if not schema.columns:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in whole.left_out[:3]) or whole.summary()
        raise InputError(f"columns needs a column of numbers, categories or dates, got none ({why}). Add one.")
    encoding = learn_encoding(schema, [schema.read(row) for row in examples])
    return {ENCODING: json.dumps(encoding.to_json(), ensure_ascii=False, sort_keys=True).encode()}


def from_files(files: Mapping[str, bytes]) -> Backbone:
    """The backbone that was learnt."""
    from headstart.backbones._column_encoding import ColumnEncoding
    from headstart.backbones.backbone import Backbone

    encoding = ColumnEncoding.from_json(json.loads(files[ENCODING]))
    name = sha256(files[ENCODING]).hexdigest()
    card = replace(_CARD, dim=len(encoding.names), weights_id=f"columns:1:{name}")
    return Backbone(card, _Learnt(encoding, dict(files)))


class _Learnt:
    """The provider of columns that were learnt.

    Args:
        encoding: how rows become numbers.
        files: what it was made from.
    """

    def __init__(self, encoding: ColumnEncoding, files: dict[str, bytes]) -> None:
        self._encoding, self._files = encoding, files
        self.OPEN_SETTINGS = {"schema": encoding.schema}

    def cards(self) -> list[BackboneCard]:
        """None: what was learnt has no public name."""
        return []

    def encode(self, card: BackboneCard, rows: Sequence[Any]) -> NDArray[np.float32]:
        """(n, dim) of rows that were opened with the schema."""
        return self._encoding.encode(rows)

    def saved_files(self, card: BackboneCard) -> dict[str, bytes]:
        """What a bundle keeps."""
        return self._files

    def feature_names(self, card: BackboneCard) -> list[str]:
        """What each number is called."""
        return self._encoding.names
