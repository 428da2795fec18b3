"""The order people expect: "img2" before "img10", capitals beside small letters."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([0-9]+)")


def natural_order(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key that compares runs of digits as numbers and everything else without regard to case.

    >>> sorted(["img10", "img2", "Img1"], key=natural_order)
    ['Img1', 'img2', 'img10']
    """
    parts = _NUMBER.split(text)
    key = [(0, int(part), "") if i % 2 else (1, 0, part.casefold()) for i, part in enumerate(parts) if part]
    return key, text
