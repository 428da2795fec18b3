"""What the model confuses, how far its confidence can be believed, what labels are worth, how the features lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.report.confusion_matrix import MAX_BESIDE, MAX_LABELLED, confusion_matrix, most_confused
from headstart.report.feature_map import MAX_KINDS, domain_names, drawn_rows, feature_map, legend_mark
from headstart.report.learning_curves import learning_curves, same_score_sizes
from headstart.report.markup import escape
from headstart.report.number_text import count, figure, percent
from headstart.report.record import ClassRow, Curve, FeatureMap, ReportRecord
from headstart.report.reliability_diagram import confidence_strip, reliability_diagram
from headstart.report.section import Section, beside, how_to_read, panel, scrolling, table

MAX_CLASS_ROWS = 15
"""A longer table of classes is sorted, weakest first, and scrolls."""


def confusion_section(record: ReportRecord) -> Section | None:
    """Truth against prediction, the commonest mistakes, and the figures of each class."""
    if record.confusion is None and not record.per_class:
        return None
    body = _confusion(record) + (panel("Each class", _per_class(record.per_class)) if record.per_class else "")
    return Section(
        "classes", "Class by class", "Which classes are recognised, and what the others are taken for.", body
    )


def calibration_section(record: ReportRecord) -> Section | None:
    """Whether a confidence of 80 % is right in 80 % of the cases."""
    diagrams = record.reliability
    if not diagrams:
        return None
    keys = "".join(
        f'<li class="key-reliability is-{i}"><b>{escape(d.name)}</b><span class="figure">{figure(d.ece)}</span>'
        "<span>mean gap (ECE)</span></li>"
        for i, d in enumerate(diagrams[:2])
    )
    last = diagrams[-1]
    method = "Temperature scaling" if record.task == "classification" else "Scaling by label"
    how = (
        "On the dashed diagonal the model is right as often as it says. Below it, it is too sure of itself; above it, "
        "too modest. Larger dots stand for more examples."
    )
    chart = panel("", f'<div class="frame-axes">{reliability_diagram(diagrams)}</div>', how_to_read(how))
    aside = panel(
        method,
        f'<ul class="keys">{keys}</ul>',
        f'<p class="strip-title">How often each confidence is stated, {escape(last.name)}</p>',
        f'<div class="frame-strip">{confidence_strip(last)}</div>',
        '<p class="strip-ends"><span>0 %</span><span>100 %</span></p>',
    )
    lead = "Whether 80 % sure means right in 80 of 100 cases."
    return Section("confidence", "Can its confidence be believed?", lead, beside(chart, aside))


def labels_section(record: ReportRecord) -> Section | None:
    """Score against number of labels, with and without transfer."""
    if not any(np.isfinite(np.asarray(c.mean, dtype=np.float64)).any() for c in record.curves):
        return None
    chart = learning_curves(record.curves, record.metric, higher_is_better=record.higher_is_better)
    keys = "".join(_curve_key(i, curve) for i, curve in enumerate(record.curves))
    how = (
        "Each point is a model trained on that many labels and scored on others; the band is its 95 % interval. Curves "
        "still rising at the right end say that more labels would help."
    )
    saved = f'<p class="saved">{escape(record.labels_saved)}</p>' if record.labels_saved else ""
    aside = panel(
        "Labels saved" if record.labels_saved else "With all labels",
        saved,
        f'<ul class="keys">{keys}</ul>',
        _guide_note(record),
    )
    body = beside(panel("", f'<div class="frame-axes">{chart}</div>', how_to_read(how)), aside)
    return Section(
        "labels", "What labels are worth", "How many labels transfer saves, and whether more would pay.", body
    )


def map_section(record: ReportRecord) -> Section | None:
    """The features in the plane, coloured by class or by domain."""
    features = record.feature_map
    if features is None or not len(drawn_rows(features)):
        return None
    domains = domain_names(features)
    names = features.names or record.classes
    chart = feature_map(features, names)
    switch = (
        '<input type="radio" name="map-colour" id="by-class" checked="checked"/><label for="by-class">class</label>'
        '<input type="radio" name="map-colour" id="by-domain"/><label for="by-domain">domain</label>'
        if len(domains) > 1
        else ""
    )
    legends = _class_legend(features, names) + _domain_legend(domains)
    drawn, total = len(drawn_rows(features)), len(features.xy)
    thinned = f" {count(drawn)} of {count(total)} examples are drawn." if drawn < total else ""
    how = (
        f"Neighbours look alike to the backbone ({features.method}; the axes have no unit). Well parted colours are "
        f"easy, mixed ones hard. A ring marks a mistake; point at a mark to see its name.{thinned}"
    )
    body = panel("", f'<div class="map-box">{switch}{chart}{legends}</div>', how_to_read(how))
    return Section("map", "A map of the features", "How the examples lie before the head draws its borders.", body)


def _confusion(record: ReportRecord) -> str:
    if record.confusion is None or not record.classes:
        return ""
    dense = len(record.classes) > MAX_LABELLED
    how = (
        "Rows are the truth, columns what was predicted; the shade is the share of the row. Blue is right, orange is "
        "wrong."
    )
    if dense:
        how += " With this many classes the cells carry no numbers; point at one to read it."
    matrix = panel(
        "",
        scrolling(confusion_matrix(record.confusion, record.classes), "Confusion matrix"),
        how_to_read(how),
    )
    pairs = most_confused(record.confusion, at_most=9 if dense else 6)
    if not pairs:
        return beside(matrix, panel("Most frequent mistakes", "<p>None: every example was recognised.</p>"))
    mistakes = panel("Most frequent mistakes", _pairs(pairs, record.classes))
    return beside(matrix, mistakes) if dense or len(record.classes) <= MAX_BESIDE else matrix + mistakes


def _pairs(pairs: Sequence[tuple[int, int, int, float]], classes: tuple[str, ...]) -> str:
    items = "".join(
        f'<li><span class="pair">{escape(classes[i])}<i> → </i>{escape(classes[j])}</span>'
        f'<span class="number">{count(n)}</span>'
        f'<span class="made-of">{percent(share)} of {escape(classes[i])}</span></li>'
        for i, j, n, share in pairs
    )
    return f'<ol class="pairs">{items}</ol>'


def _per_class(rows: Sequence[ClassRow]) -> str:
    is_long = len(rows) > MAX_CLASS_ROWS
    if is_long:
        rows = sorted(rows, key=lambda row: row.f1 if np.isfinite(row.f1) else -1.0)
    has_interval = any(row.f1_interval for row in rows)
    head = ["Class", "Precision", "Recall", "F1", *(["95 % interval"] if has_interval else []), "Examples"]
    grid = table(
        head,
        [_class_cells(row, has_interval) for row in rows],
        caption="Figures of each class",
        numeric=range(1, len(head)),
        kind="long" if is_long else "",
    )
    order = " The weakest classes come first." if is_long else ""
    return grid + how_to_read(
        "Precision: how many of the predictions of a class are right. Recall: how many of its examples are found. F1 "
        f"is their harmonic mean.{order}"
    )


def _class_cells(row: ClassRow, has_interval: bool) -> list[str]:
    low, high = row.f1_interval or (None, None)
    between = [f"{figure(low)} – {figure(high)}" if row.f1_interval else "–"] if has_interval else []
    return [escape(row.name), figure(row.precision), figure(row.recall), figure(row.f1), *between, count(row.count)]


def _curve_key(i: int, curve: Curve) -> str:
    finite = np.flatnonzero(np.isfinite(np.asarray(curve.mean, dtype=np.float64)))
    last = f"{figure(float(curve.mean[finite[-1]]))}" if len(finite) else "–"
    labels = f"with {count(curve.sizes[finite[-1]])} labels" if len(finite) else ""
    style = "is-solid" if curve.is_transferred else "is-dashed"
    return (
        f'<li class="key-curve k{i % 8} {style}"><b>{escape(curve.name)}</b><span class="figure">{last}</span>'
        f"<span>{labels}</span></li>"
    )


def _guide_note(record: ReportRecord) -> str:
    if same_score_sizes(record.curves, higher_is_better=record.higher_is_better) is None:
        return ""
    return how_to_read("The dotted guide starts where transfer already did as well as the best curve without it ends.")


def _class_legend(features: FeatureMap, classes: tuple[str, ...]) -> str:
    present = sorted({int(code) for code in features.codes})
    named = [code for code in present if code < MAX_KINDS]
    items = "".join(f"<li>{legend_mark(code)}{escape(classes[code])}</li>" for code in named)
    if len(named) < len(present):
        items += f"<li>{legend_mark(MAX_KINDS)}{len(present) - len(named)} further classes</li>"
    return f'<ul class="map-legend of-classes">{items}</ul>'


def _domain_legend(domains: tuple[str, ...]) -> str:
    if len(domains) < 2:
        return ""
    items = "".join(
        f'<li><svg class="key k{i % 8 if i < MAX_KINDS else "x"}" aria-hidden="true" width="12" height="12">'
        f'<circle cx="6" cy="6" r="4.6"/></svg>{escape(name)}</li>'
        for i, name in enumerate(domains[:MAX_KINDS])
    )
    return f'<ul class="map-legend of-domains">{items}</ul>'
