"""Never worse than doing nothing: an adapted model is handed over only where the evidence says so."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.strategies._carried_back import RULE as CARRIED_BACK
from headstart.strategies._comparison import Comparison
from headstart.strategies._evidence import Evidence
from headstart.strategies._open_set import UnseenClassWarning
from headstart.strategies._plain_unless_proven import PlainUnlessProven
from headstart.strategies._target_temperature import target_temperature
from headstart.strategies.candidates import candidates

CALIBRATIONS = ("importance_weighted", "transcal")


class SafeTransfer(PlainUnlessProven):
    """Keeps the plain estimator beside adapted ones and hands one of these over only where it is proven better.

    With labels of enough target rows the models are compared on them, each row predicted by a fit from which its label
    was hidden. Without, a classifier's strategy must keep its skill on the source and the variety of its predictions,
    and be the better teacher: judges that learn the target from what it says must read the source's labels better.
    Or two judges must be on its side that learn the target from what the source-only and the adapted model agree on,
    not by the rows of one kind of change alone (of one class to another), and then it must be no worse a teacher. Of
    several that are better teachers the one is taken that agrees most with the other strategies, since nothing tells
    their gains on the target. A regressor's strategy must have the smaller importance-weighted error on source rows.
    Each gain must exceed its uncertainty at ``level``, divided by the number of strategies. Otherwise it is the
    source-only model.

    Args:
        estimator: a classifier or regressor.
        strategies: names of alignments, weightings and methods ("coral", "kmm", "meda"), instances of them, or
            estimators whose ``fit`` takes ``X_target``.
        validators: names of target-free scores (see :mod:`headstart.evaluation.validators`), or scorers; without
            enough target labels a strategy that most of them like less than doing nothing is refused.
        level: chance, at most, of taking a strategy that does not help, as far as the evidence can know it.
        calibrate: "importance_weighted" (True) or "transcal": how probabilities are made honest for the target;
            False leaves them.
        n_folds: of every cross-fitting.
        random_state: seed of the folds.

    Attributes:
        chosen_: name of the strategy that was handed over, or "source_only".
        adapted_: True where it is an adapted one.
        reason_: why, in one sentence.
        evidence_: an :class:`Evidence` for each strategy; ``pandas.DataFrame(model.evidence_)`` shows them.
        model_: what predicts.
        source_model_: the plain estimator, fitted to the source alone.
        temperature_: of the probabilities, 1 where they are left.

    Source: ours; that a transfer should be refused where it harms is Rosenstein et al., To Transfer or Not To
    Transfer, NIPS workshop 2005.
    """

    def __init__(
        self,
        estimator: Any,
        strategies: Sequence[Any] = ("coral", "tca", "kmm"),
        *,
        validators: Sequence[str] = (),
        level: float = 0.05,
        calibrate: bool | str = True,
        n_folds: int = 5,
        random_state: int | None = 0,
    ) -> None:
        self.estimator = estimator
        self.strategies = strategies
        self.validators = validators
        self.level = level
        self.calibrate = calibrate
        self.n_folds = n_folds
        self.random_state = random_state

    def _decide(self, data: Comparison) -> None:
        made, method = candidates(self.estimator, self.strategies), _method(self.calibrate)
        self._choose(made, data)
        if method and not data.is_number and data.y.ndim == 1 and hasattr(self.model_, "predict_proba"):
            fit = data.plain if not self.adapted_ else lambda rows: data.fitted(made[self.chosen_], rows)
            self.scaling_ = target_temperature(method, self.model_, fit, data)

    @property
    def temperature_(self) -> float:
        """That of the probabilities."""
        return 1.0 if self.scaling_ is None else float(self.scaling_)

    def _choose(self, made: dict[str, Any], data: Comparison) -> None:
        level = self.level / len(made)
        found = {name: data.weigh(name, candidate, level) for name, candidate in made.items()}
        self.evidence_ = tuple(evidence for _, evidence, _ in found.values())
        proven = [evidence for evidence in self.evidence_ if evidence.convinces(level)]
        if not proven:
            self.reason_ = _why_none(self.evidence_, level)
            return
        best = self._best(proven, {name: model for name, (model, _, _) in found.items()}, data)
        model, _, told = found[best.strategy]
        self._hand_over(best.strategy, model, _why(best, level))
        for warning in (each for each in told if not issubclass(each.category, UnseenClassWarning)):  # said already
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    def _best(self, proven: Sequence[Evidence], models: dict[str, Any], data: Comparison) -> Evidence:
        """Of the greatest gain on the target; where none is known, what agrees most with the other strategies."""
        known = [evidence for evidence in proven if evidence.rule != CARRIED_BACK]
        if known or len(proven) == 1:
            return max(known or proven, key=lambda evidence: evidence.gain)
        said = {name: np.asarray(model.predict(data.target)) for name, model in models.items() if model is not None}
        agreed = {name: np.mean([np.mean(one == other) for other in said.values()]) for name, one in said.items()}
        return max(proven, key=lambda evidence: (agreed[evidence.strategy], evidence.gain))

    def _wrong_settings(self) -> list[str]:
        candidates(self.estimator, self.strategies)  # refuses what is none
        if not isinstance(self.calibrate, bool) and self.calibrate not in CALIBRATIONS:
            return [f"calibrate True, False or one of {list(CALIBRATIONS)}, got {self.calibrate!r}"]
        return []


def _method(calibrate: bool | str) -> str:
    """How to calibrate, "" for not at all."""
    if isinstance(calibrate, bool):
        return CALIBRATIONS[0] if calibrate else ""
    return calibrate


WHAT = {
    "labels": "on labelled target rows",
    "judges": "by two judges of unlabelled target rows",
    "carried back": "in how well its labels of the target read the source's",
    "weighted error": "by importance-weighted errors on source rows",
}
"""A rule of :class:`Evidence` -> what its gain is, for people."""


def _why(best: Evidence, level: float) -> str:
    return f"{best.strategy} gains {best.gain:+.1%} {WHAT[best.rule]} (p = {best.p_value:.2g}, level {level:.2g})"


def _why_none(evidence: Sequence[Evidence], level: float) -> str:
    compared = [each for each in evidence if np.isfinite(each.gain)]
    if not compared:
        return f"no strategy could be compared: {evidence[0].strategy}: {evidence[0].against}"
    best = max(compared, key=lambda each: (not each.against, each.gain))
    told = f"no strategy is proven better; {_why(best, level)}"
    return f"{told}, but {best.against}" if best.against else told
