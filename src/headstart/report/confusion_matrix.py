"""Truth against prediction, as a heat map, and as a list where there are too many classes to read one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.report.markup import escape, shortened
from headstart.report.number_text import percent
from headstart.report.plot import hanging, place

MAX_LABELLED = 20
"""With more classes than this the cells carry no numbers and the labels go."""

MAX_BESIDE = 7
"""With more classes than this a labelled matrix wants the whole width of the page."""

_LONGEST = 16  # Characters of a label.
_MAX_HEAT = 0.62  # So that the number in a cell stays readable on the darkest one, in light and in dark.


def confusion_matrix(confusion: NDArray[Any], classes: tuple[str, ...]) -> str:
    """An SVG of (k, k) counts: a row for each true class, shaded by its share of that row."""
    k = len(classes)
    labelled = k <= MAX_LABELLED
    shares = row_shares(confusion)
    cells = [
        _cell(i, j, int(confusion[i, j]), float(shares[i, j]), classes, labelled)
        for i, j in np.argwhere(confusion > 0).tolist()
    ]
    side = (min(104, 400 // k) if k <= MAX_BESIDE else max(30, 520 // k)) * k if labelled else 420
    right = float(np.trace(confusion) / max(confusion.sum(), 1))
    label = f"Confusion matrix of {k} classes, {percent(right)} on the diagonal"
    frame = '<rect class="frame" x="0" y="0" width="100%" height="100%"/>'
    names = "".join(_names(i, classes) for i in range(k)) + _titles(classes) if labelled else ""
    svg = (
        f'<svg class="confusion {"is-labelled" if labelled else "is-dense"}" role="img" aria-label="{escape(label)}" '
        f'width="{side}" height="{side}">{frame}{"".join(cells)}{names}</svg>'
    )
    return f'<div class="frame-confusion" style="padding: {_room(classes) if labelled else "0"}">{svg}</div>'


def row_shares(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """(k, k) counts as shares of their row; an empty row stays 0."""
    totals = confusion.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = confusion / np.maximum(totals, 1)
    return shares


def most_confused(confusion: NDArray[Any], *, at_most: int = 12) -> list[tuple[int, int, int, float]]:
    """The most frequent mistakes: (truth, prediction, count, share of the true class), largest first."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    shares = row_shares(confusion)
    order = np.lexsort((-shares.ravel(), -wrong.ravel()))[:at_most]
    pairs = [divmod(int(cell), wrong.shape[0]) for cell in order]
    return [(i, j, int(wrong[i, j]), float(shares[i, j])) for i, j in pairs if wrong[i, j] > 0]


def _cell(i: int, j: int, n: int, share: float, classes: tuple[str, ...], labelled: bool) -> str:
    k = len(classes)
    x, y, side = place(100 * j / k), place(100 * i / k), place(100 / k)
    heat = place(max(0.05, _MAX_HEAT * share) if labelled else max(0.12, share))
    kind = "hit" if i == j else "miss"
    title = f"{classes[i]} taken for {classes[j]}" if i != j else f"{classes[i]} recognised"
    texts = (
        (((-3, "n", str(n)), (14, "share", percent(share))) if k <= 4 else ((4.5, "n", str(n)),)) if labelled else ()
    )
    number = "".join(
        f'<text class="{name}" x="{place(100 * (j + 0.5) / k)}%" y="{place(100 * (i + 0.5) / k)}%" dy="{dy}" '
        f'text-anchor="middle">{text}</text>'
        for dy, name, text in texts
    )
    return (
        f"<g><title>{escape(title)}: {n} ({percent(share)})</title>"
        f'<rect class="{kind}" x="{x}%" y="{y}%" width="{side}%" height="{side}%" fill-opacity="{heat}"/>{number}</g>'
    )


def _names(i: int, classes: tuple[str, ...]) -> str:
    name, k = classes[i], len(classes)
    at = 100 * (i + 0.5) / k
    short = escape(shortened(name, _LONGEST))
    full = f"<title>{escape(name)}</title>"
    slant = ' transform="rotate(-38)"' if _is_slanted(classes) else ""
    anchor = "start" if slant else "middle"
    left = f'<text x="-9" y="4" text-anchor="end">{short}{full}</text>'
    above = f'<text y="-9" text-anchor="{anchor}"{slant}>{short}{full}</text>'
    return hanging(0, at, left) + hanging(at, 0, above)


def _titles(classes: tuple[str, ...]) -> str:
    top, left = _above(classes), _left(classes)
    predicted = f'<text class="axis-title" y="{12 - top}" text-anchor="middle">predicted</text>'
    truth = f'<text class="axis-title" x="0" y="{12 - left}" transform="rotate(-90)" text-anchor="middle">truth</text>'
    return hanging(50, 0, predicted) + hanging(0, 50, truth)


def _room(classes: tuple[str, ...]) -> str:
    """The padding, in px, that the labels around the matrix need."""
    right = int(0.75 * _label_width(classes)) if _is_slanted(classes) else 4
    return f"{_above(classes)}px {right}px 4px {_left(classes)}px"


def _left(classes: tuple[str, ...]) -> int:
    return 38 + _label_width(classes)


def _above(classes: tuple[str, ...]) -> int:
    return 40 + int(0.62 * _label_width(classes)) if _is_slanted(classes) else 46


def _is_slanted(classes: tuple[str, ...]) -> bool:
    return len(classes) > 5 or any(len(name) > 10 for name in classes)


def _label_width(classes: tuple[str, ...]) -> int:
    # Wide scripts take about twice the room of Latin letters.
    short = [shortened(name, _LONGEST) for name in classes]
    return max((sum(13 if ord(letter) > 0x2E7F else 7 for letter in name) for name in short), default=0)
