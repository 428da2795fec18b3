"""LightGBM's boosted trees, where it is installed."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.heads import _lightgbm
from headstart.heads._head import ClassWeight
from headstart.heads._plain_head import PlainHead


class LightGBM(PlainHead):
    """Gradient boosting with leaf-wise trees.

    Args:
        n_trees: rounds of boosting.
        learning_rate: share of each tree.
        num_leaves: of a tree.
        min_rows: of a leaf.
        class_weight: None, "balanced" (classes of equal weight), or a dict from label to weight.
        random_state: seed.

    Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.
    """

    name: ClassVar[str] = "lightgbm"
    cost_rank: ClassVar[int] = 10
    is_general: ClassVar[bool] = False
    state_names: ClassVar[tuple[str, ...]] = ("model_",)

    def __init__(
        self,
        *,
        n_trees: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        min_rows: int = 10,
        class_weight: ClassWeight = None,
        random_state: int | None = 0,
    ) -> None:
        self.n_trees = n_trees
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_rows = min_rows
        self.class_weight = class_weight
        self.random_state = random_state

    @classmethod
    def missing(cls) -> str:
        """Why it cannot be used here, or ""."""
        return _lightgbm.missing()

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to (n, d) rows and (n,) labels.

        Raises:
            MissingExtraError: LightGBM is not installed.
        """
        X, codes, weights = self._begin_fit(X, y, sample_weight, self.class_weight)
        n_classes = len(self.classes_)
        settings: dict[str, Any] = {"learning_rate": self.learning_rate, "num_leaves": self.num_leaves}
        settings |= {"min_data_in_leaf": self.min_rows, "objective": "binary" if n_classes == 2 else "multiclass"}
        settings |= {"num_class": n_classes} if n_classes > 2 else {}
        seed = 0 if self.random_state is None else self.random_state
        self.model_ = _lightgbm.grow(X, codes, weights, settings, n_trees=self.n_trees, seed=seed)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        rows = self._rows(X)
        found = _lightgbm.predict(self.model_, rows)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found
