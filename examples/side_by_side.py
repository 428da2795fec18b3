"""Several models of one task beside each other: scores with intervals, seconds, and a sentence on two of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.registry import get_card, readiness
from headstart.evaluation.intervals import bootstrap, paired_difference

METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one model said of the test examples.

    Args:
        name: of the model.
        proba: (n, n_classes) probabilities.
        seconds: that fitting and predicting took.
    """

    name: str
    proba: NDArray[np.float64]
    seconds: float


def fit_and_judge(
    name: str, model: Any, X: Sequence[Any], y: NDArray[Any], X_test: Sequence[Any], classes: NDArray[Any]
) -> Outcome:
    """Fit on raw examples, and predict those of the test part; a class that training lacked gets probability 0."""
    print(f"{name} ...", flush=True)
    started = time.perf_counter()
    model.fit(X, y)
    proba = np.zeros((len(X_test), len(classes)))
    proba[:, np.searchsorted(classes, model.classes_)] = model.predict_proba(X_test)
    return Outcome(name, proba, time.perf_counter() - started)


def print_table(outcomes: Sequence[Outcome], y_test: NDArray[Any], classes: NDArray[Any]) -> None:
    """A line a model: accuracy and macro-F1 with their 95 % intervals, and seconds."""
    codes = np.searchsorted(classes, y_test)
    width = max(len(outcome.name) for outcome in outcomes)
    print(f"\n{'':{width}}  {'accuracy':22}  {'macro-F1':22}  seconds")
    for outcome in outcomes:
        scores = [bootstrap(metric, codes, outcome.proba) for metric in METRICS]
        cells = [f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]" for score in scores]
        print(f"{outcome.name:{width}}  {cells[0]:22}  {cells[1]:22}  {outcome.seconds:.0f}")


def print_verdict(first: Outcome, second: Outcome, y_test: NDArray[Any], classes: NDArray[Any]) -> None:
    """Whether the first is better than the second, on the same test examples."""
    gained = paired_difference("accuracy", np.searchsorted(classes, y_test), first.proba, second.proba)
    verdict = "better than" if gained.low > 0 else "worse than" if gained.high < 0 else "not to be told apart from"
    told = f"{gained.value:+.3f} [{gained.low:+.3f}, {gained.high:+.3f}]"
    print(f"\n{first.name} is {verdict} {second.name}: accuracy {told} on {len(y_test)} examples.")


def or_random(backbone: str) -> str:
    """The backbone's name, or that of its untrained self where its weights are not on this machine."""
    reason = readiness(get_card(backbone))
    if not reason or backbone.endswith("@random"):
        return backbone
    print(f"{backbone}: {reason}. Going on with random weights, which show the road and no feat.")
    return f"{backbone}@random"
