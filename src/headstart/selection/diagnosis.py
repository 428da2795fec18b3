"""What the diagnosis of two domains says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from headstart.evaluation.two_sample.feature_shifts import FeatureShift
from headstart.selection.shift_kind import KINDS, Advice
from headstart.types import Score

MOST_COLUMNS = 8
"""Columns named in the text."""


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    Args:
        name: what was measured.
        value: the figure, in words.
        p_value: of no shift, or None where there is no test.
        reading: what it says.
    """

    name: str
    value: str
    p_value: float | None
    reading: str


@dataclass(frozen=True)
class Diagnosis:
    """How the target differs from the source, what that costs, and what to do.

    Args:
        kind: "none", "covariate_shift", "label_shift", "concept_shift", or "unknown" without labels of the source.
        measures: the table.
        advice: the family that fits, why, and what to do.
        source_accuracy: of a model of the source on the source, out of fold; None without class labels.
        expected_accuracy: of that model on the target, estimated without its labels; None likewise.
        true_accuracy: the same by the target's labels, where there are any.
        feature_shifts: columns, those that changed most surely first.
        notes: what people should know.
    """

    kind: str
    measures: tuple[Measure, ...]
    advice: Advice
    source_accuracy: Score | None = None
    expected_accuracy: Score | None = None
    true_accuracy: Score | None = None
    feature_shifts: tuple[FeatureShift, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family of methods that fits: "none", "instance", "feature" or "parameter"."""
        return self.advice.family

    @property
    def sentence(self) -> str:
        """One sentence: the shift, what it costs, what fits."""
        said = [f"This looks like {KINDS[self.kind]}"]
        if self.expected_accuracy is not None and self.source_accuracy is not None:
            low, high = self.expected_accuracy.low, self.expected_accuracy.high
            said.append(f"a model of the source, right on {self.source_accuracy.value:.0%} there,")
            said[-1] += f" is expected to be right on {self.expected_accuracy.value:.0%} here ({low:.0%} to {high:.0%})"
        fits = ", ".join(self.advice.methods)
        said.append(f"{self.family} methods fit ({fits})" if fits else "no adaptation is needed")
        return "; ".join(said) + "."

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"family": self.family, "sentence": self.sentence}

    def to_markdown(self) -> str:
        """The report as a page of Markdown."""
        lines = ["# Diagnosis", "", self.sentence, "", f"{self.advice.why} {self.advice.do}", ""]
        lines += ["| what | value | p | reading |", "|---|---|---|---|"]
        lines += [
            f"| {m.name} | {m.value} | {'' if m.p_value is None else _p(m.p_value)} | {m.reading} |"
            for m in self.measures
        ]
        if self.feature_shifts:
            lines += ["", "| column | effect | p, adjusted | source | target |", "|---|---|---|---|---|"]
            for s in self.feature_shifts:
                lines.append(f"| {s.name} | {s.effect:.2f} | {_p(s.adjusted_p_value)} | {s.source} | {s.target} |")
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes), ""])

    def __str__(self) -> str:
        lines = [_line("what", "value", "p", "reading"), _line("---", "---", "---", "---")]
        for m in self.measures:
            lines.append(_line(m.name, m.value, "" if m.p_value is None else _p(m.p_value), m.reading))
        changed = [shift for shift in self.feature_shifts if shift.adjusted_p_value <= 0.05]
        if changed:
            lines += ["", _line("column", "effect", "p", "source -> target"), _line("---", "---", "---", "---")]
            for shift in changed[:MOST_COLUMNS]:
                moved = f"{shift.source} -> {shift.target}"
                lines.append(_line(shift.name, f"{shift.effect:.2f}", _p(shift.adjusted_p_value), moved))
            if len(changed) > MOST_COLUMNS:
                lines.append(f"... and {len(changed) - MOST_COLUMNS} columns more")
        lines += ["", *(f"note: {note}" for note in self.notes)]
        return "\n".join([*lines, self.sentence, f"{self.advice.why} {self.advice.do}"])


def _line(name: str, value: str, p: str, reading: str) -> str:
    return f"{name[:28]:<28}  {value:<16}  {p:<7}  {reading}".rstrip()


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
