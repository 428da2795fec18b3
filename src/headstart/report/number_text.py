"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import datetime

from headstart.types import Score

NOTHING = "–"
"""Stands where a figure does not exist."""


def figure(value: float | None, digits: int = 3) -> str:
    """``value`` with ``digits`` decimals, fewer where it is large.

    >>> figure(0.12345), figure(float("nan")), figure(2345.678), figure(123.456)
    ('0.123', '–', '2,346', '123.5')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
    return f"{value:.2g}" if 0 < abs(value) < 0.5 * 10**-digits else f"{value:.{digits}f}"


def quantity(value: float) -> str:
    """A number of any size to four digits or so.

    >>> quantity(1234567.8), quantity(3.14159), quantity(0.000123456), quantity(100.0)
    ('1,234,568', '3.142', '0.0001235', '100')
    """
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def interval(score: Score) -> str:
    """The interval of ``score``.

    >>> interval(Score(0.9, 0.85, 0.93, ""))
    '0.850 – 0.930'
    """
    return f"{figure(score.low)} – {figure(score.high)}"


def percent(share: float | None) -> str:
    """A share of 0..1 in per cent.

    >>> percent(0.934), percent(0.004), percent(0.0)
    ('93 %', '0.4 %', '0 %')
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 1 or 99 < value < 100 else f"{value:.0f} %"


def count(value: float) -> str:
    """A whole number with thousands set apart.

    >>> count(12345)
    '12,345'
    """
    return f"{int(value):,}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them.

    >>> duration(0.02), duration(4.25), duration(75), duration(7260)
    ('0.02 s', '4.2 s', '1 min 15 s', '2 h 1 min')
    """
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str) -> str:
    """A moment in ISO 8601 to the minute; anything else stays as it is.

    >>> moment("2025-03-14T09:26:53+00:00"), moment("today")
    ('2025-03-14 09:26 UTC', 'today')
    """
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".rstrip()


def tick(value: float) -> str:
    """A number under an axis, as short as it is exact.

    >>> tick(0.30000000000000004), tick(2000.0)
    ('0.3', '2,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 6):g}"
