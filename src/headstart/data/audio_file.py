"""Open one sound as it is in the wild: whole or refused, one channel, at the rate that is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.raw_file import UnreadableError, one_line, read_bytes, source_name
from headstart.errors import InputError, MissingExtraError

AUDIO_SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au".split())
"""File name endings, in lower case, that are taken for sounds; .m4a and .wma cannot be decoded."""

MAX_SECONDS = 4 * 3600
"""A longer sound, or a header that claims one, is refused."""

MAX_SAMPLES = MAX_SECONDS * 48_000
"""Samples of one channel that are taken into memory at most (2.8 GB)."""

MIN_RATE, MAX_RATE = 1_000, 768_000
"""Samples a second; a header outside is taken for damaged."""

_FORMATS = frozenset("WAV WAVEX RF64 FLAC OGG MP3 AIFF AU".split())
_MAX_CHANNELS = 64
_MAX_PEAK = 32.0  # full scale is 1: 30 dB over it is no sound but integers in a float file
_BLOCK_SAMPLES = 1 << 20
_CLIPPED = 1 - 2.0**-15  # the largest 16-bit sample; lossy files that were clipped lie around it
_CLIPPED_8_BIT = 1 - 2.0**-7
_UNKNOWN_BYTES = 0x7FFF0000  # what recorders that cannot go back write for the size of the samples, or more
_SLACK_BYTES = 64  # writers that count their header wrongly lose no sound

Sound = NDArray[np.float32]


class UnreadableAudioError(UnreadableError):
    """A sound is missing, empty, damaged, no sound, or too long.

    Args:
        source: the path, or a description of the bytes or samples.
        reason: what is wrong, a predicate in words such as "is empty (0 bytes)".
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "open_audio", "a whole sound")


@dataclass(frozen=True)
class AudioFacts:
    """What is known about a sound once all of it was read.

    Args:
        seconds: how long it lasts.
        rate: samples a second, as it came.
        channels: how many there are.
        peak: largest distance from 0 in any channel; full scale is 1.
        rms: root mean square over all channels.
        clipped: share of samples at full scale, 0..1.
    """

    seconds: float
    rate: int
    channels: int
    peak: float
    rms: float
    clipped: float


def open_audio(source: Any, *, rate: int) -> Sound:
    """The sound in one channel, the mean of all, resampled by soxr at high quality.

    Args:
        source: a path, the bytes of a file, or a pair (samples, rate) with samples (n,) or (n, channels) in float,
            where full scale is 1, or in int8, uint8, int16 or int32, where it is the type's.
        rate: samples a second of the result.

    Returns:
        (n_samples,) float32 in -1..1, which resampling and lossy formats may overshoot a little.

    Raises:
        UnreadableAudioError: an :class:`InputError` of one line for anything that is not a whole, sane sound.
        InputError: ``rate`` is not from 1,000 to 768,000.
        MissingExtraError: soundfile or soxr is missing.
    """
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(
            f"open_audio needs a rate from {MIN_RATE:,} to {MAX_RATE:,} Hz, got {rate!r}. Choose e.g. 16000."
        )
    sound, facts = read_audio(source)
    return resampled(sound, facts.rate, rate)


def probe_audio(source: Any) -> AudioFacts:
    """How long and how loud a sound is; all of it is read.

    Args:
        source: what :func:`open_audio` takes.

    Raises:
        UnreadableAudioError: it is not a whole, sane sound.
    """
    return read_audio(source)[1]


def read_audio(source: Any) -> tuple[Sound, AudioFacts]:
    """The sound in one channel at its own rate, and what is known about it.

    Args:
        source: what :func:`open_audio` takes.

    Raises:
        UnreadableAudioError: it is not a whole, sane sound.
    """
    try:
        if isinstance(source, tuple | np.ndarray):
            return _from_samples(source)
        is_path = isinstance(source, str | os.PathLike)  # a number would be taken for an open file
        if not is_path and not isinstance(source, bytes | bytearray | memoryview):
            raise _Reason("is no path, no bytes and no pair (samples, rate)")
        data = read_bytes(source) if is_path else source
        if not len(data):
            raise _Reason("is empty (0 bytes)")
        return _decode(bytes(data))
    except UnreadableError as error:
        raise UnreadableAudioError(error.source, error.reason) from error.__cause__
    except _Reason as reason:
        raise UnreadableAudioError(_name(source), str(reason)) from None
    except MemoryError as error:
        raise UnreadableAudioError(_name(source), "does not fit into memory") from error


def resampled(sound: Sound, rate: int, new_rate: int) -> Sound:
    """The same sound with ``new_rate`` samples a second.

    Args:
        sound: (n,) samples.
        rate: samples a second now.
        new_rate: samples a second wanted.

    Returns:
        (ceil(n * new_rate / rate),) float32, as ``librosa.load`` gives it.
    """
    if rate == new_rate:
        return sound
    try:
        import soxr
    except (ImportError, OSError) as error:
        raise MissingExtraError("open_audio", "soxr", "audio") from error
    n = ceil(len(sound) * (float(new_rate) / rate))
    found: Sound = soxr.resample(sound, rate, new_rate, quality="HQ")[:n]
    return np.pad(found, (0, n - len(found)))


class _Reason(Exception):
    """Why a sound is refused, before it is known what to call it."""


def _name(source: Any) -> str:
    if isinstance(source, tuple):
        parts = (source_name(part) if isinstance(part, np.ndarray) else repr(part)[:40] for part in source)
        return f"({', '.join(parts)})"[:200]
    return source_name(source)


def _decode(data: bytes) -> tuple[Sound, AudioFacts]:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # an OSError where the C library is missing
        raise MissingExtraError("open_audio", "soundfile", "audio") from error
    try:
        file = soundfile.SoundFile(BytesIO(data))
    except (soundfile.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        raise _Reason(_no_sound(data, error)) from error
    with file:
        if file.format not in _FORMATS:
            raise _Reason(f"is a {file.format} file, no sound of a known kind (WAV, FLAC, Ogg, MP3, AIFF, AU)")
        n_claimed = file.frames
        _check_claims(file.samplerate, file.channels, n_claimed)
        if _is_cut_short(data):
            raise _Reason("is truncated (it holds less than its header says)")
        is_8_bit = file.subtype in ("PCM_S8", "PCM_U8")
        sound, facts = _measured(
            _blocks(file, soundfile), file.samplerate, file.channels, _CLIPPED_8_BIT if is_8_bit else _CLIPPED
        )
    # MP3 files without a table of contents only guess how long they are.
    is_sure = file.format != "MP3" or any(tag in data[:65536] for tag in (b"Xing", b"Info", b"VBRI"))
    if is_sure and len(sound) < n_claimed:
        raise _Reason(f"is truncated ({len(sound):,} of {n_claimed:,} samples)")
    return sound, facts


def _no_sound(data: bytes, error: Exception) -> str:
    if data[4:8] == b"ftyp":
        return "is an MPEG-4 file, which cannot be decoded; convert it to FLAC or MP3"
    what = one_line(error).rpartition(">: ")[2] or "cannot be opened"
    if data.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd", b"ID3", b"\xff\xfb")):
        return f"has a damaged header ({what.rstrip('.')})"
    return "is no sound of a known kind (WAV, FLAC, Ogg, MP3, AIFF, AU)"


def _check_claims(rate: float, channels: int, n: int) -> None:
    if not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
        raise _Reason(f"has a damaged header (a rate of {rate:,} Hz, not a whole number from 1,000 to 768,000)")
    if not 1 <= channels <= _MAX_CHANNELS:
        raise _Reason(f"has a damaged header ({channels} channels, more than the {_MAX_CHANNELS} allowed)")
    if n > 1 << 62:
        raise _Reason("has a damaged header (it does not say how long it is)")
    if n > min(MAX_SECONDS * rate, MAX_SAMPLES):
        raise _Reason(f"claims {n / rate / 3600:,.1f} hours at {rate:,.0f} Hz, more than the 4 at 48,000 Hz allowed")


def _is_cut_short(data: bytes) -> bool:
    """True where a container says how many bytes of samples follow, and they do not; libsndfile hides that."""
    kind = data[:4]
    if kind == b"OggS":
        page = data.rfind(b"OggS")
        n_segments = data[page + 26] if page + 26 < len(data) else 255
        table = data[page + 27 : page + 27 + n_segments]
        return len(table) < n_segments or page + 27 + n_segments + sum(table) > len(data)
    if kind == b".snd":
        missing = _at(data, 4, "big") + _at(data, 8, "big") - len(data)
        return _at(data, 8, "big") < _UNKNOWN_BYTES and missing > _SLACK_BYTES
    if kind == b"RIFF":
        return _ends_after(data, b"data", "little")
    return kind == b"FORM" and _ends_after(data, b"SSND", "big")


def _ends_after(data: bytes, chunk: bytes, order: Any) -> bool:
    place = 12
    while place + 8 <= len(data):
        size = _at(data, place + 4, order)
        if data[place : place + 4] == chunk:
            return size < _UNKNOWN_BYTES and place + 8 + size > len(data) + _SLACK_BYTES
        place += 8 + size + size % 2
    return False


def _at(data: bytes, place: int, order: Any) -> int:
    return int.from_bytes(data[place : place + 4], order)


def _blocks(file: Any, soundfile: Any) -> Iterator[Sound]:
    # In blocks, so that a header that lies about the length never decides how much memory is taken.
    step = max(1, _BLOCK_SAMPLES // file.channels)
    while True:
        try:
            block = file.read(step, dtype="float32", always_2d=True)  # (step, channels)
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise _Reason(f"is damaged or truncated ({one_line(error).rstrip('.')})") from error
        if not len(block):
            return
        yield block


def _measured(blocks: Iterator[Sound], rate: float, channels: int, full: float) -> tuple[Sound, AudioFacts]:
    mono: list[Sound] = []
    peak, energy, n_clipped = 0.0, 0.0, 0
    for block in blocks:
        strength = np.abs(block)
        loudest = float(strength.max())  # NaN where any sample is
        if not np.isfinite(loudest):
            raise _Reason("holds samples that are not finite")
        peak = max(peak, loudest)
        if peak > _MAX_PEAK:
            raise _Reason(f"holds samples up to {peak:,.0f}, and full scale is 1")
        energy += float(np.square(strength, dtype=np.float64).sum())
        n_clipped += int((strength >= full).sum()) if loudest >= full else 0
        mono.append(block[:, 0] if channels == 1 else block.mean(axis=1, dtype=np.float32))
    n = sum(map(len, mono))
    if not n:
        raise _Reason("holds no samples")
    sound = np.ascontiguousarray(mono[0] if len(mono) == 1 else np.concatenate(mono))
    total = n * channels
    return sound, AudioFacts(n / rate, int(rate), channels, peak, float(np.sqrt(energy / total)), n_clipped / total)


def _from_samples(source: Any) -> tuple[Sound, AudioFacts]:
    if not isinstance(source, tuple) or len(source) != 2 or not isinstance(source[1], int | float | np.number):
        raise _Reason("is no pair (samples, rate)")
    samples, rate = _array(source[0]), float(source[1])
    if samples.ndim not in (1, 2):
        raise _Reason("is not (n,) or (n, channels)")
    if not samples.size:
        raise _Reason("holds no samples")
    table = samples.reshape(len(samples), -1)
    if table.shape[1] > _MAX_CHANNELS:
        raise _Reason(f"has {table.shape[1]:,} channels, more than the {_MAX_CHANNELS} allowed (channels come last)")
    _check_claims(rate, table.shape[1], len(table))
    is_8_bit = samples.dtype.kind in "iu" and samples.dtype.itemsize == 1
    return _measured(_scaled_blocks(table), rate, table.shape[1], _CLIPPED_8_BIT if is_8_bit else _CLIPPED)


def _array(values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise _Reason("is not (n,) or (n, channels)") from error


def _scaled_blocks(table: NDArray[Any]) -> Iterator[Sound]:
    scale, zero = _full_scale(table.dtype)
    for start in range(0, len(table), _BLOCK_SAMPLES):
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
            yield ((table[start : start + _BLOCK_SAMPLES] - zero) / scale).astype(np.float32)


def _full_scale(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """(full scale, zero) of a type of samples, as floats that hold its values."""
    if dtype.kind == "f":
        return dtype.type(1), dtype.type(0)
    if dtype == np.uint8:
        return np.float32(128), np.float32(128)
    if dtype.kind == "i" and dtype.itemsize <= 4:
        return np.float64(2.0 ** (8 * dtype.itemsize - 1)), np.float64(0)
    raise _Reason(f"holds {dtype}, which is neither float nor int8, uint8, int16 or int32")
