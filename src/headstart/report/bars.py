"""Bars: examples a class, sizes of examples, shares of the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.report.markup import escape, shortened
from headstart.report.number_text import count, duration, percent, tick
from headstart.report.plot import hanging, place, plot
from headstart.report.record import CostRow, Histogram

MAX_CLASSES = 30
"""Of more classes than this the largest and the smallest are shown."""

_ROW = 26
_COUNTS = 13.0  # Per cent of the width that the counts take at the end of the longest bar.


def class_bars(counts: Mapping[str, NDArray[Any]], classes: tuple[str, ...]) -> str:
    """An SVG with a bar a class, largest first, the parts ("train", "test") laid end to end."""
    parts = {name: np.asarray(values, dtype=np.int64) for name, values in counts.items()}
    totals = sum(parts.values(), np.zeros(len(classes), dtype=np.int64))
    rows = shown_classes(totals)
    most = max(int(totals.max(initial=0)), 1)
    names = min(36.0, 5 + 2.0 * max((len(classes[code]) for code in rows), default=0))
    marks = [
        _class_bar(line, names, classes[code], {name: int(v[code]) for name, v in parts.items()}, most)
        for line, code in enumerate(rows)
    ]
    label = f"Examples a class: from {count(totals.min(initial=most))} to {count(totals.max(initial=0))}"
    return plot("".join(marks), label=label, height=_ROW * max(len(rows), 1), kind="class-bars")


def shown_classes(totals: NDArray[np.int64]) -> list[int]:
    """The codes to draw, largest class first: all, or the 20 largest and the 10 smallest."""
    order: list[int] = np.argsort(-totals, kind="stable").tolist()
    return order if len(order) <= MAX_CLASSES else order[:20] + order[-10:]


def histogram(values: Histogram) -> str:
    """An SVG of a histogram with the numbers of its edges."""
    most = max(int(np.max(values.counts, initial=0)), 1)
    n = max(len(values.counts), 1)
    edges = [tick(float(edge)) for edge in values.edges]
    bars = [
        _histogram_bar(100 * i / n, 100 / n, 100 * m / most, f"{edges[i]} to {edges[i + 1]}: {count(m)}")
        for i, m in enumerate(np.asarray(values.counts).tolist())
        if m > 0
    ]
    step = max(1, -(-len(edges) // 6))
    texts = [
        hanging(100 * i / n, 100, f'<text y="18" text-anchor="middle">{edges[i]}</text>')
        for i in range(0, len(edges), step)
    ]
    title = hanging(50, 100, f'<text class="axis-title" y="40" text-anchor="middle">{escape(values.label)}</text>')
    ground = '<line class="ground" x1="0" x2="100%" y1="100%" y2="100%"/>'
    label = f"Histogram of {values.label}"
    return plot("".join([*bars, ground, *texts, title]), label=label, height=150, kind="histogram")


def cost_bar(rows: Sequence[CostRow]) -> str:
    """An SVG of one bar cut into the stages' shares of the time."""
    marks, left = [], 0.0
    for i, row in enumerate(rows):
        width = max(0.0, min(100 * row.share if np.isfinite(row.share) else 0.0, 100 - left))
        marks.append(
            f'<rect class="k{i % 8}" x="{place(left)}%" y="0" width="{place(width)}%" height="100%">'
            f"<title>{escape(row.stage)}: {duration(row.seconds)}, {percent(row.share)}</title></rect>"
        )
        left += width
    return plot("".join(marks), label="Share of each stage in the time", height=22, kind="cost-bar")


def _histogram_bar(left: float, width: float, height: float, title: str) -> str:
    return (
        f'<rect class="bar" x="{place(left + 0.04 * width)}%" width="{place(0.92 * width)}%" '
        f'y="{place(100 - height)}%" height="{place(height)}%"><title>{title}</title></rect>'
    )


def _class_bar(line: int, names: float, name: str, parts: Mapping[str, int], most: int) -> str:
    y, left = line * _ROW, names
    marks = []
    for i, (part, n) in enumerate(parts.items()):
        width = (100 - names - _COUNTS) * n / most
        marks.append(
            f'<rect class="part-{i % 3}" x="{place(left)}%" y="{y + 5}" width="{place(width)}%" height="{_ROW - 10}">'
            f"<title>{escape(name)}, {escape(part)}: {count(n)}</title></rect>"
        )
        left += width
    return (
        f'<text class="name" x="{place(names - 2)}%" y="{y + 17}" text-anchor="end">{escape(shortened(name, 17))}'
        f"<title>{escape(name)}</title></text>{''.join(marks)}"
        f'<text class="count" x="{place(left)}%" y="{y + 17}" dx="7">{count(sum(parts.values()))}</text>'
    )
