"""Stated confidence against the share that was right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.report.markup import escape
from headstart.report.number_text import percent
from headstart.report.plot import dot, line, place, plot, stretched, x_axis, y_axis
from headstart.report.record import Reliability
from headstart.report.scale import Scale

_SHARE = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


def reliability_diagram(diagrams: Sequence[Reliability]) -> str:
    """An SVG with one line a diagram over the ideal diagonal; the larger a dot, the more examples it stands for."""
    label = "Reliability diagram: " + "; ".join(f"{d.name}, error {percent(d.ece)}" for d in diagrams)
    ideal = stretched(line((0, 100), (0, 100), "ideal"))
    drawn = [_drawn(diagram, f"is-{i}") for i, diagram in enumerate(diagrams[:2])]
    axes = x_axis(_SHARE, "stated confidence", percent) + y_axis(_SHARE, "share right", percent)
    return plot(axes + ideal + "".join(drawn), label=label, height=300, kind="reliability")


def confidence_strip(diagram: Reliability) -> str:
    """A small SVG of how many examples stand in each bin of ``diagram``."""
    most = max(int(diagram.counts.max(initial=0)), 1)
    gaps = np.diff(np.sort(diagram.centres))
    width = 100 * float(gaps.min() if len(gaps) else 1.0)
    bars = [
        f'<rect class="bar" x="{place(100 * float(c) - 0.45 * width)}%" width="{place(0.9 * width)}%" '
        f'y="{place(100 - 100 * n / most)}%" height="{place(100 * n / most)}%">'
        f"<title>{n} examples around {percent(float(c))}</title></rect>"
        for c, n in zip(diagram.centres, diagram.counts.tolist(), strict=True)
        if n > 0
    ]
    label = f"How often each confidence was stated, {diagram.name}"
    return plot("".join(bars), label=label, height=44, kind="strip")


def _drawn(diagram: Reliability, kind: str) -> str:
    n = np.asarray(diagram.counts)
    filled = (n > 0) & np.isfinite(diagram.confidence) & np.isfinite(diagram.accuracy)
    xs, ys = 100 * diagram.confidence[filled], 100 * diagram.accuracy[filled]
    radii = 3 + 4 * np.sqrt(n[filled] / max(int(n.max(initial=1)), 1))
    dots = [
        dot(x, y, r, "", f"{diagram.name}: said {percent(x / 100)}, right {percent(y / 100)}, {m} examples")
        for x, y, r, m in zip(xs.tolist(), ys.tolist(), radii.tolist(), n[filled].tolist(), strict=True)
    ]
    return f'<g class="{escape(kind)}">{stretched(line(xs.tolist(), ys.tolist(), "curve"))}{"".join(dots)}</g>'
