"""Words of a text for word vectors."""

from __future__ import annotations

import re

_SINGLE = "\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+|'[a-z]+|[^\w\s]")


def word_tokens(text: str) -> list[str]:
    """Words and punctuation in small letters; a character of a script without spaces is a word.

    >>> word_tokens("Don't stop, 北京!")
    ['don', "'t", 'stop', ',', '北', '京', '!']
    """
    return _TOKEN.findall(text.lower())
