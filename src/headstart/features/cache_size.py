"""Sizes as people write and read them."""

from __future__ import annotations

import os
import re

from headstart.errors import InputError

DEFAULT_MAX_BYTES = 20 * 10**9
"""What the cache keeps where nothing else is said."""

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_UNITS |= {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse_size(text: str | int, *, who: str = "A size") -> int:
    """Read a number of bytes as people write it.

    >>> parse_size("20GB"), parse_size("1.5 MiB"), parse_size(7)
    (20000000000, 1572864, 7)

    Args:
        text: bytes, or a number with one of B, KB, MB, GB, TB (powers of 1,000) or KiB ... TiB (powers of 1,024).
        who: what the message of an error calls it.

    Returns:
        Bytes, at least 0.

    Raises:
        InputError: where it is not a size.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(text))
    unit = _UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None:
        raise InputError(f"{who} needs a number of bytes, got {text!r}. Write it like 20GB, 500MB or 1048576.")
    return round(float(match[1]) * unit) if "." in match[1] else int(match[1]) * unit


def format_size(size_bytes: int) -> str:
    """Write a number of bytes for people, three digits at most.

    >>> format_size(13_434_880), format_size(999), format_size(20_000_000_000)
    ('13.4 MB', '999 B', '20 GB')

    Args:
        size_bytes: bytes.

    Returns:
        The text.
    """
    size = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if float(f"{size:.3g}") < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} TB" if size >= 100 else f"{size:.3g} TB"


def default_max_bytes() -> int:
    """Read the cap from the environment variable HEADSTART_CACHE_MAX; without it :data:`DEFAULT_MAX_BYTES`.

    Returns:
        Bytes.

    Raises:
        InputError: where the variable is not a size.
    """
    text = os.environ.get("HEADSTART_CACHE_MAX", "").strip()
    return parse_size(text, who="HEADSTART_CACHE_MAX") if text else DEFAULT_MAX_BYTES
