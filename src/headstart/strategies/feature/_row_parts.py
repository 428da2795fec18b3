"""Rows from several places in one matrix, dense or sparse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def joined(parts: Sequence[Any]) -> Any:
    """The rows of all parts, one after the other."""
    from scipy.sparse import issparse, vstack

    return vstack(parts, format="csr") if issparse(parts[0]) else np.concatenate(parts)


def placed(parts: tuple[Any, Any], is_first: NDArray[np.bool_]) -> Any:
    """Rows of the first part where ``is_first`` (n,) is True, those of the second elsewhere, each in their order."""
    order = np.concatenate([np.flatnonzero(is_first), np.flatnonzero(~is_first)])
    return joined(parts)[np.argsort(order)]
