"""From a figure to a place on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps ``low..high`` to 0..100 per cent of an axis; ``ticks`` lie within."""

    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Per cent along the axis, kept within 0..100; ``value`` must be finite."""
        low, high, here = (
            (math.log(max(v, 1e-12)) for v in (self.low, self.high, value))
            if self.is_log
            else (self.low, self.high, value)
        )
        return min(100.0, max(0.0, 100.0 * (here - low) / (high - low)))


def linear_scale(
    values: Iterable[float], *, floor: float = -math.inf, ceiling: float = math.inf, n_ticks: int = 5
) -> Scale:
    """A scale around the finite ``values`` that ends on round numbers and stays between ``floor`` and ``ceiling``."""
    finite = [float(v) for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = max(min(finite), floor), min(max(finite), ceiling)
    if high - low < 1e-9:
        low, high = max(low - 0.05, floor), min(high + 0.05, ceiling)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / n_ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(i * step, 12) for i in range(first, last + 1))
    return Scale(max(ticks[0], floor), min(ticks[-1], ceiling), tuple(t for t in ticks if floor <= t <= ceiling))


def log_scale(values: Iterable[float], *, n_ticks: int = 8) -> Scale:
    """A logarithmic scale around the positive finite ``values``, with ticks at 1, 2 and 5 times powers of ten."""
    finite = [float(v) for v in values if math.isfinite(v) and v > 0] or [1.0, 10.0]
    low, high = min(finite), max(finite)
    if high / low < 1.2:
        low, high = low / 1.5, high * 1.5
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [m * 10.0**e for e in exponents for m in (1, 2, 5) if low * 0.999 <= m * 10.0**e <= high * 1.001]
    if len(ticks) > n_ticks:
        ticks = [t for t in ticks if math.isclose(math.log10(t), round(math.log10(t)))]
    return Scale(low, high, tuple(ticks), is_log=True)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= step * 0.999)
