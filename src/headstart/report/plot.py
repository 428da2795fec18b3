"""The frame of a chart: an SVG whose box is the plotting area, placed in per cent so that letters never shrink.

Labels stand outside the box (``overflow: visible``) in room that the page's style sheet leaves around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headstart.report.markup import escape
from headstart.report.number_text import tick
from headstart.report.scale import Scale


def place(value: float) -> str:
    """A coordinate with at most two decimals.

    >>> place(12.5), place(3.0)
    ('12.5', '3')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def plot(marks: str, *, label: str, height: int, kind: str = "") -> str:
    """An SVG as wide as its surroundings and ``height`` px high; ``label`` says in words what it shows."""
    return (
        f'<svg class="plot {kind}" role="img" aria-label="{escape(label)}" width="100%" height="{height}">{marks}</svg>'
    )


def stretched(marks: str) -> str:
    """Paths in a 100 x 100 square that is stretched over the whole plotting area; strokes keep their width."""
    return (
        '<svg class="stretched" viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">'
        f"{marks}</svg>"
    )


def line(xs: Sequence[float], ys: Sequence[float], kind: str) -> str:
    """A line through points given in per cent, y upwards; goes into :func:`stretched`."""
    points = " ".join(f"{place(x)},{place(100 - y)}" for x, y in zip(xs, ys, strict=True))
    return f'<polyline class="{kind}" points="{points}" vector-effect="non-scaling-stroke"/>'


def band(xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], kind: str) -> str:
    """The area between two lines given in per cent, y upwards; goes into :func:`stretched`."""
    there = [f"{place(x)},{place(100 - y)}" for x, y in zip(xs, highs, strict=True)]
    back = [f"{place(x)},{place(100 - y)}" for x, y in zip(xs, lows, strict=True)]
    return f'<polygon class="{kind}" points="{" ".join(there + back[::-1])}"/>'


def dot(x: float, y: float, radius: float, kind: str, title: str = "") -> str:
    """A dot at a point given in per cent, y upwards; ``title`` shows on hover."""
    hover = f"<title>{escape(title)}</title>" if title else ""
    return f'<circle class="{kind}" cx="{place(x)}%" cy="{place(100 - y)}%" r="{place(radius)}">{hover}</circle>'


def hanging(x: float, y: float, text: str) -> str:
    """Text that keeps its own px coordinates around a point given in per cent, y downwards."""
    return f'<svg class="hang" x="{place(x)}%" y="{place(y)}%" width="1" height="1">{text}</svg>'


def x_axis(scale: Scale, title: str, text: Callable[[float], str] = tick) -> str:
    """Lines up from the ticks, their numbers under the box, and the title under these."""
    marks = [
        f'<line class="grid" x1="{place(scale.at(t))}%" x2="{place(scale.at(t))}%" y1="0" y2="100%"/>'
        + hanging(scale.at(t), 100, f'<text y="20" text-anchor="middle">{text(t)}</text>')
        for t in scale.ticks
    ]
    foot = f'<text class="axis-title" y="42" text-anchor="middle">{escape(title)}</text>'
    return "".join(marks) + hanging(50, 100, foot)


def y_axis(scale: Scale, title: str, text: Callable[[float], str] = tick) -> str:
    """Lines across from the ticks, their numbers left of the box, and the title above it."""
    marks = [
        f'<line class="grid" x1="0" x2="100%" y1="{place(100 - scale.at(t))}%" y2="{place(100 - scale.at(t))}%"/>'
        + hanging(0, 100 - scale.at(t), f'<text x="-9" y="4" text-anchor="end">{text(t)}</text>')
        for t in scale.ticks
    ]
    return "".join(marks) + f'<text class="axis-title" x="-38" y="-14">{escape(title)}</text>'
