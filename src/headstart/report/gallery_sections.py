"""Examples to look at: mistakes, suspicious labels, outliers."""

from __future__ import annotations

from headstart.report.markup import escape
from headstart.report.number_text import figure, percent
from headstart.report.record import ReportRecord, Thumb
from headstart.report.section import Section, how_to_read
from headstart.report.tiles import gallery, truth_caption


def errors_section(record: ReportRecord) -> Section | None:
    """The mistakes the model was surest of."""
    if not record.errors:
        return None
    how, lead = _HOW_MISTAKES.get(record.task, _HOW_MISTAKES["classification"])
    return Section("mistakes", "Worst mistakes", lead, gallery(record.errors, _mistake) + how_to_read(how))


_HOW_MISTAKES = {
    "classification": (
        "The upper label is the truth, the lower one the prediction, with the confidence the model stated for it.",
        "The mistakes it was surest of: often a wrong label, a hard case, or a class the model does not know.",
    ),
    "regression": (
        "The upper number is the truth, the lower one the prediction.",
        "The largest errors: often a slip in the number, a hard case, or a kind of example the model does not know.",
    ),
    "multi_label": (
        "The upper labels are the truth, the lower ones the prediction.",
        "The examples with most labels wrong: often forgotten labels, or hard cases.",
    ),
}


def suspicious_section(record: ReportRecord) -> Section | None:
    """Labels that disagree with models which never saw them."""
    if not record.suspicious:
        return None
    how = (
        "The upper label is the one given, the lower one what models trained on the other examples suggest. Look "
        "before changing any."
    )
    lead = "Labels worth a second look, the most doubtful first."
    return Section("labels-to-check", "Suspicious labels", lead, gallery(record.suspicious, _doubt) + how_to_read(how))


def outliers_section(record: ReportRecord) -> Section | None:
    """Examples far from all others."""
    if not record.outliers:
        return None
    lead = "Examples unlike all others: another kind of thing, a damaged one, or a rare case."
    return Section("outliers", "Outliers", lead, gallery(record.outliers, _outlier))


def _mistake(thumb: Thumb) -> str:
    said = f'<span class="sure">{percent(thumb.confidence)}</span>' if thumb.confidence is not None else ""
    return (
        f'<span class="truth" title="truth">{escape(thumb.truth)}</span>'
        f'<span class="said" title="prediction">{escape(thumb.prediction)}{said}</span>'
    )


def _doubt(thumb: Thumb) -> str:
    doubt = f'<span class="sure">{figure(thumb.confidence, 2)}</span>' if thumb.confidence is not None else ""
    return (
        f'<span class="given" title="given label">{escape(thumb.truth)}</span>'
        f'<span class="suggested" title="suggested label">{escape(thumb.prediction)}{doubt}</span>'
    )


def _outlier(thumb: Thumb) -> str:
    far = f'<span class="sure">{figure(thumb.confidence, 2)}</span>' if thumb.confidence is not None else ""
    return truth_caption(thumb, far)
