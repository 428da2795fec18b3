"""A small network that has learnt the source's moons goes on with a few target rows: what may move, what holds it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transfer_moons import Labels, Rows, few_labels_problem, moons
from transfer_picture import Picture

RATE = 5e-3


def moving_picture(name: str) -> Picture:
    """``FineTune`` with ``trainable`` of that name."""
    from headstart.training.moving.registry import MOVING

    settings = {"blocks": ["0"]} if name == "named_blocks" else {}
    return Picture(few_labels_problem(), Pretrained(), Tuned(trainable=MOVING.class_of(name)(**settings)))


def regulariser_picture(name: str) -> Picture:
    """``FineTune`` of all weights with the regulariser of that name."""
    from headstart.training.regularisers.registry import REGULARISERS

    settings: dict[str, Any] = {}
    if name == "co_tuning":
        problem = few_labels_problem()
        known = problem.target[problem.labelled]
        settings = {"source_probabilities": pretrained().predict_proba(_examples(known)), "weight": 0.1}
    regulariser = REGULARISERS.class_of(name)(**settings)
    return Picture(few_labels_problem(), Pretrained(), Tuned(trainable="full", regulariser=regulariser))


@cache
def pretrained() -> Any:
    """Three blocks of 32, trained on 400 rows of the source."""
    import torch
    from torch import nn

    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.own_backbone import own_backbone

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blocks = [nn.Sequential(nn.Linear(2 if k == 0 else 32, 32), nn.LayerNorm(32), nn.GELU()) for k in range(3)]
    begun = FineTune(
        own_backbone(nn.Sequential(*blocks)),
        trainable="full",
        head_first=False,
        epochs=20,
        learning_rate=RATE,
        batch_size=32,
        cache=False,
        device="cpu",
    )
    rows, y = moons(np.random.default_rng(1), (200, 200))
    return begun.fit(_examples(rows), y)


class Pretrained:
    """The network as it is."""

    def fit(self, X: Rows, y: Labels) -> Pretrained:
        """It has learnt the source before."""
        return self

    def predict(self, X: Rows) -> NDArray[Any]:
        """(n,) classes."""
        said: NDArray[Any] = pretrained().predict(_examples(X))
        return said

    def predict_proba(self, X: Rows) -> Rows:
        """(n, 2) probabilities."""
        said: Rows = pretrained().predict_proba(_examples(X))
        return said


class Tuned:
    """The network, fine-tuned on the labelled target rows.

    Args:
        settings: of ``FineTune``.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def fit(self, X: Rows, y: Labels, *, X_target: Rows, y_target: NDArray[Any]) -> Tuned:
        """Go on from the source's network."""
        from headstart.strategies.parameter.fine_tune import FineTune

        known = np.array([label is not None for label in y_target])
        usual = {"epochs": 40, "learning_rate": RATE, "batch_size": 10, "cache": False, "device": "cpu"}
        begun = FineTune(pretrained(), **{**usual, **self.settings})
        self.model_ = begun.fit(_examples(X_target[known]), y_target[known].astype(np.int64))
        return self

    def predict(self, X: Rows) -> NDArray[Any]:
        """(n,) classes."""
        said: NDArray[Any] = self.model_.predict(_examples(X))
        return said

    def predict_proba(self, X: Rows) -> Rows:
        """(n, 2) probabilities."""
        said: Rows = self.model_.predict_proba(_examples(X))
        return said


def _examples(rows: Rows) -> list[NDArray[np.float32]]:
    """A sequence of one token each, so that layers give maps (n, 1, 32)."""
    return list(np.asarray(rows, dtype=np.float32)[:, None, :])
