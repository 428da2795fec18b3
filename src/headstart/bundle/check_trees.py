"""Decision trees that came out of a file: their compiled code follows whatever row and column numbers stand in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import IntegrityError


def check_trees(model: Any, where: object) -> None:
    """Look at every tree of scikit-learn within ``model``.

    Args:
        model: what was loaded.
        where: the file or folder, for the message.

    Raises:
        IntegrityError: a node's child lies outside of its tree or before its parent, or its column outside of the rows.
    """
    for tree, n_columns in _trees(model):
        if not _is_sound(tree, n_columns):
            raise IntegrityError(f"Bundle {where} needs trees that end in leaves, got others. Do not trust it.")


def _trees(model: Any) -> Iterator[tuple[Any, int]]:
    """Every ``Tree`` and ``TreePredictor`` that can be reached, and the number of columns that its owner takes."""
    seen: set[int] = set()
    left: list[tuple[Any, int]] = [(model, 0)]
    while left:
        part, n_columns = left.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, bool, type(None))):
            continue
        seen.add(id(part))
        if type(part).__name__ in ("Tree", "TreePredictor"):
            yield part, n_columns
            continue
        own = getattr(part, "__dict__", {})
        n_columns = int(own.get("n_features_in_", n_columns))
        left += [(inner, n_columns) for inner in (*_inside(part), *own.values())]


def _inside(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return list(part.values())
    if isinstance(part, (list, tuple, set)):
        return list(part)
    return part.ravel().tolist() if isinstance(part, np.ndarray) and part.dtype == object else []


def _is_sound(tree: Any, n_columns: int) -> bool:
    if type(tree).__name__ == "Tree":
        inner, columns = np.flatnonzero(tree.children_left != -1), tree.feature
        return tree.node_count > 0 and _leads_down(tree.children_left, tree.children_right, inner, columns, n_columns)
    nodes = tree.nodes
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    sets = nodes["bitset_idx"][inner][nodes["is_categorical"][inner] != 0]
    if len(sets) and sets.max() >= min(len(tree.binned_left_cat_bitsets), len(tree.raw_left_cat_bitsets)):
        return False
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    return len(nodes) > 0 and _leads_down(left, right, inner, nodes["feature_idx"], n_columns)


def _leads_down(
    left: NDArray[Any], right: NDArray[Any], inner: NDArray[np.int64], columns: NDArray[Any], n_columns: int
) -> bool:
    """True where every inner node's children come after it, so that each path ends, and its column exists."""
    children = np.concatenate([left[inner], right[inner]])
    is_later = (children > np.tile(inner, 2)) & (children < len(left))
    return bool(is_later.all() and (columns[inner] >= 0).all() and (columns[inner] < n_columns).all())
