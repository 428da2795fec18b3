"""Decision trees whose parts can be exchanged: grown by scikit-learn, then moved to a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Node:
    """A node, and what lies below it.

    Args:
        counts: (n_classes,) weight of each class among the rows that it was fitted on; not all 0.
        feature: column that is compared; rows at or below the threshold go left.
        threshold: of the comparison.
        left: None in a leaf.
        right: None in a leaf.
    """

    counts: NDArray[np.float64]
    feature: int = -1
    threshold: float = 0.0
    left: Node | None = None
    right: Node | None = None

    def shares(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """(n, n_classes) shares of the classes in the leaf of each (n, d) row."""
        if self.left is None or self.right is None:
            return np.tile(self.counts / self.counts.sum(), (len(X), 1))
        result = np.empty((len(X), len(self.counts)))
        goes_left = X[:, self.feature] <= self.threshold
        result[goes_left] = self.left.shares(X[goes_left])
        result[~goes_left] = self.right.shares(X[~goes_left])
        return result

    def n_errors(self, X: NDArray[Any], codes: Codes) -> int:
        """How many of (n, d) rows are not of their leaf's largest class."""
        return int(np.count_nonzero(self.shares(X).argmax(axis=1) != codes))


Grow = Callable[[NDArray[Any], Codes], Node]


def nodes_of(model: Any, n_classes: int) -> Node:
    """The root of a fitted tree of scikit-learn, whose classes are codes below ``n_classes``."""
    tree, codes = model.tree_, np.asarray(model.classes_, dtype=np.int64)
    values = tree.value[:, 0] * tree.weighted_n_node_samples[:, None]  # shares, times the weight of the rows

    def node(place: int) -> Node:
        counts = np.zeros(n_classes)
        counts[codes] = values[place]
        if tree.children_left[place] < 0:
            return Node(counts)
        left, right = node(tree.children_left[place]), node(tree.children_right[place])
        return Node(counts, int(tree.feature[place]), float(tree.threshold[place]), left, right)

    return node(0)


def expanded_and_reduced(node: Node, X: NDArray[Any], codes: Codes, grow: Grow) -> Node:
    """SER: each leaf grows a tree of the target rows that reach it; what then splits target rows in vain is cut off.

    Parts that no target row reaches stay as the source left them.

    Args:
        node: of the source tree.
        X: (n, d) target rows that reach it.
        codes: (n,) their classes.
        grow: a tree of such rows.
    """
    if len(codes) == 0:
        return node
    counts = np.bincount(codes, minlength=len(node.counts)).astype(np.float64)
    if node.left is None or node.right is None:
        return grow(X, codes) if np.count_nonzero(counts) > 1 else Node(counts)
    goes_left = X[:, node.feature] <= node.threshold
    left = expanded_and_reduced(node.left, X[goes_left], codes[goes_left], grow)
    right = expanded_and_reduced(node.right, X[~goes_left], codes[~goes_left], grow)
    kept = Node(counts, node.feature, node.threshold, left, right)
    as_leaf = len(codes) - int(counts.max())
    return Node(counts) if as_leaf <= kept.n_errors(X, codes) else kept


def restructured(node: Node, X: NDArray[Any], codes: Codes) -> Node:
    """STRUT: the same features in the same places, each threshold chosen anew so that children resemble the source's.

    Parts that no target row reaches stay as the source left them.

    Args:
        node: of the source tree.
        X: (n, d) target rows that reach it.
        codes: (n,) their classes.
    """
    if len(codes) == 0:
        return node
    counts = np.bincount(codes, minlength=len(node.counts)).astype(np.float64)
    if node.left is None or node.right is None or np.count_nonzero(counts) == 1:
        return Node(counts)
    children = node.left, node.right
    threshold, is_swapped = new_threshold(node, X[:, node.feature], codes)
    if is_swapped:
        children = children[1], children[0]
    goes_left = X[:, node.feature] <= threshold
    left = restructured(children[0], X[goes_left], codes[goes_left])
    right = restructured(children[1], X[~goes_left], codes[~goes_left])
    return Node(counts, node.feature, threshold, left, right)


def new_threshold(node: Node, values: NDArray[Any], codes: Codes) -> tuple[float, bool]:
    """The threshold under which the classes of both children are most like the source's, and whether they change sides.

    Only local maxima of the information gain are looked at; the old threshold where all values are the same.

    Args:
        node: with children.
        values: (n,) of its feature.
        codes: (n,) classes.
    """
    if node.left is None or node.right is None:
        raise ValueError("new_threshold needs a node with children")
    order = np.argsort(values, kind="stable")
    ordered = values[order].astype(np.float64)
    places = np.flatnonzero(ordered[1:] > ordered[:-1])  # the last row that goes left
    if not len(places):
        return node.threshold, False
    running = np.cumsum(np.eye(len(node.counts))[codes[order]], axis=0)
    left, total = running[places], running[-1]
    shares = left.sum(axis=1) / total.sum()  # (n_places,)
    sides = [rows / rows.sum(axis=1, keepdims=True) for rows in (left, total - left)]
    gain = -(shares * _entropy(sides[0]) + (1 - shares) * _entropy(sides[1]))
    wide = np.concatenate([[-np.inf], gain, [-np.inf]])
    peaks = np.flatnonzero((gain >= wide[:-2]) & (gain >= wide[2:]))
    wanted = [child.counts / child.counts.sum() for child in (node.left, node.right)]
    likeness = [
        1 - shares[peaks] * _divergence(sides[0][peaks], a) - (1 - shares[peaks]) * _divergence(sides[1][peaks], b)
        for a, b in (wanted, wanted[::-1])
    ]
    is_swapped = bool(likeness[1].max() > likeness[0].max())
    place = places[peaks[int(likeness[int(is_swapped)].argmax())]]
    return float((ordered[place] + ordered[place + 1]) / 2), is_swapped


def _entropy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(shares * np.log2(np.maximum(shares, 1e-300))).sum(axis=1))


def _divergence(shares: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) Jensen-Shannon divergences of (n, k) shares and (k,) other ones, 0..1."""
    middle = (shares + other) / 2
    return np.asarray(_entropy(middle) - (_entropy(shares) + _entropy(other[None])) / 2)
