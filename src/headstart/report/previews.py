"""One example shown in the page: a picture, the beginning of a text, the outline of a sound, a frame of a video."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.report.markup import escape, shortened
from headstart.report.thumbnails import data_uri

TEXT_CHARACTERS = 220
"""Of a text this much is shown."""
BARS = 48
"""Bars of a sound's outline."""

_MOST_LINES = 4
"""Channels of a series that are drawn."""

_NOTHING = '<span class="no-picture" role="img" aria-label="nothing to show">nothing to show</span>'


def preview(example: Any, kind: str, name: str) -> str:
    """Markup that shows ``example``, or says that there is nothing to show; never raises.

    Args:
        example: a raw example, or None.
        kind: its modality.
        name: what it is called, plain text.
    """
    if example is None:
        return _NOTHING
    shown = {"text": _text, "audio": _sound, "video": _video, "series": _series, "table": _row, "mixed": _parts}.get(
        kind, _picture
    )
    try:
        return shown(example, name) or _NOTHING
    except Exception:  # An example that cannot be shown becomes an empty tile; it must never cost the whole report.
        return _NOTHING


def _picture(example: Any, name: str) -> str | None:
    uri = data_uri(example)
    return f'<img src="{uri}" alt="{escape(name)}" loading="lazy"/>' if uri else None


def _video(example: Any, name: str) -> str | None:
    from headstart.data.video_file import open_frames

    return _picture(np.asarray(open_frames(example, n_frames=1)[0]), name)


def _text(example: Any, name: str) -> str:
    from headstart.data.text_file import text_of

    return f'<blockquote class="snippet">{escape(shortened(text_of(example), TEXT_CHARACTERS))}</blockquote>'


def _series(example: Any, name: str) -> str:
    from headstart.data.series_file import open_series

    series = open_series(example)[:, :_MOST_LINES]  # (n_steps, n_channels)
    low, high = series.min(axis=0), series.max(axis=0)
    heights = 96 - 92 * (series - low) / np.maximum(high - low, 1e-9)
    across = np.linspace(0, 2 * BARS, len(series))
    lines = "".join(
        f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, line, strict=True))}"/>'
        for line in heights.T
    )
    return (
        f'<svg class="outline lines" viewBox="0 0 {2 * BARS} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(name)}, {len(series)} steps">{lines}</svg>'
    )


def _row(example: Any, name: str) -> str:
    cells = "; ".join(f"{column}: {'-' if cell is None else cell}" for column, cell in example.items())
    return f'<blockquote class="snippet">{escape(shortened(cells, TEXT_CHARACTERS))}</blockquote>'


def _parts(example: Any, name: str) -> str:
    order = ("image", "video", "audio", "text", "table")
    there = [part for part in order if example.get(part) is not None]
    return "".join(preview(example[part], part, name) for part in there[:2])


def _sound(example: Any, name: str) -> str:
    from headstart.data.audio_file import open_audio

    sound = np.abs(open_audio(example, rate=8000))  # (n_samples,)
    peaks = np.array([part.max() if len(part) else 0.0 for part in np.array_split(sound, BARS)])
    peaks = peaks / max(float(peaks.max()), 1e-9)
    bars = "".join(
        f'<rect x="{place * 2}" y="{50 - 46 * peak:.1f}" width="1.4" height="{92 * peak + 0.8:.1f}"/>'
        for place, peak in enumerate(peaks)
    )
    seconds = len(sound) / 8000
    return (
        f'<svg class="outline" viewBox="0 0 {2 * BARS} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(name)}, {seconds:.1f} seconds">{bars}</svg>'
    )
