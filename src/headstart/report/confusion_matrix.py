"""Truth against prediction, as a heat map, and as a list where there are too many classes to read one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.report.markup import escape, shortened
from headstart.report.number_text import percent
from headstart.report.plot import place

MAX_LABELLED = 20
"""With more classes than this the cells carry no numbers and the labels go."""

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
    side = max(30, min(64, 420 // k)) * k if labelled else 420
    right = float(np.trace(confusion) / max(confusion.sum(), 1))
    label = f"Confusion matrix of {k} classes, {percent(right)} on the diagonal"
    frame = '<rect class="frame" x="0" y="0" width="100%" height="100%"/>'
    names = "".join(_names(i, name, k) for i, name in enumerate(classes)) if labelled else ""
    return (
        f'<svg class="confusion {"is-labelled" if labelled else "is-dense"}" role="img" aria-label="{escape(label)}" '
        f'width="{side}" height="{side}">{frame}{"".join(cells)}{names}</svg>'
    )


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
    number = (
        f'<text x="{place(100 * (j + 0.5) / k)}%" y="{place(100 * (i + 0.5) / k)}%" dy="4.5" text-anchor="middle">'
        f"{n}</text>"
        if labelled
        else ""
    )
    return (
        f"<g><title>{escape(title)}: {n} ({percent(share)})</title>"
        f'<rect class="{kind}" x="{x}%" y="{y}%" width="{side}%" height="{side}%" fill-opacity="{heat}"/>{number}</g>'
    )


def _names(i: int, name: str, k: int) -> str:
    at = place(100 * (i + 0.5) / k)
    short = escape(shortened(name, 16))
    full = f"<title>{escape(name)}</title>"
    slant = ' transform="rotate(-38)"' if k > 4 or len(name) > 8 else ""
    anchor = "start" if slant else "middle"
    return (
        f'<svg class="hang" x="0" y="{at}%"><text x="-9" y="4" text-anchor="end">{short}{full}</text></svg>'
        f'<svg class="hang" x="{at}%" y="0"><text y="-9" text-anchor="{anchor}"{slant}>{short}{full}</text></svg>'
    )
