"""The pieces a page is put together from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from headstart.report.markup import escape


@dataclass(frozen=True)
class Section:
    """A titled part of the page: ``anchor`` is its address, ``body`` is markup, the rest is plain text."""

    anchor: str
    title: str
    lead: str
    body: str


def section_markup(section: Section) -> str:
    """The section with its heading."""
    lead = f'<p class="lead">{escape(section.lead)}</p>' if section.lead else ""
    return (
        f'<section id="{section.anchor}" aria-labelledby="{section.anchor}-title">'
        f'<h2 id="{section.anchor}-title">{escape(section.title)}</h2>{lead}{section.body}</section>'
    )


def how_to_read(text: str) -> str:
    """The short explanation under a picture."""
    return f'<p class="how">{escape(text)}</p>'


def panel(title: str, *parts: str) -> str:
    """Parts that belong together under a small heading."""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f'<div class="panel">{heading}{"".join(parts)}</div>'


def beside(*panels: str) -> str:
    """Panels next to each other where there is room."""
    shown = [part for part in panels if part]
    return f'<div class="beside n{len(shown)}">{"".join(shown)}</div>' if shown else ""


def scrolling(markup: str, label: str) -> str:
    """``markup`` in a box that scrolls by itself when the screen is narrow."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{markup}</div>'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, numeric: Collection[int] = (), kind: str = ""
) -> str:
    """A table in a scrolling box; the first cell of each row is its heading.

    Args:
        head: column names, plain text.
        rows: cells, already markup.
        caption: what the table holds, for readers who do not see it.
        numeric: columns that are set flush right.
        kind: style class of the table.
    """
    names = "".join(f'<th scope="col"{_flush(i in numeric)}>{escape(name)}</th>' for i, name in enumerate(head))
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{_flush(i in numeric)}>{cell}</td>" for i, cell in enumerate(row[1:], start=1))
        + "</tr>"
        for row in rows
    )
    return scrolling(
        f'<table class="{kind}"><caption>{escape(caption)}</caption><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
        caption,
    )


def _flush(is_number: bool) -> str:
    return ' class="number"' if is_number else ""
