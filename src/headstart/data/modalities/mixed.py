"""Mixed examples: a mapping from part (image, text, audio, video, table) to example, None where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding
from headstart.data.modalities.modality import Look, get_modality
from headstart.data.raw_file import UnreadableError

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN = "mixed", "row"
SUFFIXES: frozenset[str] = frozenset()
MEASURES = ("parts",)
SIZE = ("parts", "parts")

PARTS = ("image", "text", "audio", "video", "table")
"""What a row can hold, one of each."""
_DIGEST_BYTES = 32
_ABSENT = bytes(_DIGEST_BYTES)


class UnreadableMixtureError(UnreadableError):
    """A mixed example has no part, or none that can be read.

    Args:
        source: what it is called.
        reason: what is wrong, a predicate in words.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "mixture", f"a mapping with some of {', '.join(PARTS)}")


def open_example(source: Any, **settings: Any) -> Any:
    """The mapping as it is; parts are opened by those that take them."""
    return _parts(source)


def look(source: Any) -> Look:
    """Open every part that is there."""
    parts = _parts(source)
    looks = {name: get_modality(name).look(part) for name, part in parts.items() if part is not None}
    digest = b"".join(looks[name].digest if name in looks else _ABSENT for name in sorted(parts))
    return Look(digest, (len(looks),))


def digest(source: Any) -> bytes:
    """The digests of the parts, one after the other in the order of the alphabet; zeros for an absent one."""
    parts = _parts(source)
    found = (_ABSENT if parts[name] is None else get_modality(name).digest(parts[name]) for name in sorted(parts))
    return b"".join(found)


def part_digest(whole: bytes, example: Mapping[str, Any], part: str) -> bytes:
    """The digest of one part out of that of the whole; b"" where the example was unreadable."""
    place = sorted(example).index(part) * _DIGEST_BYTES
    return whole[place : place + _DIGEST_BYTES]


def _parts(source: Any) -> Mapping[str, Any]:
    if not isinstance(source, Mapping):
        raise UnreadableMixtureError(type(source).__name__, "is no mapping from part to example")
    odd = [name for name in source if name not in PARTS]
    if odd:
        raise UnreadableMixtureError("row", f"has the unknown part {odd[0]!r}")
    if all(part is None for part in source.values()):
        raise UnreadableMixtureError("row", "has no part that is there")
    return source


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """None: rows alike in one part may differ in another."""
    return np.empty((0, 2), dtype=np.int64)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Parts that are there."""
    return audit.measures["parts"]


def findings(audit: Audit) -> list[Finding]:
    """Which parts there are, and in how many rows one is missing."""
    rows = np.flatnonzero(audit.readable).tolist()
    names = sorted({name for row in rows for name in audit.dataset.inputs[row]})
    found = [Finding("parts", "note", f"Every row holds up to {len(names)} parts: {', '.join(names)}.")]
    for name in names:
        absent = [row for row in rows if audit.dataset.inputs[row].get(name) is None]
        if absent:
            text = f"The part {name!r} is missing in {len(absent):,} of {len(rows):,} rows: {audit.named(absent)}."
            found.append(Finding("missing_part", "note", text, tuple(absent)))
    return found
