"""The temperature of a model's probabilities on the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.calibration import TemperatureScaling
from headstart.evaluation.model_outputs import probabilities
from headstart.evaluation.target_calibration import at_most_confident, importance_weighted_temperature, transcal
from headstart.strategies._comparison import Comparison
from headstart.strategies._content_folds import content_folds, held_out
from headstart.strategies.instance._weight_summary import effective_sample_size, summarise


def target_temperature(
    method: str, model: Any, fit: Callable[[NDArray[np.int64]], Any], data: Comparison
) -> TemperatureScaling | None:
    """For probabilities on target rows, from those of source rows out of fold; None where they cannot be had.

    Weights that collapse on a few rows are not used: then it is the source's own temperature. The mean confidence on
    the target stays at or below the weighted accuracy on the source by Laplace's rule of succession.

    Args:
        method: "importance_weighted" or "transcal".
        model: fitted to all rows.
        fit: from source row numbers to the same kind of model.
        data: both domains.
    """
    classes = np.asarray(model.classes_)
    codes = np.searchsorted(classes, data.y)

    def say(fitted: Any, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        domain = None if data.sample_domain is None else data.sample_domain[rows]
        found = np.zeros((len(rows), len(classes)))
        columns = np.searchsorted(classes, fitted.classes_)
        found[:, columns] = probabilities(fitted, data.X[rows], is_target=False, sample_domain=domain)
        return found

    fold = content_folds(data.X, data.y, data.n_folds, data.random_state)
    try:
        parts, ratio = held_out(fit, say, fold), data.ratio
    except (ValueError, np.linalg.LinAlgError):  # a fold of one class, too few rows, or sparse ones too many to compare
        return None
    proba = np.empty((len(codes), len(classes)))
    for rows, _, said in parts:
        proba[rows] = said
    weights = ratio / ratio.mean()
    weights = np.ones(len(codes)) if summarise(weights).is_collapsed else weights
    target_proba = model.predict_proba(data.target)
    if method == "transcal":
        found = transcal(codes, proba, target_proba, weights)
    else:
        found = importance_weighted_temperature(codes, proba, weights)
    n_effective = effective_sample_size(weights)
    share = float(np.average(proba.argmax(axis=1) == codes, weights=weights))
    return at_most_confident(found, target_proba, (share * n_effective + 1) / (n_effective + 2))
