"""What an estimate of accuracy is given, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.calibration import TemperatureScaling
from headstart.evaluation.metrics import judged

Float = NDArray[np.float64]


def source_side(who: str, proba: Any, codes: Any) -> tuple[Float, NDArray[np.int64], NDArray[np.bool_]]:
    """(n, k) probabilities and (n,) codes of source rows that have any, and which of the given rows these are.

    Raises:
        InputError: there are no rows, or the arguments cannot be.
    """
    given = np.asarray(proba, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < 2:
        raise InputError(f"{who} needs (n, k) probabilities of 2 classes or more, got shape {given.shape}.")
    kept: NDArray[np.bool_] = np.asarray(~np.isnan(given).all(axis=1))
    known, found = judged(np.asarray(codes), given)
    if not len(known):
        raise InputError(f"{who} needs source rows, got none. Give out-of-fold probabilities.")
    return found, known, kept


def target_side(who: str, proba: Any, n_classes: int) -> Float:
    """(m, k) probabilities of target rows; rows of NaN are left out.

    Raises:
        InputError: there are no rows, or they have other classes than the source.
    """
    given = np.asarray(proba, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != n_classes:
        what = f"{who} needs (m, {n_classes}) probabilities of target rows, as many classes as in the source"
        raise InputError(f"{what}, got shape {given.shape}. Give the same model's predict_proba.")
    found = judged(np.zeros(len(given)), given)[1]
    if not len(found):
        raise InputError(f"{who} needs target rows, got none. Pass at least one.")
    return found


def feature_side(who: str, rows: Any, kept: NDArray[np.bool_] | None, name: str) -> NDArray[Any]:
    """(n, d) finite features of the rows kept.

    Raises:
        InputError: they are not one a row, or not finite.
    """
    values: NDArray[Any] = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
    if values.ndim != 2 or not len(values) or (kept is not None and len(values) != len(kept)):
        n = "m" if kept is None else len(kept)
        raise InputError(f"{who} needs ({n}, d) features in {name}, got shape {values.shape}. Give one row a row.")
    if values.dtype.kind not in "fiub" or not np.isfinite(values).all():
        raise InputError(f"{who} needs finite numbers in {name}, got others. Fill in or leave out those rows.")
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    return values if kept is None else values[kept]


def calibrated(proba: Float, codes: NDArray[np.int64], is_calibrated: bool) -> TemperatureScaling:
    """The temperature of least log-loss on source rows, or none."""
    return TemperatureScaling().fit(codes, proba) if is_calibrated else TemperatureScaling(1.0)
