"""User text on its way into HTML or SVG."""

from __future__ import annotations

import html
import re

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def escape(value: object) -> str:
    """``value`` as text that is safe between tags and inside quoted attributes.

    What neither XML nor UTF-8 can hold (control characters, lone surrogates of undecodable file names) and what would
    turn the direction of the page's text become a replacement character.

    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True)


def shortened(value: object, length: int) -> str:
    """``value`` as text of at most ``length`` characters, the middle left out; not escaped.

    >>> shortened("a-very-long-name.jpg", 9)
    'a-ve….jpg'
    """
    text = str(value)
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def ending(value: object, length: int) -> str:
    """The end of ``value`` as text of at most ``length`` characters, where paths differ; not escaped.

    >>> ending("/data/photos/ants/0013035.jpg", 20)
    '…/ants/0013035.jpg'
    >>> ending("a-very-long-name.jpg", 9)
    '…name.jpg'
    """
    text = str(value)
    if len(text) <= length:
        return text
    end = text[len(text) - length + 1 :]
    folder = end.find("/")
    return f"…{end[folder:] if folder > 0 else end}"
