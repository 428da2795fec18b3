"""Features of a classic backbone that gives a sparse matrix."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.data.modalities.modality import get_modality
from headstart.errors import HeadstartError

BLOCK_ROWS = 1024


def encode_sparse(backbone: Backbone, examples: Sequence[Any], left_out: Collection[int] = ()) -> tuple[Any, Any]:
    """(n, dim) features in compressed rows, and position -> reason for examples that could not be read (empty there).

    Args:
        backbone: a classic one that is sparse.
        examples: n raw examples.
        left_out: positions that are known to be unreadable.
    """
    from scipy.sparse import csr_array, vstack

    modality = get_modality(backbone.card.modality)
    problems: dict[int, str] = {}
    blocks: list[Any] = [csr_array((0, backbone.card.dim), dtype="float32")]
    for begin in range(0, len(examples), BLOCK_ROWS):
        opened, places = [], []
        end = min(begin + BLOCK_ROWS, len(examples))
        for row in range(begin, end):
            if row in left_out:
                continue
            try:
                opened.append(modality.open_example(examples[row], **backbone.open_settings))
                places.append(row - begin)
            except HeadstartError as error:
                problems[row] = str(error)
        blocks.append(_placed(backbone.encode(opened), places, end - begin))
    return vstack(blocks, format="csr"), problems


def _placed(rows: Any, places: Sequence[int], n: int) -> Any:
    """(n, dim) with ``rows`` at ``places`` and nothing elsewhere."""
    from scipy.sparse import csr_array

    if len(places) == n:
        return rows
    ones = [1.0] * len(places)
    spread = csr_array((ones, (list(places), range(len(places)))), shape=(n, len(places)), dtype="float32")
    return spread @ rows
