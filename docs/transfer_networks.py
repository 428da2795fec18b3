"""A small network that has learnt the source's moons goes on with a few target rows: what may move, what holds it."""

from __future__ import annotations

from collections.abc import Callable
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
    return Picture(
        few_labels_problem(), Pretrained(pretrained(), _examples), _tuned(trainable=MOVING.class_of(name)(**settings))
    )


def regulariser_picture(name: str) -> Picture:
    """``FineTune`` of all weights with the regulariser of that name."""
    from headstart.training.regularisers.registry import REGULARISERS

    settings: dict[str, Any] = {}
    if name == "co_tuning":
        problem = few_labels_problem()
        known = problem.target[problem.labelled]
        settings = {"source_probabilities": pretrained().predict_proba(_examples(known)), "weight": 0.1}
    regulariser = REGULARISERS.class_of(name)(**settings)
    return Picture(
        few_labels_problem(), Pretrained(pretrained(), _examples), _tuned(trainable="full", regulariser=regulariser)
    )


def head2toe_picture() -> Picture:
    """``Head2Toe`` on the three blocks of the network."""
    from headstart.strategies.parameter.head2toe import Head2Toe

    model = Begun(lambda: Head2Toe(pretrained().network_.trunk, fraction=0.5, cache=False), _examples)
    return Picture(few_labels_problem(), Pretrained(pretrained(), _examples), model)


def table_picture() -> Picture:
    """``TableTransfer`` from the encoder of the source's table."""
    from headstart.strategies.parameter.table_transfer import TableTransfer
    from headstart.training.table.encoder import TableEncoder

    settings = {"epochs": 40, "learning_rate": 1e-2, "encoder_rate": 1.0, "missing_share": 0.0}
    begun = TableTransfer(TableEncoder(dim=16, n_layers=1, n_heads=2, epochs=5), **settings)
    rows, y = moons(np.random.default_rng(1), (100, 100))
    source = begun.fit(_frame(rows), y)
    model = Begun(lambda: TableTransfer(source.encoder_, **settings), _frame)
    return Picture(few_labels_problem(), Pretrained(source, _frame), model)


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
    """A model of the source as it is.

    Args:
        model: fitted.
        inputs: from (n, 2) rows to what it takes.
    """

    def __init__(self, model: Any, inputs: Callable[[Rows], Any]) -> None:
        self.model, self.inputs = model, inputs

    def fit(self, X: Rows, y: Labels) -> Pretrained:
        """It has learnt the source before."""
        return self

    def predict(self, X: Rows) -> NDArray[Any]:
        """(n,) classes."""
        said: NDArray[Any] = self.model.predict(self.inputs(X))
        return said

    def predict_proba(self, X: Rows) -> Rows:
        """(n, 2) probabilities."""
        said: Rows = self.model.predict_proba(self.inputs(X))
        return said


class Begun:
    """What goes on from the source and learns from the labelled target rows alone.

    Args:
        make: the model, not fitted.
        inputs: from (n, 2) rows to what it takes.
    """

    def __init__(self, make: Callable[[], Any], inputs: Callable[[Rows], Any]) -> None:
        self.make, self.inputs = make, inputs

    def fit(self, X: Rows, y: Labels, *, X_target: Rows, y_target: NDArray[Any]) -> Begun:
        """The source has been learnt before; here the labelled rows are."""
        known = np.array([label is not None for label in y_target])
        self.model_ = self.make().fit(self.inputs(X_target[known]), y_target[known].astype(np.int64))
        return self

    def predict(self, X: Rows) -> NDArray[Any]:
        """(n,) classes."""
        said: NDArray[Any] = self.model_.predict(self.inputs(X))
        return said

    def predict_proba(self, X: Rows) -> Rows:
        """(n, 2) probabilities."""
        said: Rows = self.model_.predict_proba(self.inputs(X))
        return said


def _tuned(**settings: Any) -> Begun:
    from headstart.strategies.parameter.fine_tune import FineTune

    usual = {
        "epochs": 40,
        "learning_rate": RATE,
        "batch_size": 10,
        "cache": False,
        "device": "cpu",
        "head_first": False,
    }
    return Begun(lambda: FineTune(pretrained(), **usual, **settings), _examples)


def _frame(rows: Rows) -> Any:
    import pandas as pd

    return pd.DataFrame(rows, columns=["first", "second"])


def _examples(rows: Rows) -> list[NDArray[np.float32]]:
    """A sequence of one token each, so that layers give maps (n, 1, 32)."""
    return list(np.asarray(rows, dtype=np.float32)[:, None, :])
