"""A score against the number of labels, with and without transfer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from headstart.report.number_text import count, figure
from headstart.report.plot import band, dot, line, place, plot, stretched, x_axis, y_axis
from headstart.report.record import Curve
from headstart.report.scale import Scale, linear_scale, log_scale


def learning_curves(curves: Sequence[Curve], metric: str, *, higher_is_better: bool = True) -> str:
    """An SVG of the curves with their bands; a guide shows where transfer did as well as the rest ended."""
    curves = [clean for clean in map(_finite, curves) if len(clean.sizes)]
    values = np.concatenate([np.concatenate([c.mean, c.low, c.high]) for c in curves]) if curves else np.zeros(0)
    is_share = bool(len(values)) and values.min() >= 0 and values.max() <= 1
    y = linear_scale(values.tolist(), floor=0 if is_share else -math.inf, ceiling=1 if is_share else math.inf)
    x = log_scale([float(size) for curve in curves for size in curve.sizes])
    drawn = [_drawn(curve, f"k{i % 8}", x, y) for i, curve in enumerate(curves)]
    axes = x_axis(x, "labelled examples (logarithmic)", count) + y_axis(y, metric)
    label = "Learning curves: " + "; ".join(
        f"{c.name}, {figure(float(c.mean[-1]))} with {count(c.sizes[-1])} labels" for c in curves
    )
    return plot(axes + _guide(curves, x, y, higher_is_better) + "".join(drawn), label=label, height=320, kind="curves")


def same_score_sizes(curves: Sequence[Curve], *, higher_is_better: bool = True) -> tuple[float, float, float] | None:
    """Where transfer caught up: (its labels, the labels of the best untransferred curve, their score), or None."""
    sign = 1.0 if higher_is_better else -1.0
    with_transfer = [c for c in curves if c.is_transferred and len(c.sizes)]
    without = [c for c in curves if not c.is_transferred and len(c.sizes)]
    if not with_transfer or not without:
        return None
    best = max(without, key=lambda c: sign * float(c.mean[-1]))
    goal = float(best.mean[-1])
    found = [size for c in with_transfer if (size := _first_size(c, goal, sign)) is not None]
    return (min(found), float(best.sizes[-1]), goal) if found and min(found) < float(best.sizes[-1]) else None


def _first_size(curve: Curve, goal: float, sign: float) -> float | None:
    reached = np.flatnonzero(sign * (curve.mean - goal) >= 0)
    if not len(reached):
        return None
    i = int(reached[0])
    if i == 0:
        return float(curve.sizes[0])
    left, right = float(curve.mean[i - 1]), float(curve.mean[i])
    part = (goal - left) / (right - left)
    low, high = math.log(float(curve.sizes[i - 1])), math.log(float(curve.sizes[i]))
    return math.exp(low + part * (high - low))


def _finite(curve: Curve) -> Curve:
    mean = np.asarray(curve.mean, dtype=np.float64)
    kept = np.isfinite(mean) & (np.asarray(curve.sizes) > 0)
    low, high = (np.where(np.isfinite(end), end, mean)[kept] for end in (curve.low, curve.high))
    return Curve(curve.name, np.asarray(curve.sizes)[kept], mean[kept], low, high, curve.is_transferred)


def _drawn(curve: Curve, colour: str, x: Scale, y: Scale) -> str:
    xs = [x.at(float(v)) for v in curve.sizes]
    lows, means, highs = ([y.at(float(v)) for v in values] for values in (curve.low, curve.mean, curve.high))
    shape = stretched(band(xs, lows, highs, "band") + line(xs, means, "curve"))
    dots = [
        dot(px, py, 3.5, "", f"{curve.name}: {figure(float(m))} with {count(s)} labels")
        for px, py, m, s in zip(xs, means, curve.mean, curve.sizes, strict=True)
    ]
    return f'<g class="{colour} {"is-solid" if curve.is_transferred else "is-dashed"}">{shape}{"".join(dots)}</g>'


def _guide(curves: Sequence[Curve], x: Scale, y: Scale, higher_is_better: bool) -> str:
    same = same_score_sizes(curves, higher_is_better=higher_is_better)
    if same is None:
        return ""
    few, many, goal = same
    height, left, right = place(100 - y.at(goal)), place(x.at(few)), place(x.at(many))
    return (
        f'<g class="guide"><line x1="{left}%" x2="{right}%" y1="{height}%" y2="{height}%"/>'
        f'<line x1="{left}%" x2="{left}%" y1="{height}%" y2="100%"/></g>'
    )
