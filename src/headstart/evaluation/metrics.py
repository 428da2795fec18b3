"""Scores of predictions against what was true, all of them higher is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation._row_terms import METRICS, class_f1, summed
from headstart.evaluation.kinds.classes import judged
from headstart.evaluation.kinds.kind import kind_of, known_metrics

__all__ = ["METRICS", "check_metric", "judged", "metrics", "score"]


def check_metric(name: str) -> str:
    """The name itself.

    Raises:
        UnknownNameError: no metric is called so.
    """
    if name not in known_metrics():
        raise UnknownNameError("metric", name, known_metrics())
    return name


def score(metric: str, y: NDArray[Any], predicted: NDArray[Any]) -> float:
    """One figure, higher is better; NaN where it is undefined (no rows, or ``roc_auc`` with a single class).

    What is predicted decides the kind: see :mod:`headstart.evaluation.kinds`. For classes, of which the first one of
    the largest probability is predicted:

    - ``accuracy``: share of rows that are right.
    - ``balanced_accuracy``: mean recall of the classes that occur in ``codes``.
    - ``macro_f1``: mean F1 of the classes that occur in ``codes`` or among the predictions.
    - ``neg_log_loss``: mean log-probability of the true class; probabilities are held above 2.2e-16.
    - ``roc_auc``: mean one-against-rest area over the classes that occur in ``codes``; with two classes the usual area.

    For numbers ``neg_mae``, ``neg_rmse``, ``r2``, ``spearman``; for several labels ``mean_average_precision`` (over the
    labels that occur), ``macro_f1``, ``micro_f1``, ``subset_accuracy``, ``neg_log_loss``; for anomaly scores
    ``average_precision``, ``roc_auc`` and ``recall_at_5`` (at most 5 % of the normal rows above the threshold).

    Args:
        metric: a name that :func:`check_metric` passes.
        y: (n,) true classes, 0..n_classes-1, numbers or marks of anomalies; or (n, n_labels) of 0 and 1.
        predicted: (n, n_classes) or (n, n_labels) probabilities, or (n,) numbers or scores; rows of NaN (never
            predicted) are left out.

    Raises:
        UnknownNameError: no metric of this kind is called so.
        InputError: the shapes or the values cannot be.

    >>> import numpy as np
    >>> score("accuracy", np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])).__round__(3)
    0.667
    """
    kind = kind_of(check_metric(metric), y, predicted)
    y, predicted = kind.judged(y, predicted)
    if len(y) == 0:
        return float("nan")
    terms = kind.row_terms(metric, y, predicted)
    return float(kind.score_of_sums(metric, summed(terms)[None])[0])


def metrics(codes: NDArray[Any], proba: NDArray[Any], classes: Sequence[str]) -> dict[str, float]:
    """Every figure of classes that is reported: all but ``log_loss`` and ``ece`` are higher is better.

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
