"""Time series: (n_steps,) or (n_steps, n_channels) numbers."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding, counted
from headstart.data.modalities.modality import Look
from headstart.data.series_file import SERIES_SUFFIXES, open_series

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN, SUFFIXES = "series", "series", SERIES_SUFFIXES
MEASURES = ("steps", "channels", "spread")
SIZE = ("length", "steps")


def open_example(source: Any) -> NDArray[np.float32]:
    """(n_steps, n_channels) float32."""
    return open_series(source)


def look(source: Any) -> Look:
    """Read one series."""
    series = open_series(source)
    return Look(_digest(series), (*series.shape, float(series.std(axis=0).max())))


def digest(source: Any) -> bytes:
    """sha256 of the numbers, so that an array and a file that holds it are one."""
    return _digest(open_series(source))


def _digest(series: NDArray[np.float32]) -> bytes:
    return sha256(f"series {series.shape}\0".encode() + series.tobytes()).digest()


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """None: windows that overlap are kept apart by time instead."""
    return np.empty((0, 2), dtype=np.int64)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Steps."""
    return audit.measures["steps"]


def findings(audit: Audit) -> list[Finding]:
    """Lengths and channels, and series in which nothing happens."""
    rows = np.flatnonzero(audit.readable)
    steps, channels = (audit.measures[name][rows] for name in ("steps", "channels"))
    flat = rows[audit.measures["spread"][rows] == 0]
    found = []
    if len(flat):
        who = counted(len(flat), "row", "is", "are")
        found.append(
            Finding(
                "flat", "warning", f"{who} the same from beginning to end: {audit.named(flat)}.", tuple(flat.tolist())
            )
        )
    odd = rows[channels != np.median(channels)]
    if len(odd):
        who = counted(len(odd), "row", "has", "have")
        text = f"{who} another number of channels than the others ({np.median(channels):.0f}): {audit.named(odd)}."
        found.append(Finding("channels", "error", text, tuple(odd.tolist())))
    low, middle, high = np.quantile(steps, (0, 0.5, 1))
    text = (
        f"Series have from {low:,.0f} to {high:,.0f} steps (median {middle:,.0f}), {np.median(channels):.0f} channels."
    )
    return [*found, Finding("sizes", "note", text)]
