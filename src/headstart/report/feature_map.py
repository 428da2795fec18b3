"""Features laid out in the plane: a colour and a shape for each class, a ring around each mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.report.markup import escape
from headstart.report.number_text import count, percent
from headstart.report.record import FeatureMap

MAX_POINTS = 1500
"""More points than this are thinned out evenly."""

MAX_KINDS = 24
"""Eight colours times three shapes; classes beyond are grey."""

_WIDTH, _HEIGHT, _MARGIN = 720, 480, 12


def feature_map(features: FeatureMap, classes: tuple[str, ...]) -> str:
    """An SVG of at most :data:`MAX_POINTS` points; classes and domains are style classes, so the page can switch."""
    rows = drawn_rows(features)
    places = _places(np.asarray(features.xy, dtype=np.float64)[rows])
    is_error = np.asarray(features.is_error, dtype=bool)[rows]
    domain_codes = _domain_codes(features)[rows]
    codes = np.asarray(features.codes)[rows]
    titles = [_title(features, int(row), classes) for row in rows]
    marks = [
        _marker(x, y, code, domain, error, title)
        for (x, y), code, domain, error, title in zip(
            places.tolist(), codes.tolist(), domain_codes.tolist(), is_error.tolist(), titles, strict=True
        )
    ]
    on_top = [mark for mark, error in zip(marks, is_error, strict=True) if error]
    below = [mark for mark, error in zip(marks, is_error, strict=True) if not error]
    label = f"Map of {count(len(rows))} examples in {len(classes)} classes, {percent(_mean(is_error))} of them mistaken"
    return (
        f'<svg class="map" role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"{''.join(below)}<g>{''.join(on_top)}</g></svg>"
    )


def drawn_rows(features: FeatureMap) -> NDArray[np.int64]:
    """The rows with a place, thinned out evenly to :data:`MAX_POINTS`."""
    rows = np.flatnonzero(np.isfinite(np.asarray(features.xy, dtype=np.float64)).all(axis=1))
    if len(rows) > MAX_POINTS:
        rows = rows[np.linspace(0, len(rows) - 1, MAX_POINTS).round().astype(np.int64)]
    return rows


def domain_names(features: FeatureMap) -> tuple[str, ...]:
    """The domains in alphabetical order; none where there are none."""
    return () if features.domains is None else tuple(sorted({str(name) for name in features.domains}))


def legend_mark(code: int) -> str:
    """The marker of class ``code`` as a small SVG for a legend."""
    return (
        f'<svg class="key {_kind(code, "k")}" aria-hidden="true" width="12" height="12">{_shape(6, 6, code, "")}</svg>'
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _places(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(xy):
        return xy
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = np.array([_WIDTH, _HEIGHT]) - 2 * _MARGIN
    unit = (xy - low) / np.where(high > low, high - low, 1.0)
    unit[:, 1] = 1.0 - unit[:, 1]
    places: NDArray[np.float64] = np.round(unit * room + _MARGIN, 1)
    return places


def _domain_codes(features: FeatureMap) -> NDArray[np.int64]:
    known = {name: i for i, name in enumerate(domain_names(features))}
    if features.domains is None:
        return np.zeros(len(features.xy), dtype=np.int64)
    return np.array([known[str(name)] for name in features.domains], dtype=np.int64)


def _title(features: FeatureMap, row: int, classes: tuple[str, ...]) -> str:
    parts = [classes[int(features.codes[row])]]
    parts += [str(features.domains[row])] if features.domains is not None else []
    parts += [str(features.ids[row])] if features.ids is not None else []
    return " · ".join(parts) + (" · mistaken" if features.is_error[row] else "")


def _marker(x: float, y: float, code: int, domain: int, error: bool, title: str) -> str:
    kinds = f"{_kind(code, 'k')} {_kind(domain, 'd')}{' wrong' if error else ''}"
    return _shape(x, y, code, f"<title>{escape(title)}</title>", kinds)


def _kind(code: int, letter: str) -> str:
    return f"{letter}{code % 8}" if code < MAX_KINDS else f"{letter}x"


def _shape(x: float, y: float, code: int, title: str, kinds: str = "") -> str:
    style = f' class="{kinds}"' if kinds else ""
    if code >= MAX_KINDS:
        code = 0
    if code % 3 == 1:
        return f'<rect{style} x="{x - 4:g}" y="{y - 4:g}" width="8" height="8">{title}</rect>'
    if code % 3 == 2:
        return f'<path{style} d="M{x:g} {y - 5.4:g}l5.2 9h-10.4z">{title}</path>'
    return f'<circle{style} cx="{x:g}" cy="{y:g}" r="4.6">{title}</circle>'
