"""Scores of class probabilities against true classes, all of them higher is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation._row_terms import METRICS, class_f1, row_terms, score_of_sums, summed

__all__ = ["METRICS", "check_metric", "judged", "metrics", "score"]


def check_metric(name: str) -> str:
    """The name itself.

    Raises:
        UnknownNameError: no metric is called so.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return name


def score(metric: str, codes: NDArray[Any], proba: NDArray[Any]) -> float:
    """One figure, higher is better; NaN where it is undefined (no rows, or ``roc_auc`` with a single class).

    The class that is predicted is the first one of the largest probability.

    - ``accuracy``: share of rows that are right.
    - ``balanced_accuracy``: mean recall of the classes that occur in ``codes``.
    - ``macro_f1``: mean F1 of the classes that occur in ``codes`` or among the predictions.
    - ``neg_log_loss``: mean log-probability of the true class; probabilities are held above 2.2e-16.
    - ``roc_auc``: mean one-against-rest area over the classes that occur in ``codes``; with two classes the usual area.

    Args:
        metric: one of :data:`METRICS`.
        codes: (n,) true classes, 0..n_classes-1.
        proba: (n, n_classes) probabilities; rows of NaN (never predicted) are left out.

    Raises:
        UnknownNameError: no metric is called so.
        InputError: the shapes, the codes or the probabilities cannot be.

    >>> score("accuracy", np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])).__round__(3)
    0.667
    """
    check_metric(metric)
    codes, proba = judged(codes, proba)
    if len(codes) == 0:
        return float("nan")
    terms = row_terms(metric, codes, proba)
    return float(score_of_sums(metric, summed(terms)[None])[0])


def metrics(codes: NDArray[Any], proba: NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """Every figure that is reported: all but ``log_loss`` and ``ece`` are higher is better.

    Args:
        codes: (n,) true classes, 0..n_classes-1.
        proba: (n, n_classes) probabilities; rows of NaN (never predicted) are left out.
        classes: the n_classes names.

    Returns:
        ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``, ``roc_auc``, ``ece`` and ``f1[NAME]`` of each
        class; NaN where a figure is undefined (F1 of a class that neither occurs nor is predicted).

    Raises:
        InputError: the shapes, the codes or the probabilities cannot be.
    """
    from headstart.evaluation.calibration import expected_calibration_error

    codes, proba = judged(codes, proba)
    if proba.shape[1] != len(classes):
        raise InputError(
            f"metrics needs one column a class, got {proba.shape[1]} for {len(classes)} classes. Give all classes."
        )
    figures = {name: score(name, codes, proba) for name in METRICS}
    figures["log_loss"] = -figures.pop("neg_log_loss")
    figures["ece"] = expected_calibration_error(codes, proba)
    per_class = class_f1(codes, proba)
    return figures | {f"f1[{name}]": float(value) for name, value in zip(classes, per_class, strict=True)}


def judged(codes: NDArray[Any], proba: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The (m,) codes and (m, n_classes) probabilities of the rows that have any, checked.

    Raises:
        InputError: the shapes, the codes or the probabilities cannot be.
    """
    codes, proba = np.asarray(codes), np.asarray(proba, dtype=np.float64)
    if proba.ndim != 2 or codes.shape != proba.shape[:1]:
        raise InputError(
            f"score needs (n,) codes and (n, n_classes) probabilities, got {codes.shape} and {proba.shape}. "
            "Give one row of probabilities for each code."
        )
    unknown = np.isnan(proba)
    if unknown.any():
        present = ~unknown.all(axis=1)
        codes, proba = codes[present], proba[present]
    codes = codes.astype(np.int64)
    if len(codes) == 0:
        return codes, proba
    if codes.min() < 0 or codes.max() >= proba.shape[1]:
        raise InputError(
            f"score needs codes from 0 to {proba.shape[1] - 1}, got {codes.min()} to {codes.max()}. "
            "Give positions into the classes."
        )
    if not (proba.min() >= 0.0 and proba.max() <= 1.0 + 1e-6):
        raise InputError(
            f"score needs probabilities from 0 to 1, got {proba.min()} to {proba.max()}. Give predict_proba's rows."
        )
    return codes, proba
