"""A decision tree of the source, moved to the target by a few labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.instance._labelled_target import LabelledTarget
from headstart.strategies.instance._tree_nodes import Codes, Node, expanded_and_reduced, nodes_of, restructured


class TransferTree(LabelledTarget):
    """Structure expansion and reduction (SER), or structure transfer (STRUT), of scikit-learn's tree.

    Args:
        estimator: a ``DecisionTreeClassifier``.
        method: "ser" grows on below the leaves and cuts back what splits the target in vain; "strut" keeps the
            structure and chooses every threshold anew.

    Attributes:
        root_: the tree.

    Source: Segev, Harel, Mannor, Crammer and El-Yaniv, Learn on Source, Refine on Target: A Model Transfer Learning
    Framework with Random Forests, IEEE TPAMI 39 (2017).
    """

    name: ClassVar[str] = "transfer_tree"

    def __init__(self, estimator: Any, *, method: str = "strut") -> None:
        self.estimator = estimator
        self.method = method

    def _learn(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        few: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[np.float64],
        sample_domain: Any,
    ) -> None:
        if self.method not in ("ser", "strut"):
            raise InputError(f"TransferTree needs method 'ser' or 'strut', got {self.method!r}. Use 'strut'.")
        model = self._fresh().fit(X, y, sample_weight=weights)
        if not hasattr(model, "tree_"):
            got = type(self.estimator).__name__
            raise InputError(f"TransferTree needs a DecisionTreeClassifier, got {got}. Wrap one.")
        k = len(self.classes_)
        few = few.astype(np.float32)  # as scikit-learn compares

        def grow(rows: NDArray[Any], codes: Codes) -> Node:
            return nodes_of(self._fresh().fit(rows, codes), k)

        root = nodes_of(model, k)
        is_grown = self.method == "ser"
        self.root_ = expanded_and_reduced(root, few, labels, grow) if is_grown else restructured(root, few, labels)

    def _values(self, X: NDArray[Any]) -> NDArray[np.float64]:
        return self.root_.shares(X.astype(np.float32))
