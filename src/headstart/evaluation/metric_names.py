"""How metrics are called and shown: an error as an error, though what is maximised is minus it."""

from __future__ import annotations

from headstart.types import Score

METRIC_NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "accuracy": "accuracy",
    "subset_accuracy": "subset accuracy",
    "balanced_accuracy": "balanced accuracy",
    "neg_log_loss": "log-loss",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "mean_average_precision": "mean average precision",
    "recall_at_5": "recall at 5 % false alarms",
    "neg_mae": "MAE",
    "neg_rmse": "RMSE",
    "r2": "R²",
    "spearman": "Spearman's rank correlation",
}
"""How metrics are called in sentences."""


def is_error(metric: str) -> bool:
    """True for a metric that is minus an error.

    >>> is_error("neg_mae"), is_error("r2")
    (True, False)
    """
    return metric.startswith("neg_")


def shown_name(metric: str) -> str:
    """The metric's own name, without the sign.

    >>> shown_name("neg_mae"), shown_name("r2")
    ('mae', 'r2')
    """
    return metric.removeprefix("neg_")


def shown_value(metric: str, value: float) -> float:
    """The value with the metric's own sign: an error is positive.

    >>> shown_value("neg_mae", -2.0), shown_value("r2", 0.5)
    (2.0, 0.5)
    """
    return -value + 0.0 if is_error(metric) else value


def shown_score(metric: str, score: Score) -> Score:
    """The score with the metric's own sign.

    >>> shown_score("neg_mae", Score(-2.0, -3.0, -1.0, ""))
    Score(value=2.0, low=1.0, high=3.0, rule='')
    """
    if not is_error(metric):
        return score
    return Score(-score.value + 0.0, -score.high + 0.0, -score.low + 0.0, score.rule)
