"""One clip of video: some of its frames, evenly spread in time, upright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from headstart.data.raw_file import UnreadableError, one_line, read_bytes, source_name
from headstart.errors import MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

VIDEO_SUFFIXES = frozenset(".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .3gp".split())
"""File name endings, in lower case, that are taken for video."""
MOST_SECONDS = 6 * 3600
MOST_PIXELS = 64_000_000
"""A frame that claims more is refused before it is decoded."""
WORTH_A_JUMP_SECONDS = 4.0
"""Where the next wanted frame is farther ahead than this, the decoder jumps instead of going through all between."""


class UnreadableVideoError(UnreadableError):
    """A clip is missing, empty, damaged, holds no pictures, or is too long.

    Args:
        source: the path, or a description of the bytes.
        reason: what is wrong, a predicate in words.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "open_frames", "a whole clip of video")


@dataclass(frozen=True)
class VideoFacts:
    """What the header says.

    Args:
        seconds: duration; 0 where unsaid.
        rate: frames a second.
        width: pixels of a frame as it lies in the file.
        height: pixels of a frame as it lies in the file.
    """

    seconds: float
    rate: float
    width: int
    height: int


def open_frames(source: Any, *, n_frames: int) -> list[Image]:
    """``n_frames`` pictures in mode "RGB", from the middles of so many equal parts of the clip.

    A clip with fewer frames gives some of them more than once.

    Args:
        source: a path, or the bytes of a file.
        n_frames: how many.

    Raises:
        UnreadableVideoError: an :class:`~headstart.errors.InputError` of one line for anything without frames.
        MissingExtraError: PyAV is missing.
    """
    with _opened(source) as (container, stream, facts):
        wanted = [facts.seconds * (place + 0.5) / n_frames for place in range(n_frames)]
        frames = _shown_at(container, stream, wanted, facts) if facts.seconds else _spread(container, stream, n_frames)
        pictures = [_upright(frame) for frame in frames]
    if not pictures:
        raise UnreadableVideoError(source_name(source), "holds no frame that can be decoded")
    return [pictures[min(place, len(pictures) - 1)] for place in range(n_frames)]


def probe_video(source: Any) -> VideoFacts:
    """What the header of a clip says.

    Raises:
        UnreadableVideoError: it is no clip.
    """
    with _opened(source) as (_, _, facts):
        return facts


@contextmanager
def _opened(source: Any) -> Iterator[tuple[Any, Any, VideoFacts]]:
    try:
        import av
        from av.error import FFmpegError
    except ImportError as error:
        raise MissingExtraError("open_frames", "av", "video") from error
    name = source_name(source)
    try:
        data = source if isinstance(source, bytes | bytearray | memoryview) else read_bytes(source)
    except UnreadableError as error:
        raise UnreadableVideoError(error.source, error.reason) from error.__cause__
    if not len(data):
        raise UnreadableVideoError(name, "is empty (0 bytes)")
    try:
        with av.open(BytesIO(data), metadata_errors="replace") as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                raise UnreadableVideoError(name, "holds no video")
            facts = _facts(container, stream)
            if facts.seconds > MOST_SECONDS:
                raise UnreadableVideoError(name, f"lasts {facts.seconds:,.0f} seconds, more than {MOST_SECONDS:,}")
            if facts.width * facts.height > MOST_PIXELS:
                raise UnreadableVideoError(name, f"claims {facts.width} x {facts.height} pixels a frame")
            stream.thread_type = "NONE"  # clips are opened side by side already
            yield container, stream, facts
    except (FFmpegError, ValueError, OSError) as error:
        if isinstance(error, UnreadableVideoError):
            raise
        raise UnreadableVideoError(name, f"is damaged or no video ({one_line(error)})") from error


def _facts(container: Any, stream: Any) -> VideoFacts:
    seconds = 0.0
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / 1_000_000
    rate = float(stream.average_rate or 0)
    return VideoFacts(max(0.0, seconds), rate, int(stream.width or 0), int(stream.height or 0))


def _shown_at(container: Any, stream: Any, wanted: list[float], facts: VideoFacts) -> list[Any]:
    """For each of the ``wanted`` times the first frame that is shown then or later, else the last one there is."""
    start = float((stream.start_time or 0) * stream.time_base)
    shown_seconds = 1 / facts.rate if facts.rate else 0.0
    found: list[Any] = []
    frames, until, last = container.decode(stream), 0.0, None
    for time in wanted:
        if time - until > WORTH_A_JUMP_SECONDS:
            container.seek(int((time + start) / stream.time_base), stream=stream, backward=True)
            frames = container.decode(stream)
        while until <= time + 1e-6 or last is None:
            frame = next(frames, None)
            if frame is None:
                break
            last, until = frame, (frame.time or 0.0) - start + shown_seconds
        if last is not None:
            found.append(last)
    return found


def _spread(container: Any, stream: Any, n_frames: int) -> list[Any]:
    """Of a clip that does not say how long it is: all frames are decoded, every second one dropped when too many."""
    kept: list[Any] = []
    step = 1
    for number, frame in enumerate(container.decode(stream)):
        if number % step == 0:
            kept.append(frame)
        if len(kept) >= 16 * n_frames:
            kept, step = kept[::2], 2 * step
    return [kept[int(len(kept) * (place + 0.5) / n_frames)] for place in range(n_frames)] if kept else []


def _upright(frame: Any) -> Image:
    picture: Image = frame.to_image()
    turn = int(getattr(frame, "rotation", 0) or 0)
    return picture.rotate(turn, expand=True) if turn else picture
