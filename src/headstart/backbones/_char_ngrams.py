"""Pieces of a word, as FastText takes them."""

from __future__ import annotations

from zlib import crc32


def char_ngrams(word: str, *, min_n: int, max_n: int, n_buckets: int) -> list[int]:
    """Buckets of all runs of ``min_n`` to ``max_n`` characters of ``<word>``, in their order.

    Args:
        word: not empty.
        min_n: least characters, the signs of begin and end among them.
        max_n: most characters.
        n_buckets: n-grams share so many places by their hash.

    Source: Bojanowski, Grave, Joulin and Mikolov, Enriching word vectors with subword information, TACL 2017.

    >>> len(char_ngrams("where", min_n=3, max_n=3, n_buckets=1000))
    5
    """
    whole = f"<{word}>"
    pieces = (whole[i : i + n] for n in range(min_n, max_n + 1) for i in range(len(whole) - n + 1))
    return [crc32(piece.encode()) % n_buckets for piece in pieces if piece != whole]
