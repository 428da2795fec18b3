"""What a search of settings on a data set comes to: the settings, the trials, and one look at the test part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from headstart.evaluation.intervals import Difference
from headstart.evaluation.metric_names import METRIC_NAMES, is_error, shown_name, shown_score, shown_value
from headstart.selection.leaderboard import aligned
from headstart.selection.search_result import SearchResult, SearchTrial
from headstart.selection.verdict import figure
from headstart.types import Score

MOST_TRIALS = 10
"""Trials in the table for people."""


@final
@dataclass(frozen=True)
class Look:
    """One metric on the test part.

    Args:
        rule: with the settings of the rule.
        found: with those that the search chose; None where these are the rule's.
        difference: the second minus the first, paired; None likewise.
    """

    rule: Score
    found: Score | None = None
    difference: Difference | None = None


@final
@dataclass(frozen=True, eq=False)
class SearchedSettings:
    """The settings, how they were found, and what they are worth on rows that no choice has seen.

    Args:
        search: the trials and the choice.
        rule_settings: what the rule begins with, for ``FineTune(**rule_settings)``.
        looks: name of a metric -> its figures on the test part, the task's own metric first.
        n_rows: fitted on, judged by and tested on, by name.
        rules: how test and validation part came about, by name.
        notes: what is worth knowing, a line each.
        seconds: what all took.
    """

    search: SearchResult
    rule_settings: Mapping[str, Any]
    looks: Mapping[str, Look]
    n_rows: Mapping[str, int]
    rules: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def settings(self) -> Mapping[str, Any]:
        """For ``FineTune(**settings)``: names, numbers and truths alone."""
        return self.search.settings

    @property
    def outcome(self) -> str:
        """On the test part, by the task's own metric: "helped", "tie", "hurt", or "rule" where the rule's stay."""
        difference = next(iter(self.looks.values())).difference
        if difference is None:
            return "rule"
        return "tie" if difference.is_tie else "helped" if difference.value > 0 else "hurt"

    @property
    def sentence(self) -> str:
        """What came of it, for people."""
        where = f"on {self.n_rows['test']:,} test rows, read once"
        if self.outcome == "rule":
            figures = " and ".join(_alone(metric, look.rule) for metric, look in self.looks.items())
            return f"The rule's settings stay: {figures} {where}."
        opening = {"helped": "The search helped", "tie": "It is a tie", "hurt": "The search hurt"}[self.outcome]
        figures = "; ".join(_paired(metric, look) for metric, look in self.looks.items())
        ending = {
            "helped": "",
            "tie": " The validation rows, which choose, saw a gain that these rows do not confirm.",
            "hurt": " The validation rows, which choose, saw a gain and these rows say the opposite: look before use.",
        }[self.outcome]
        return f"{opening}: {figures}, {where}.{ending}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``settings`` among them."""
        return {
            "settings": dict(self.settings),
            "rule_settings": dict(self.rule_settings),
            "outcome": self.outcome,
            "sentence": self.sentence,
            "test": {shown_name(metric): _shown(metric, look) for metric, look in self.looks.items()},
            "n_rows": dict(self.n_rows),
            "rules": dict(self.rules),
            "importance": dict(self.search.importance),
            "trials": [_plain(trial) for trial in self.search.trials],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [("", "trial", "state", "loss", "seconds", "settings")]
        trials = sorted(self.search.trials, key=_place)
        lines += [_line(trial, is_chosen=trial is self.search.chosen) for trial in trials[:MOST_TRIALS]]
        parts = [aligned(lines)]
        if len(trials) > MOST_TRIALS:
            parts.append(f"... and {len(trials) - MOST_TRIALS} trials more")
        if self.search.importance:
            ranked = sorted(self.search.importance.items(), key=lambda item: -item[1])
            parts.append("what mattered: " + ", ".join(f"{name} {share:.0%}" for name, share in ranked))
        parts += [f"note: {note}" for note in self.notes]
        return "\n".join([*parts, "", self.sentence])


def _alone(metric: str, score: Score) -> str:
    shown = shown_score(metric, score)
    return f"{METRIC_NAMES[metric]} {figure(shown.value)} [{figure(shown.low)}, {figure(shown.high)}]"


def _paired(metric: str, look: Look) -> str:
    assert look.found is not None, "there is something to compare"
    assert look.difference is not None, "there is something to compare"
    shown = _shown_difference(metric, look.difference)
    ends = f"[{figure(shown.low, '+')}, {figure(shown.high, '+')}]"
    against = _alone(metric, look.rule).removeprefix(f"{METRIC_NAMES[metric]} ")
    return (
        f"{_alone(metric, look.found)} with the settings found against {against} with the rule's, a paired difference "
        f"of {figure(shown.value, '+')} {ends}{' (less is better)' if is_error(metric) else ''}"
    )


def _shown(metric: str, look: Look) -> dict[str, Any]:
    shown = {"rule": asdict(shown_score(metric, look.rule))}
    if look.found is None or look.difference is None:
        return shown
    difference = asdict(_shown_difference(metric, look.difference)) | {"is_tie": look.difference.is_tie}
    return {"found": asdict(shown_score(metric, look.found)), **shown, "difference": difference}


def _shown_difference(metric: str, difference: Difference) -> Difference:
    """With the metric's own sign."""
    low, high = sorted((shown_value(metric, difference.low), shown_value(metric, difference.high)))
    return Difference(shown_value(metric, difference.value), low, high)


def _place(trial: SearchTrial) -> tuple[bool, float, int]:
    """Best first, those that did not end last."""
    return (trial.loss is None, trial.loss or 0.0, trial.number)


def _plain(trial: SearchTrial) -> dict[str, Any]:
    names = ("number", "state", "loss", "seconds", "is_rule", "is_cut", "why")
    return {**{name: getattr(trial, name) for name in names}, "settings": _tried(trial)}


def _tried(trial: SearchTrial) -> dict[str, Any]:
    """What was tried as it went into the fit, or as the space names it where it did not end; of the rule nothing."""
    return {} if trial.is_rule else {name: trial.settings.get(name, value) for name, value in trial.tried.items()}


def _line(trial: SearchTrial, *, is_chosen: bool) -> tuple[str, ...]:
    tried = ", ".join(f"{name}={_short(value)}" for name, value in _tried(trial).items())
    loss = "" if trial.loss is None else f"{trial.loss:.4f}"
    seconds = "" if trial.seconds is None else f"{trial.seconds:.1f}"
    mark = "*" if is_chosen else ""
    return (mark, str(trial.number), trial.state, loss, seconds, "the rule" if trial.is_rule else tried)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
