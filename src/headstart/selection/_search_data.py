"""Examples and labels in a folder that child processes read: arrays and JSON, no pickle."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.whole_file import write_whole

Rows = NDArray[np.int64]


@final
@dataclass(frozen=True, eq=False)
class SearchData:
    """What every trial is fitted on and judged by.

    Args:
        examples: n raw ones: paths, strings, bytes or arrays.
        labels: (n,) strings or numbers.
        valid: rows that judge.
    """

    examples: Sequence[Any]
    labels: NDArray[Any]
    valid: Rows

    def part(self, *, is_valid: bool) -> tuple[list[Any], NDArray[Any]]:
        """Examples and labels to judge by, or to fit on."""
        rows = self.valid if is_valid else np.setdiff1d(np.arange(len(self.labels)), self.valid)
        return [self.examples[row] for row in rows], self.labels[rows]

    def write(self, parent: Path) -> Path:
        """Write it to a folder in ``parent`` named by its content; the folder.

        Raises:
            InputError: an example is of another kind.
        """
        kinds, plain, arrays = [], [], {"labels": self.labels, "valid": self.valid}
        for place, example in enumerate(self.examples):
            kind, value = _plain(example, place)
            kinds.append(kind)
            plain.append(value if kind in ("str", "path") else None)
            if kind in ("bytes", "array"):
                arrays[f"x{place}"] = value
        listed, packed = json.dumps({"kinds": kinds, "plain": plain}), io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        folder = parent / f"examples-{_digest(listed, arrays)}"
        if not (folder / "examples.json").is_file():
            write_whole(folder / "arrays.npz", packed.getvalue())
            write_whole(folder / "examples.json", listed)  # last: where it is, both are
        return folder

    @classmethod
    def read(cls, folder: Path) -> SearchData:
        """What :meth:`write` wrote."""
        listed = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            examples: list[Any] = []
            for place, (kind, value) in enumerate(zip(listed["kinds"], listed["plain"], strict=True)):
                if kind in ("str", "path"):
                    examples.append(value if kind == "str" else Path(value))
                else:
                    found = arrays[f"x{place}"]
                    examples.append(found if kind == "array" else found.tobytes())
            return cls(examples, arrays["labels"], arrays["valid"])


def plain_labels(labels: Any, n: int) -> NDArray[Any]:
    """(n,) strings or numbers.

    Raises:
        InputError: they are neither, or not one an example.
    """
    found = np.asarray(labels)
    found = np.array(found.tolist()) if found.dtype == object else found
    if found.shape != (n,) or found.dtype == object:
        raise InputError(f"A search needs a string or number an example, got {found.shape} for {n}. Pass (n,) labels.")
    return found


def _plain(example: Any, place: int) -> tuple[str, Any]:
    if isinstance(example, Path):
        return "path", str(example.absolute())
    if isinstance(example, str):
        return "str", example
    if isinstance(example, bytes):
        return "bytes", np.frombuffer(example, dtype=np.uint8)
    if isinstance(example, np.ndarray) and example.dtype != object:
        return "array", example
    raise InputError(
        f"A search needs paths, strings, bytes or arrays, got {type(example).__name__} at position {place}. Convert it."
    )


def _digest(listed: str, arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(listed.encode())
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]
