"""One text: a string as it is, or the document in a file."""

from __future__ import annotations

import os
from typing import Any

from headstart.data.raw_file import UnreadableError, read_bytes, source_name

TEXT_SUFFIXES = frozenset({".txt", ".md", ".text", ".rst"})
MAX_CHARACTERS = 200_000
"""Of a longer text the beginning is read."""
_BINARY_CONTROL = frozenset(range(32)) - {9, 10, 12, 13}


class UnreadableTextError(UnreadableError):
    """A text is missing, blank, or no text.

    Args:
        source: the path, or the beginning of the text.
        reason: what is wrong, a predicate in words.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "text_of", "a text")


def text_of(source: Any) -> str:
    """The characters of a text, at most :data:`MAX_CHARACTERS`.

    Args:
        source: the text itself (str), or a document: a ``pathlib.Path`` or bytes, in UTF-8, UTF-16 or a Western or
            Chinese code page.

    Raises:
        UnreadableTextError: it is blank, missing or no text.
    """
    if isinstance(source, str):
        text = source
    else:
        try:
            data = bytes(source) if isinstance(source, bytes | bytearray | memoryview) else _file_bytes(source)
        except UnreadableError as error:
            raise UnreadableTextError(error.source, error.reason) from error.__cause__
        text = _decoded(data[: 4 * MAX_CHARACTERS], source)
    text = text[:MAX_CHARACTERS]
    if not text.strip():
        raise UnreadableTextError(source_name(source)[:40], "is blank")
    return text


def _file_bytes(source: Any) -> bytes:
    if not isinstance(source, os.PathLike):
        raise UnreadableTextError(type(source).__name__, "is no text")
    return read_bytes(source)


def _decoded(data: bytes, source: Any) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    head = data[:4096]
    if sum(byte in _BINARY_CONTROL for byte in head) > len(head) // 100:
        raise UnreadableTextError(source_name(source), "holds binary data, no text")
    for encoding in ("utf-8-sig", "gb18030", "cp1252"):
        for cut in range(4):  # the beginning of a long file may end inside a character
            try:
                return data[: len(data) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
    return data.decode("latin-1")
