"""Did transfer help: in one sentence, with a paired interval, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.intervals import Difference, paired_difference
from headstart.types import Score

METRIC_NAMES = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "neg_log_loss": "negative log-loss",
    "roc_auc": "ROC-AUC",
}
"""How metrics are called in sentences."""

SIDES = ("transfer", "untransferred")
"""What can be handed over."""


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
        outcome: "helped", "tie", "hurt", or "alone" where there was nothing to transfer from.
        sentence: the same for people, with what it saved and what is handed over.
        difference: transferred minus untransferred, paired.
        handed_over: "transfer" or "untransferred".
        rule: on which rows, how read.
    """

    outcome: str
    sentence: str
    difference: Difference
    handed_over: str
    rule: str

    def __str__(self) -> str:
        return self.sentence


def choose_hand_over(
    metric: str,
    codes: NDArray[Any],
    transferred: NDArray[Any],
    untransferred: NDArray[Any],
    *,
    groups: Any = None,
    random_state: int = 0,
) -> str:
    """Which side to hand over, from out-of-fold probabilities alone: "transfer" or "untransferred".

    It comes before the test part is read, which therefore can't sway it. The untransferred model is the cheaper one,
    so it is handed over at a tie and where transfer hurts.

    Args:
        metric: a name of :data:`headstart.evaluation.metrics.METRICS`.
        codes: (n,) true classes of the training rows.
        transferred: (n, n_classes) out-of-fold probabilities of the winner.
        untransferred: (n, n_classes) those of the best untransferred model, itself the best out of fold.
        groups: (n,) names of groups that are drawn whole, or None.
        random_state: seed of the resampling.
    """
    found = paired_difference(metric, codes, transferred, untransferred, groups=groups, random_state=random_state)
    return "transfer" if found.low > 0 else "untransferred"


def judge(
    metric: str,
    codes: NDArray[Any],
    transferred: Rival,
    untransferred: Rival,
    *,
    handed_over: str,
    rule: str,
    where: str,
    saved: str = "",
    groups: Any = None,
    difference: Difference | None = None,
    random_state: int = 0,
) -> Verdict:
    """The verdict on rows that no choice has seen; where it disagrees with the choice, it says so.

    Args:
        metric: a name of :data:`headstart.evaluation.metrics.METRICS`.
        codes: (n,) true classes of the rows compared on.
        transferred: the best contender with pretrained features, chosen out of fold.
        untransferred: the best without, chosen out of fold.
        handed_over: what :func:`choose_hand_over` said.
        rule: how the rows were read, for machines and notes.
        where: the same for the sentence, e.g. "on 525 test photographs, read once".
        saved: what transfer saved, a sentence; told where it helped.
        groups: (n,) names of groups that are drawn whole, or None.
        difference: the paired difference where it is known already (repeated cross-validation); None: by resampling.
        random_state: seed of the resampling.

    Raises:
        InputError: ``handed_over`` is neither "transfer" nor "untransferred".
    """
    if handed_over not in SIDES:
        raise InputError(f"judge needs handed_over 'transfer' or 'untransferred', got {handed_over!r}. Name one side.")
    difference = difference or paired_difference(
        metric, codes, transferred.proba, untransferred.proba, groups=groups, random_state=random_state
    )
    outcome = "tie" if difference.is_tie else "helped" if difference.value > 0 else "hurt"
    sentence = f"{_opening(outcome)}: {_figures(metric, transferred, untransferred, difference)} {where}"
    if saved and outcome == "helped":
        sentence += f"; {saved.rstrip('.')}"
    sentence += f". {_consequence(outcome, handed_over)}"
    return Verdict(outcome, sentence.rstrip(), difference, handed_over, rule)


def alone(metric: str, model: Rival, score: Score, *, rule: str, where: str) -> Verdict:
    """The verdict on a run in which nothing came from elsewhere.

    Args:
        metric: as :func:`judge` takes it.
        model: the best one.
        score: its metric with interval.
        rule: how the rows were read.
        where: the same for the sentence.
    """
    sentence = (
        f"Nothing was transferred, as there was no pretrained model or source to transfer from: "
        f"{METRIC_NAMES.get(metric, metric)} {score.value:.3f} [{score.low:.3f}, {score.high:.3f}] with {model.name} "
        f"{where}."
    )
    return Verdict("alone", sentence, Difference(0.0, 0.0, 0.0), "untransferred", rule)


def _opening(outcome: str) -> str:
    return {"helped": "Transfer helped", "tie": "It is a tie", "hurt": "Transfer hurt"}[outcome]


def _figures(metric: str, transferred: Rival, untransferred: Rival, difference: Difference) -> str:
    if np.isnan(difference.value):
        return f"{METRIC_NAMES.get(metric, metric)} is undefined"
    return (
        f"{METRIC_NAMES.get(metric, metric)} {transferred.score:.3f} with {transferred.name} against "
        f"{untransferred.score:.3f} for the best untransferred model ({untransferred.name}), a paired difference of "
        f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
    )


def _consequence(outcome: str, handed_over: str) -> str:
    """What is handed over, and plainly where these rows disagree with the choice made before they were read."""
    if handed_over == "transfer":
        return {
            "helped": "",
            "tie": "Cross-validation, which chooses, saw a clear gain that these rows do not confirm; "
            "the transferred model is handed over.",
            "hurt": "Cross-validation, which chooses, saw a clear gain and these rows say the opposite; "
            "the transferred model is handed over, so look into it before use.",
        }[outcome]
    return {
        "helped": "Cross-validation, which chooses, saw no clear gain and these rows say otherwise; "
        "the cheaper untransferred model is handed over.",
        "tie": "The cheaper untransferred model is handed over.",
        "hurt": "The untransferred model is handed over.",
    }[outcome]
