"""LightGBM's trees, kept as the text that LightGBM writes."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import MissingExtraError

EXTRA = "tables"
FEW_CELLS = 1_000_000
"""Below so many numbers one thread is as fast as several."""


def missing() -> str:
    """Why LightGBM cannot be used here, or ""."""
    return "" if find_spec("lightgbm") else "LightGBM is not installed: pip install 'headstart[tables]'"


def grow(
    X: NDArray[Any], y: NDArray[Any], weights: NDArray[np.float64], settings: dict[str, Any], *, n_trees: int, seed: int
) -> str:
    """The text of a model fitted to (n, d) rows.

    Args:
        X: features; nan is a value of its own.
        y: (n,) codes or numbers, as the objective wants them.
        weights: (n,) of the rows.
        settings: LightGBM's own, the objective among them.
        n_trees: rounds of boosting.
        seed: of what is drawn.

    Raises:
        MissingExtraError: LightGBM is not installed.
    """
    if missing():
        raise MissingExtraError("lightgbm", "lightgbm", EXTRA)
    import lightgbm

    fixed = {
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_threads": 1 if X.size < FEW_CELLS else 0,
    }
    data = lightgbm.Dataset(X, y, weight=weights, params={"verbosity": -1})
    text: str = lightgbm.train({**fixed, **settings}, data, num_boost_round=n_trees).model_to_string()
    return text


def predict(text: str, X: NDArray[Any]) -> NDArray[np.float64]:
    """(n,) or (n, n_classes) predictions of a model in its text form."""
    if missing():
        raise MissingExtraError("lightgbm", "lightgbm", EXTRA)
    import lightgbm

    n_threads = 1 if X.size < FEW_CELLS else 0
    booster = lightgbm.Booster(model_str=text)
    return np.asarray(booster.predict(X, num_threads=n_threads), dtype=np.float64)
