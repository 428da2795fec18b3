"""A random forest of the source, each tree moved to the target by a few labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.instance._labelled_target import LabelledTarget
from headstart.strategies.instance._tree_nodes import Codes, Node, expanded_and_reduced, nodes_of, restructured


class TransferForest(LabelledTarget):
    """Every tree of a forest by SER, by STRUT, or by both, on a bootstrap of the labelled target rows; means of shares.

    Args:
        estimator: a ``RandomForestClassifier`` or ``ExtraTreesClassifier``.
        method: "ser", "strut" or "mix", each tree both ways.
        random_state: seed of the bootstraps.

    Attributes:
        roots_: the trees.

    Source: Segev, Harel, Mannor, Crammer and El-Yaniv, Learn on Source, Refine on Target: A Model Transfer Learning
    Framework with Random Forests, IEEE TPAMI 39 (2017).
    """

    name: ClassVar[str] = "transfer_forest"

    def __init__(self, estimator: Any, *, method: str = "mix", random_state: int | None = 0) -> None:
        self.estimator = estimator
        self.method = method
        self.random_state = random_state

    def _learn(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        few: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[np.float64],
        sample_domain: Any,
    ) -> None:
        if self.method not in ("ser", "strut", "mix"):
            raise InputError(f"TransferForest needs method 'ser', 'strut' or 'mix', got {self.method!r}. Use 'mix'.")
        forest = self._fresh().fit(X, y, sample_weight=weights)
        trees = getattr(forest, "estimators_", None)
        if trees is None or not all(hasattr(tree, "tree_") and hasattr(tree, "classes_") for tree in trees):
            raise InputError(f"TransferForest needs a forest, got {type(self.estimator).__name__}. Wrap one of trees.")
        draw, k = np.random.default_rng(self.random_state), len(self.classes_)
        few = few.astype(np.float32)
        self.roots_: list[Node] = []
        for tree in trees:
            drawn = draw.integers(0, len(few), len(few))
            root = _in_codes(nodes_of(tree, len(forest.classes_)), np.asarray(forest.classes_, dtype=np.int64), k)

            def grow(rows: NDArray[Any], codes: Codes, tree: Any = tree) -> Node:
                return nodes_of(self._fresh(tree).fit(rows, codes), k)

            if self.method != "strut":
                self.roots_.append(expanded_and_reduced(root, few[drawn], labels[drawn], grow))
            if self.method != "ser":
                self.roots_.append(restructured(root, few[drawn], labels[drawn]))

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        rows = X.astype(np.float32)
        return np.asarray(np.mean([root.shares(rows) for root in self.roots_], axis=0))


def _in_codes(node: Node, codes: Codes, n_classes: int) -> Node:
    """The tree with its classes' places among all classes: the source may lack some."""
    counts = np.zeros(n_classes)
    counts[codes] = node.counts
    if node.left is None or node.right is None:
        return Node(counts)
    sides = [_in_codes(child, codes, n_classes) for child in (node.left, node.right)]
    return Node(counts, node.feature, node.threshold, sides[0], sides[1])
