"""Did transfer help: in one sentence, with a paired interval, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.intervals import Difference, paired_difference

METRIC_NAMES = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "neg_log_loss": "negative log-loss",
    "roc_auc": "ROC-AUC",
}
"""How metrics are called in sentences."""

OUTCOMES = ("helped", "tie", "hurt")


@dataclass(frozen=True, eq=False)
class Rival:
    """One side of the comparison.

    Args:
        name: features and head.
        proba: (n, n_classes) probabilities on the rows of the comparison.
        score: its metric there.
    """

    name: str
    proba: NDArray[np.float64]
    score: float


@dataclass(frozen=True)
class Verdict:
    """Whether transfer helped.

    Args:
        outcome: "helped", "tie" or "hurt".
        sentence: one sentence for people.
        difference: transferred minus untransferred, paired.
        handed_over: "transfer" or "untransferred".
        rule: on which rows, how read.
    """

    outcome: str
    sentence: str
    difference: Difference
    handed_over: str
    rule: str


def choose_hand_over(
    metric: str,
    codes: NDArray[np.int64],
    transferred: NDArray[np.float64],
    untransferred: NDArray[np.float64],
    *,
    groups: Any = None,
) -> str:
    """Which side to hand over, from out-of-fold probabilities alone: "transfer" or "untransferred".

    The untransferred model is the cheaper one, so it is handed over at a tie and where transfer hurts.
    """
    difference = paired_difference(metric, codes, transferred, untransferred, groups=groups)
    return "transfer" if difference.low > 0 else "untransferred"


def judge(
    metric: str,
    codes: NDArray[np.int64],
    transferred: Rival,
    untransferred: Rival,
    *,
    handed_over: str,
    rule: str,
    where: str,
    saved: str = "",
    groups: Any = None,
    difference: Difference | None = None,
) -> Verdict:
    """The verdict.

    Args:
        metric: a name of :data:`headstart.evaluation.metrics.METRICS`.
        codes: (n,) true classes of the rows compared on.
        transferred: the best contender with pretrained features.
        untransferred: the best without, chosen out of fold.
        handed_over: what :func:`choose_hand_over` said.
        rule: how the rows were read, for machines and notes.
        where: the same for the sentence, e.g. "on 525 test photographs, read once".
        saved: what transfer saved, a sentence, or "".
        groups: (n,) groups that are resampled whole.
        difference: the paired difference where it is known already (repeated cross-validation).
    """
    difference = difference or paired_difference(metric, codes, transferred.proba, untransferred.proba, groups=groups)
    outcome = "tie" if difference.is_tie else "helped" if difference.value > 0 else "hurt"
    name = METRIC_NAMES.get(metric, metric)
    figures = (
        f"{name} {transferred.score:.3f} with {transferred.name}, {untransferred.score:.3f} with the best untransferred "
        f"model ({untransferred.name}); paired difference {difference.value:+.3f} "
        f"[{difference.low:+.3f}, {difference.high:+.3f}] {where}"
    )
    opening = {"helped": "Transfer helped", "tie": "It is a tie", "hurt": "Transfer hurt"}[outcome]
    parts = [f"{opening}: {figures}."]
    if saved and outcome == "helped":
        parts.append(saved)
    parts.append(_consequence(outcome, handed_over))
    return Verdict(outcome, " ".join(part for part in parts if part), difference, handed_over, rule)


def _consequence(outcome: str, handed_over: str) -> str:
    """What is handed over, and plainly where the test part disagrees with the choice made before it was read."""
    if handed_over == "transfer":
        if outcome == "helped":
            return ""
        return "Cross-validation, which chooses, was for transfer, so the transferred model is handed over."
    if outcome == "helped":
        return "Cross-validation, which chooses, saw no clear gain, so the cheaper untransferred model is handed over."
    return "The cheaper untransferred model is handed over."
