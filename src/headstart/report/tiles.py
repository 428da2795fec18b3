"""Examples side by side: each shown, with a caption and the end of its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headstart.report.markup import ending, escape
from headstart.report.previews import preview
from headstart.report.record import Thumb

MAX_TILES = 24
"""More examples than this would make the page heavy; the first ones are shown."""
NAME_CHARACTERS = 22
"""Of a name this much fits under a picture."""


def gallery(thumbs: Sequence[Thumb], caption: Callable[[Thumb], str]) -> str:
    """Markup of the first :data:`MAX_TILES` examples.

    Args:
        thumbs: what to show.
        caption: markup that stands between an example and its name.
    """
    return f'<ul class="gallery">{"".join(_tile(thumb, caption(thumb)) for thumb in thumbs[:MAX_TILES])}</ul>'


def truth_caption(thumb: Thumb, beside: str = "") -> str:
    """Markup of the label, and of what stands beside it."""
    return f'<span class="truth" title="label">{escape(thumb.truth)}{beside}</span>'


def _tile(thumb: Thumb, caption: str) -> str:
    shown = preview(thumb.example, thumb.kind, thumb.id)
    return (
        f'<li><figure><div class="picture">{shown}</div><figcaption>{caption}'
        f'<span class="id" title="{escape(thumb.id)}">{escape(ending(thumb.id, NAME_CHARACTERS))}</span>'
        "</figcaption></figure></li>"
    )
