"""Texts: strings, or documents of one file each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding, counted
from headstart.data.modalities.modality import Look
from headstart.data.text_file import TEXT_SUFFIXES, text_of

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN, SUFFIXES = "text", "text", TEXT_SUFFIXES
MEASURES = ("characters", "words")
SIZE = ("length", "words")

LONG_WORDS = 20_000
"""A text with more words than this is read by its beginning only."""
_WORD = re.compile(r"\w+")
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def open_example(source: Any) -> str:
    """The characters."""
    return text_of(source)


def look(source: Any) -> Look:
    """Read one text: a string, a path to a document, or the bytes of one."""
    text = text_of(source)
    words = _WORD.findall(text.casefold())
    n_words = len(words) + len(_WITHOUT_SPACES.findall(text)) // 2
    return Look(_digest(text), (len(text), n_words), sha256(" ".join(words).encode()).digest())


def digest(source: Any) -> bytes:
    """sha256 of the characters, so that a string and a file that holds it are one."""
    return _digest(text_of(source))


def _digest(text: str) -> bytes:
    return sha256(b"text\0" + text.encode("utf-8", "surrogatepass")).digest()


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """Texts that differ in case, spaces and punctuation only."""
    first: dict[bytes, int] = {}
    pairs = [(first.setdefault(imprint, place), place) for place, imprint in enumerate(imprints)]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Words; two characters of a script without spaces count as one."""
    return audit.measures["words"]


def findings(audit: Audit) -> list[Finding]:
    """How long the texts are, and those that are too long."""
    rows = np.flatnonzero(audit.readable)
    words = audit.measures["words"]
    long = rows[words[rows] > LONG_WORDS]
    found = []
    if len(long):
        who = counted(len(long), NOUN, "has", "have")
        text = f"{who} more than {LONG_WORDS:,} words; the beginning is read: {audit.named(long)}."
        found.append(Finding("long", "warning", text, tuple(long.tolist())))
    low, middle, high = np.quantile(words[rows], (0, 0.5, 1))
    text = f"Texts have from {low:,.0f} to {high:,.0f} words (median {middle:,.0f})."
    found.append(Finding("sizes", "note", text))
    return found
