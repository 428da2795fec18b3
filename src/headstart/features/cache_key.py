"""The address of a feature space: what decides the numbers, written in one canonical way and hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from headstart.errors import InputError

JSON: TypeAlias = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]
"""What a key may hold: JSON, with finite numbers and text as field names."""


def canonical_json(value: JSON) -> str:
    """Write a value in its one canonical form: sorted fields, no white space, floats as ``repr``, ASCII.

    >>> canonical_json({"b": [1, 0.5], "a": None})
    '{"a":null,"b":[1,0.5]}'

    Args:
        value: the value; a tuple counts as a list.

    Returns:
        The text.

    Raises:
        InputError: where the value is not JSON, holds NaN or an infinity, or a field name is not text.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"A cache key needs plain JSON, got {error}. Give finite numbers, text and lists.") from error
    _refuse_other_names(value)
    return text


def address(key: Mapping[str, JSON], dim: int) -> str:
    """Name the folder of the features that ``key`` decides: sha256 over the canonical key and ``dim``, 64 hex digits.

    Args:
        key: everything that decides the features, and nothing else.
        dim: number of features in a row.

    Returns:
        The folder's name.

    Raises:
        InputError: as :func:`canonical_json`.
    """
    return hashlib.sha256(canonical_json({"dim": dim, "key": key}).encode("ascii")).hexdigest()


def _refuse_other_names(value: Any) -> None:
    # json.dumps would write the names 1 and "1" alike, and two keys would share an address.
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise InputError(f"A cache key needs text as field names, got {name!r}. Write it as a string.")
            _refuse_other_names(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_other_names(inner)
