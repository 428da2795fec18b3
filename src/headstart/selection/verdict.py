"""Did transfer help: in one sentence, with a paired interval, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.intervals import Difference, paired_difference
from headstart.evaluation.metric_names import METRIC_NAMES, is_error, shown_score, shown_value
from headstart.types import Score

SIDES = ("transfer", "untransferred")
"""What can be handed over."""


@dataclass(frozen=True, eq=False)
class Rival:
    """One side of the comparison.

    Args:
        name: features and head.
        predicted: (n, n_classes) probabilities, or what else the task predicts, on the rows of the comparison.
        score: its metric there.
    """

    name: str
    predicted: NDArray[np.float64]
    score: float


@dataclass(frozen=True)
class Verdict:
    """Whether transfer helped.

    Args:
        outcome: "helped", "tie", "hurt", "alone" where there was nothing to transfer from, or "unknown" where nothing
            could be measured.
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
    y: NDArray[Any],
    transferred: NDArray[Any],
    untransferred: NDArray[Any],
    *,
    groups: Any = None,
    random_state: int = 0,
) -> str:
    """Which side to hand over, from out-of-fold predictions alone: "transfer" or "untransferred".

    It comes before the test part is read, which therefore can't sway it. The untransferred model is the cheaper one,
    so it is handed over at a tie and where transfer hurts. Where nothing can be measured, as without any labelled
    anomaly, the transferred one is: what was learnt elsewhere is the better guess.

    Args:
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        y: encoded targets of the training rows.
        transferred: out-of-fold predictions of the winner.
        untransferred: those of the best untransferred model, itself the best out of fold.
        groups: (n,) names of groups that are drawn whole, or None.
        random_state: seed of the resampling.
    """
    found = paired_difference(metric, y, transferred, untransferred, groups=groups, random_state=random_state)
    return "transfer" if found.low > 0 or np.isnan(found.value) else "untransferred"


def judge(
    metric: str,
    y: NDArray[Any],
    transferred: Rival,
    untransferred: Rival,
    *,
    handed_over: str,
    rule: str,
    where: str,
    saved: str = "",
    ending: str | None = None,
    groups: Any = None,
    difference: Difference | None = None,
    random_state: int = 0,
) -> Verdict:
    """The verdict on rows that no choice has seen; where it disagrees with the choice, it says so.

    Args:
        metric: a name that :func:`headstart.evaluation.metrics.score` knows.
        y: encoded targets of the rows compared on.
        transferred: the best contender with pretrained features, chosen out of fold.
        untransferred: the best without, chosen out of fold.
        handed_over: what :func:`choose_hand_over` said.
        rule: how the rows were read, for machines and notes.
        where: the same for the sentence, e.g. "on 525 test photographs, read once".
        saved: what transfer saved, a sentence; told where it helped.
        ending: what is said of the hand-over, where it did not hang on this comparison; None: the usual.
        groups: (n,) names of groups that are drawn whole, or None.
        difference: the paired difference where it is known already (repeated cross-validation); None: by resampling.
        random_state: seed of the resampling.

    Raises:
        InputError: ``handed_over`` is neither "transfer" nor "untransferred".
    """
    if handed_over not in SIDES:
        raise InputError(f"judge needs handed_over 'transfer' or 'untransferred', got {handed_over!r}. Name one side.")
    difference = difference or paired_difference(
        metric, y, transferred.predicted, untransferred.predicted, groups=groups, random_state=random_state
    )
    outcome = "tie" if difference.is_tie else "helped" if difference.value > 0 else "hurt"
    outcome = "unknown" if np.isnan(difference.value) else outcome
    sentence = f"{_opening(outcome)}: {_figures(metric, transferred, untransferred, difference)} {where}"
    if saved and outcome == "helped":
        sentence += f"; {saved.rstrip('.')}"
    sentence += f". {_consequence(outcome, handed_over) if ending is None else ending}"
    return Verdict(outcome, sentence.rstrip(), difference, handed_over, rule)


def alone(metric: str, model: Rival, score: Score, *, rule: str, where: str, ending: str | None = None) -> Verdict:
    """The verdict on a run in which nothing came from elsewhere.

    Args:
        metric: as :func:`judge` takes it.
        model: the best one.
        score: its metric with interval.
        rule: how the rows were read.
        where: the same for the sentence.
        ending: what is said of a hand-over to another domain, or None.
    """
    told = shown_score(metric, score)
    why = "Nothing was transferred, as there was no pretrained model or source to transfer from"
    sentence = (
        f"{why if ending is None else 'There was no pretrained model'}: "
        f"{METRIC_NAMES.get(metric, metric)} {figure(told.value)} [{figure(told.low)}, {figure(told.high)}] with "
        f"{model.name} {where}.{f' {ending}' if ending else ''}"
    )
    return Verdict("alone", sentence, Difference(0.0, 0.0, 0.0), "untransferred", rule)


def _opening(outcome: str) -> str:
    words = {"helped": "Transfer helped", "tie": "It is a tie", "hurt": "Transfer hurt"}
    return words.get(outcome, "Nothing can be measured")


def _figures(metric: str, transferred: Rival, untransferred: Rival, difference: Difference) -> str:
    name = METRIC_NAMES.get(metric, metric)
    if np.isnan(difference.value):
        return f"{name} is undefined"
    ours, theirs, gap, *sides = (
        shown_value(metric, value)
        for value in (transferred.score, untransferred.score, difference.value, difference.low, difference.high)
    )
    low, high = (figure(end, "+") for end in sorted(sides))
    less = " (less is better)" if is_error(metric) else ""
    return (
        f"{name} {figure(ours)} with {transferred.name} against {figure(theirs)} for the best untransferred model "
        f"({untransferred.name}), a paired difference of {figure(gap, '+')} [{low}, {high}]{less}"
    )


def figure(value: float, sign: str = "") -> str:
    """Three decimals, or four digits where that would say too little or too much.

    >>> figure(0.5), figure(-12345.6, "+"), figure(0.00012345)
    ('0.500', '-12,346', '0.0001234')
    """
    value = 0.0 if abs(value) < 1e-12 else value
    if abs(value) >= 1000:
        return f"{value:{sign},.0f}"
    return f"{value:{sign}.3f}" if value == 0 or abs(value) >= 0.01 else f"{value:{sign}.4g}"


def _consequence(outcome: str, handed_over: str) -> str:
    """What is handed over, and plainly where these rows disagree with the choice made before they were read."""
    if outcome == "unknown":
        side = "transferred" if handed_over == "transfer" else "untransferred"
        return f"The {side} model is handed over."
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
