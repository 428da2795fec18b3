"""The tensors in a CTranslate2 model file, read without that library."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import IntegrityError

VERSION = 6
_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_MOST_VARIABLES = 100_000


def read_ctranslate2(path: Path, who: str) -> dict[str, NDArray[Any]]:
    """Name -> array of a binary of version 6: little-endian counts, names, shapes, a type number, then the bytes.

    Raises:
        IntegrityError: it is another version, or damaged.
    """
    stream = BytesIO(path.read_bytes())

    def number(form: str) -> int:
        return int(struct.unpack(form, stream.read(struct.calcsize(form)))[0])

    def name() -> str:
        return stream.read(number("<H"))[:-1].decode()

    tensors: dict[str, NDArray[Any]] = {}
    try:
        version = number("<I")
        if version != VERSION:
            raise ValueError(f"version {version}")
        name(), number("<I")  # the kind of model and its revision
        n_variables = number("<I")
        if n_variables > _MOST_VARIABLES:
            raise ValueError(f"{n_variables} variables")
        for _ in range(n_variables):
            key = name()
            shape = tuple(number("<I") for _ in range(number("<B")))
            kind, size = number("<B"), number("<I")
            tensors[key] = np.frombuffer(stream.read(size), dtype=_TYPES[kind]).reshape(shape)
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{who} needs a whole model file of version {VERSION}, got {str(path)!r} ({error}). Install it again."
        ) from error
    return tensors
