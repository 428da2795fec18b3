"""The report: one HTML file that needs nothing else, not even a script."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from headstart.report.alarm_section import alarm_section
from headstart.report.augmentation_section import augmentation_section
from headstart.report.class_sections import calibration_section, confusion_section, labels_section, map_section
from headstart.report.data_sections import audit_section, data_section
from headstart.report.gallery_sections import errors_section, outliers_section, suspicious_section
from headstart.report.markup import escape
from headstart.report.number_section import number_section
from headstart.report.number_text import moment
from headstart.report.parts_section import parts_section
from headstart.report.record import ReportRecord
from headstart.report.score_sections import (
    cost_section,
    domains_section,
    leaderboard_section,
    metrics_section,
    repeat_section,
)
from headstart.report.section import Section, section_markup
from headstart.report.source_section import source_section
from headstart.report.verdict import verdict_markup
from headstart.whole_file import write_whole

_SECTIONS = (
    leaderboard_section,
    number_section,
    alarm_section,
    confusion_section,
    errors_section,
    calibration_section,
    labels_section,
    map_section,
    augmentation_section,
    parts_section,
    source_section,
    domains_section,
    data_section,
    audit_section,
    suspicious_section,
    outliers_section,
    metrics_section,
    cost_section,
    repeat_section,
)

# No script and nothing from outside may run or load, whatever a file name or a class name holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_page(record: ReportRecord, path: Path) -> None:
    """Write the report of ``record`` to ``path``, whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    write_whole(Path(path), page_markup(record))


def page_markup(record: ReportRecord) -> str:
    """The whole page as text; it is well-formed XML after its first line."""
    sections = [section for make in _SECTIONS if (section := make(record)) is not None]
    style = files("headstart.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n<link rel="icon" href="data:,"/>\n'
        f"<title>{escape(record.title)} · headstart report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#verdict">To the verdict</a>\n{_masthead(record)}\n<div class="layout">\n'
        f"{_contents(sections)}\n<main>\n{verdict_markup(record)}\n"
        + "\n".join(section_markup(section) for section in sections)
        + f"\n</main>\n</div>\n{_foot(record)}\n</body>\n</html>\n"
    )


def _masthead(record: ReportRecord) -> str:
    return (
        '<header class="masthead"><p class="brand">headstart</p>'
        f'<p class="run">{escape(record.title)}</p><p class="made">{escape(moment(record.created))}</p></header>'
    )


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav class="contents" aria-label="Contents"><ul><li><a href="#verdict">Verdict</a></li>{links}</ul></nav>'


def _foot(record: ReportRecord) -> str:
    return (
        f"<footer><p>Made by headstart {escape(record.version)}, {escape(moment(record.created))}. This file needs no "
        "network and runs no script.</p></footer>"
    )
