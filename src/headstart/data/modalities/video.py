"""Clips of video."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.finding import Finding, counted
from headstart.data.modalities.modality import Look
from headstart.data.near_duplicates import near_duplicates
from headstart.data.perceptual_hash import perceptual_hash, thumbnail
from headstart.data.raw_file import UnreadableError, read_bytes
from headstart.data.video_file import VIDEO_SUFFIXES, UnreadableVideoError, open_frames, probe_video

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN, SUFFIXES = "video", "video", VIDEO_SUFFIXES
MEASURES = ("seconds", "rate", "width", "height")
SIZE = ("duration", "seconds")

SHORT_SECONDS = 0.2
"""A clip shorter than this is hardly more than a picture."""
_LOOKED_AT = 3
"""Frames by which copies are told."""


def open_example(source: Any, *, n_frames: int) -> Any:
    """Its frames, evenly spread."""
    return open_frames(source, n_frames=n_frames)


def look(source: Any) -> Look:
    """Decode a few frames of one clip: a path, or the bytes of a file."""
    data = _bytes(source)
    facts = probe_video(data)
    frames = [thumbnail(frame) for frame in open_frames(data, n_frames=_LOOKED_AT)]
    return Look(sha256(data).digest(), (facts.seconds, facts.rate, facts.width, facts.height), np.stack(frames))


def digest(source: Any) -> bytes:
    """sha256 of the file."""
    return sha256(_bytes(source)).digest()


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """Clips of which the first, the middle and the last frame look alike."""
    if not len(imprints):
        return np.empty((0, 2), dtype=np.int64)
    frames = np.stack(imprints)  # (n, 3, bytes)
    shared: set[tuple[int, int]] | None = None
    for place in range(frames.shape[1]):
        own = np.ascontiguousarray(frames[:, place])
        pairs = {(int(a), int(b)) for a, b in near_duplicates(own, perceptual_hash(own))}
        shared = pairs if shared is None else shared & pairs
    return np.array(sorted(shared or ()), dtype=np.int64).reshape(-1, 2)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Seconds."""
    return audit.measures["seconds"]


def findings(audit: Audit) -> list[Finding]:
    """Very short clips, and how long and large they are."""
    rows = np.flatnonzero(audit.readable)
    seconds = audit.measures["seconds"][rows]
    short = rows[(seconds > 0) & (seconds < SHORT_SECONDS)]
    found = []
    if len(short):
        who = counted(len(short), NOUN, "is", "are")
        text = f"{who} shorter than {SHORT_SECONDS} seconds: {audit.named(short)}."
        found.append(Finding("short", "warning", text, tuple(short.tolist())))
    width, height = (int(np.median(audit.measures[name][rows])) for name in ("width", "height"))
    text = (
        f"Videos last from {seconds.min():.2f} to {seconds.max():.2f} seconds (median {np.median(seconds):.2f}); "
        f"frames measure {width} x {height} pixels in the middle."
    )
    found.append(Finding("sizes", "note", text))
    return found


def _bytes(source: Any) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        return read_bytes(source)
    except UnreadableError as error:
        raise UnreadableVideoError(error.source, error.reason) from error.__cause__
