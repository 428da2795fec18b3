"""The model card: what the model is for, how good it is, where it ends, in the structure model hubs read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from headstart.report.markup import escape
from headstart.report.number_text import count, figure, interval, percent
from headstart.report.record import ReportRecord
from headstart.whole_file import write_whole


def write_model_card(record: ReportRecord, path: Path) -> None:
    """Write the model card of ``record`` to ``path`` as Markdown, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    write_whole(Path(path), model_card(record))


def model_card(record: ReportRecord) -> str:
    """The model card as text: YAML front matter, then Markdown."""
    parts = [
        _front_matter(record),
        f"# {_plain(record.title)}",
        f"**{_plain(record.verdict_sentence)}**",
        _headline(record),
        _description(record),
        _intended_use(record),
        _data(record),
        _figures(record),
        _limits(record),
        _loading(record),
        _repeating(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(record: ReportRecord) -> str:
    card = record.backbone
    modality = card.modality if card else "image"
    licence = card.licence.lower() if card else "unknown"
    kind = f"{modality}-{record.pipeline_tag}"
    tags = ["headstart", "transfer-learning", kind]
    lines = ["---", f"license: {_yaml(licence)}", "library_name: headstart"]
    lines += [f"pipeline_tag: {kind}", "tags:", *(f"- {_yaml(tag)}" for tag in tags)]
    lines += [f"base_model: {_yaml(card.name)}"] if card and "/" in card.name else []
    names = list(dict.fromkeys([record.metric, *(row.name for row in record.metrics)]))
    lines += ["metrics:", *(f"- {_yaml(_metric_id(name))}" for name in names)]
    lines += ["model-index:", f"- name: {_yaml(record.title)}", "  results:", "  - task:"]
    lines += [f"      type: {kind}", "    dataset:", f"      name: {_yaml(record.title)}"]
    lines += ["      type: private", "    metrics:"]
    for name, value in _named_values(record):
        lines += [f"    - type: {_yaml(_metric_id(name))}", f"      name: {_yaml(name)}", f"      value: {value}"]
    return "\n".join([*lines, "---"])


def _named_values(record: ReportRecord) -> list[tuple[str, str]]:
    found = {record.metric: record.score.value} | {row.name: row.score.value for row in record.metrics}
    return [(name, f"{value:.6g}") for name, value in found.items() if np.isfinite(value)]


def _headline(record: ReportRecord) -> str:
    rule = f" ({_plain(record.score.rule)})" if record.score.rule else ""
    return f"{_plain(record.metric)} **{figure(record.score.value)}**, 95 % interval {interval(record.score)}{rule}."


def _description(record: ReportRecord) -> str:
    winner, card = record.winner, record.backbone
    pairs = [("made with", f"headstart {record.version}"), ("created", record.created)]
    pairs += [("model", winner.name), ("head", winner.head)] if winner else []
    if card:
        pairs += [("backbone", card.name), ("backbone revision", card.revision), ("pretrained on", card.pretraining)]
        use = "commercial use allowed" if card.commercial else "check before commercial use"
        pairs += [("licence of the backbone", f"{card.licence} ({use})")]
    pairs += [("classes", ", ".join(record.classes))] if record.classes else []
    return "## Model\n\n" + _table(["", ""], pairs)


def _intended_use(record: ReportRecord) -> str:
    named = [f"*{_plain(name)}*" for name in record.classes[:10]]
    more = f" and {len(record.classes) - 10} more" if len(record.classes) > 10 else ""
    limits = "on examples that come from where the training data came from."
    what = {
        "classification": f"To tell {' or '.join(named) or 'the classes it was trained on'}{more} apart {limits} Every "
        "example is put into one of these classes, also one that belongs to none.",
        "regression": f"To estimate a number {limits} "
        "Beyond the range of the training numbers it should not be trusted.",
        "multi_label": f"To say which of {', '.join(named)}{more} apply, several at once or none, {limits}",
        "anomaly": f"To find what does not look like the normal examples, {limits} It says that something is strange, "
        "not what.",
    }[record.task]
    return f"## Intended use\n\n{what} Decisions that weigh on people need a person to check."


def _data(record: ReportRecord) -> str:
    facts = "\n".join(f"- {_plain(name)}: {_plain(value)}" for name, value in record.facts)
    rows = [
        [name, *(count(int(values[i])) for values in record.class_counts.values())]
        for i, name in enumerate(record.classes)
    ]
    balance = _table(["class", *record.class_counts], rows) if record.class_counts and rows else ""
    findings = "\n".join(
        f"- {_plain(finding.severity)}: {_plain(finding.text)}"
        for finding in record.findings
        if finding.severity != "note"
    )
    audit = f"The audit found:\n\n{findings}" if findings else ""
    body = "\n\n".join(part for part in (facts, balance, audit) if part)
    return f"## Data\n\n{body}" if body else ""


def _figures(record: ReportRecord) -> str:
    parts = ["## Figures"]
    if record.metrics:
        rows = [[m.name, figure(m.score.value), interval(m.score), m.score.rule] for m in record.metrics]
        parts.append(_table(["figure", "value", "95 % interval", "how it came about"], rows))
    if record.leaderboard:
        parts.append("### Against the alternatives")
        board = [
            [
                row.name + (" (handed over)" if row.is_winner else ""),
                row.kind,
                f"{figure(row.cv.value)} ({interval(row.cv)})",
                f"{figure(row.test.value)} ({interval(row.test)})" if row.test else "–",
                row.rule,
            ]
            for row in record.leaderboard
        ]
        parts.append(_table(["model", "kind", f"{record.metric}, CV", f"{record.metric}, test", "rule"], board))
    if record.per_class:
        parts.append("### By class")
        classes = [
            [c.name, figure(c.precision), figure(c.recall), figure(c.f1), count(c.count)] for c in record.per_class
        ]
        parts.append(_table(["class", "precision", "recall", "F1", "examples"], classes))
    if record.domains:
        parts.append("### By domain")
        domains = [[d.name, figure(d.score.value), interval(d.score), count(d.count)] for d in record.domains]
        parts.append(_table(["domain", record.metric, "95 % interval", "examples"], domains))
    notes = "\n".join(f"- {_plain(note)}" for note in record.notes)
    return "\n\n".join([*parts, notes] if notes else parts) if len(parts) > 1 or notes else ""


def _limits(record: ReportRecord) -> str:
    limits = ["The figures hold for data like the test part; other cameras, places or times can change them."]
    if record.verdict_kind == "hurt":
        limits.append("Pretrained features did not help here, so the model handed over does not use them.")
    if record.per_class:
        worst = min(record.per_class, key=lambda row: row.f1 if np.isfinite(row.f1) else np.inf)
        limits.append(f"Weakest class: {_plain(worst.name)}, F1 {figure(worst.f1)} on {count(worst.count)} examples.")
    if record.domains:
        sign = 1 if record.higher_is_better else -1
        poorest = min(record.domains, key=lambda row: sign * row.score.value)
        limits.append(f"Weakest domain: {_plain(poorest.name)}, {_plain(record.metric)} {figure(poorest.score.value)}.")
    if record.reliability:
        last = record.reliability[-1]
        limits.append(f"Stated confidence is off by {percent(last.ece)} on average ({_plain(last.name)} scaling).")
    if record.numbers:
        held, stated = percent(record.numbers.coverage.value), percent(record.numbers.stated)
        limits.append(f"The interval that is meant to hold {stated} of new examples held {held} of those judged.")
    if record.verdict_kind == "unknown":
        limits.append("Nothing was labelled to judge the model by: how good it is is not known.")
    if record.suspicious:
        limits.append(f"{count(len(record.suspicious))} labels look suspicious; see the report.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _loading(record: ReportRecord) -> str:
    return (
        "## How to load\n\n```python\nimport headstart as hs\n\n"
        f"model = hs.load({json.dumps(_tame(record.folder), ensure_ascii=False)})\n"
        f'model.predict(["new.jpg"])\nmodel.{_FIGURES[record.task]}(["new.jpg"])\n```'
    )


_FIGURES = {
    "classification": "predict_proba",
    "regression": "predict_interval",
    "multi_label": "predict_proba",
    "anomaly": "anomaly_score",
}


def _repeating(record: ReportRecord) -> str:
    if not record.command:
        return ""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", record.command)), default=0))
    return f"## How to repeat\n\n{fence}sh\n{record.command}\n{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines)


def _tame(value: str) -> str:
    return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())


def _plain(value: object) -> str:
    """Text that Markdown and HTML leave as it is."""
    tamed = escape(" ".join(str(value).split())).replace("&quot;", '"').replace("&#x27;", "'")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", tamed)


def _yaml(value: str) -> str:
    """A YAML scalar in double quotes, which is what JSON writes."""
    return json.dumps(_tame(value), ensure_ascii=False)


def _metric_id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "score"
