"""Sounds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.audio_file import AUDIO_SUFFIXES, UnreadableAudioError, open_audio, read_audio, resampled
from headstart.data.content_digest import content_digest
from headstart.data.finding import Finding, counted
from headstart.data.modalities.modality import Look
from headstart.data.raw_file import UnreadableError, read_bytes

if TYPE_CHECKING:
    from headstart.data.audit import Audit

NAME, NOUN, SUFFIXES = "audio", "clip", AUDIO_SUFFIXES
MEASURES = ("seconds", "rate", "channels", "peak", "rms", "clipped")
SIZE = ("duration", "seconds")

RATE = 22_050
"""Samples a second for classic backbones that do not say otherwise."""
SILENT_PEAK = 10 ** (-60 / 20)
"""A clip that never gets louder than -60 dB below full scale holds nothing to learn from."""
CLIPPED_SHARE = 0.001
"""With a larger share of samples at full scale the recording was too loud for its microphone or file."""
SHORT_SECONDS = 0.1
"""A shorter clip says little to a backbone."""

MIN_LIKENESS = 0.95
"""Correlation of two outlines; the same word said twice by one speaker reaches it too, now and then."""
MIN_WAVE_LIKENESS = 0.965
"""Correlation of the waves at their best lag. Copies keep their phase, 0.975 after Opus; a word said again does not,
and stays below 0.955 in 3,000 spoken digits."""

_N_BANDS, _N_STEPS = 16, 32
_LOW_HZ, _HIGH_HZ = 150.0, 3400.0  # what telephone copies keep, too
_FRAME_SECONDS = 0.032
_FLOOR, _ON = 10**-3.5, 10**-2.5  # -35 dB and -25 dB of the loudest: below lies the noise of codecs
_WAVE_RATE, _WAVE_SAMPLES = 4_000, 2_048
_LAG_STEPS = 4  # to a sample: at 4 kHz a copy may lie between two of them
_SLACK_SHARE, _SLACK_SECONDS = 0.05, 0.05
_BLOCK_ROWS, _BLOCK_PAIRS, _MAX_PARTNERS = 512, 1_024, 64


@dataclass(frozen=True, eq=False)
class _Imprint:
    """What copies of a recording share, whatever their rate, loudness and format.

    Args:
        seconds: how long it sounds, from the first to the last loud frame.
        outline: (512,) levels of 16 bands in 32 steps of time, of mean 0 and length 1.
        wave: (2048,) half a second around the centre of its energy at 4 kHz, tapered.
    """

    seconds: float
    outline: NDArray[np.float16]
    wave: NDArray[np.int8]


def open_example(source: Any, *, rate: int = RATE) -> NDArray[np.float32]:
    """(n_samples,) float32: one channel at ``rate`` samples a second."""
    return open_audio(source, rate=rate)


def look(source: Any) -> Look:
    """Read one clip: a path, the bytes of a file, or a pair (samples, rate)."""
    content = _content(source)
    sound, facts = read_audio(content)
    measures = (facts.seconds, facts.rate, facts.channels, facts.peak, facts.rms, facts.clipped)
    return Look(_digest(content), measures, _imprint(sound, facts.rate))


def digest(source: Any) -> bytes:
    """sha256 of the file's bytes, or of the samples and their rate."""
    content = _content(source)
    if not isinstance(content, bytes | bytearray | memoryview):
        read_audio(content)  # refuses what is no pair (samples, rate)
    return _digest(content)


def _content(source: Any) -> Any:
    if not isinstance(source, str | os.PathLike):
        return source
    try:
        return read_bytes(source)
    except UnreadableError as error:
        raise UnreadableAudioError(error.source, error.reason) from error.__cause__


def _digest(content: Any) -> bytes:
    if isinstance(content, bytes | bytearray | memoryview):
        return content_digest(content)
    samples, rate = content
    return sha256(f"audio {float(rate)} ".encode() + content_digest(np.asarray(samples))).digest()


def near_pairs(imprints: Sequence[Any]) -> NDArray[np.int64]:
    """Resampled, re-encoded, louder or padded copies; the same words said again are none."""
    found = [np.empty((0, 2), dtype=np.int64)]
    if len(imprints):
        waves = np.stack([imprint.wave for imprint in imprints])
        for pairs in _alike_outlines(imprints):
            for start in range(0, len(pairs), _BLOCK_PAIRS):
                block = pairs[start : start + _BLOCK_PAIRS]
                found.append(block[_wave_likeness(waves[block[:, 0]], waves[block[:, 1]]) >= MIN_WAVE_LIKENESS])
    return np.concatenate(found)


def sizes(audit: Audit) -> NDArray[np.float64]:
    """Seconds."""
    return audit.measures["seconds"]


def findings(audit: Audit) -> list[Finding]:
    """Clips that are silent, clipped or very short, rates that differ, and how long the clips are."""
    rows = np.flatnonzero(audit.readable)
    seconds, rate, peak, clipped = (audit.measures[name][rows] for name in ("seconds", "rate", "peak", "clipped"))
    found = [
        *_warning(audit, "silent", rows[peak < SILENT_PEAK], "silent", "peak below -60 dB of full scale"),
        *_warning(audit, "clipped", rows[clipped > CLIPPED_SHARE], "clipped", "over 0.1 % of samples at full scale"),
        *_warning(audit, "short", rows[seconds < SHORT_SECONDS], "very short", f"under {SHORT_SECONDS} seconds"),
    ]
    rates, counts = np.unique(rate, return_counts=True)
    if len(rates) > 1:
        most = np.argsort(-counts, kind="stable")[:4]
        listed = ", ".join(f"{rates[place]:,.0f} Hz ({counts[place]:,})" for place in most)
        text = (
            f"Clips come at {len(rates)} sample rates, {listed}{' ...' if len(rates) > 4 else ''}: all are resampled, "
            "but a rate that goes with a class gives it away."
        )
        found.append(Finding("rates", "warning", text))
    low, middle, high = np.quantile(seconds, (0, 0.5, 1))
    text = f"Clips last from {low:,.2f} to {high:,.2f} seconds (median {middle:,.2f})."
    found.append(Finding("sizes", "note", text))
    return found


def _warning(audit: Audit, kind: str, rows: NDArray[np.int64], what: str, why: str) -> list[Finding]:
    if not len(rows):
        return []
    text = f"{counted(len(rows), NOUN, 'is', 'are')} {what} ({why}): {audit.named(rows)}."
    return [Finding(kind, "warning", text, tuple(rows.tolist()))]


def _imprint(sound: NDArray[np.float32], rate: int) -> _Imprint | None:
    """None for a clip without anything to be compared by: silence, or a constant."""
    peak = float(np.abs(sound).max())
    if peak < SILENT_PEAK:
        return None
    energy, hop_seconds = _band_energy(sound / np.float32(peak), rate)  # (n_frames, bands)
    level = energy.sum(axis=1)
    if not level.max() > 0:
        return None
    on = np.flatnonzero(level > level.max() * _ON)
    energy = energy[on[0] : on[-1] + 1]
    outline = _outline(energy)
    length = float(np.linalg.norm(outline))
    if length < 1e-3:
        return None
    return _Imprint(len(energy) * hop_seconds, (outline / length).astype(np.float16), _wave(sound, rate))


def _band_energy(sound: NDArray[np.float32], rate: int) -> tuple[NDArray[np.float32], float]:
    """(n_frames, bands) energies, and the seconds from one frame to the next."""
    from scipy.fft import next_fast_len, rfft

    n_frame = round(_FRAME_SECONDS * rate)
    n_fft = next_fast_len(n_frame, real=True)
    # Short clips are looked at more closely, so that each step of the outline has frames of its own.
    hop = max(1, round(min(max(len(sound) / rate / (4 * _N_STEPS), 0.004), 0.016) * rate))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, n_frame // 2 + 1), n_frame)[::hop]
    window = np.hanning(n_frame).astype(np.float32)
    weights = _bands(rate, n_fft)
    energy = np.empty((len(frames), _N_BANDS), dtype=np.float32)
    for start in range(0, len(frames), _BLOCK_ROWS):
        spectrum = rfft(frames[start : start + _BLOCK_ROWS] * window, n_fft, axis=1)[:, : len(weights)]
        energy[start : start + _BLOCK_ROWS] = (spectrum.real**2 + spectrum.imag**2) @ weights
    return energy, hop / rate


@lru_cache(maxsize=16)
def _bands(rate: int, n_fft: int) -> NDArray[np.float32]:
    """(frequencies up to the highest band, bands) triangles, evenly spaced in mel."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, _N_BANDS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(n_fft, 1 / rate)
    hz = hz[hz <= _HIGH_HZ][:, None]
    rising = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _outline(energy: NDArray[np.float32]) -> NDArray[np.float64]:
    """(bands * steps,) decibels of mean 0: the energies of ``energy`` averaged over equal parts of its time."""
    total = np.concatenate([np.zeros((1, _N_BANDS)), np.cumsum(energy, axis=0, dtype=np.float64)])
    ends = np.linspace(0, len(energy), _N_STEPS + 1)
    whole = np.minimum(ends.astype(np.intp), len(energy) - 1)
    until = total[whole] + (total[whole + 1] - total[whole]) * (ends - whole)[:, None]
    steps = np.diff(until, axis=0)  # (steps, bands)
    decibels = 10 * np.log10(np.maximum(steps, steps.max() * _FLOOR)).ravel()
    return np.asarray(decibels - decibels.mean())


def _wave(sound: NDArray[np.float32], rate: int) -> NDArray[np.int8]:
    """Around the centre of energy, which stays where it is when silence is added or the loudness changes."""
    power = np.square(sound, dtype=np.float64)
    centre = float(power @ np.arange(len(sound)) / power.sum())
    reach = 0.625 * _WAVE_SAMPLES / _WAVE_RATE * rate
    first, last = round(centre - reach), round(centre + reach)
    part = np.pad(sound[max(first, 0) : last], (max(-first, 0), max(last - len(sound), 0)))
    low = resampled(part, rate, _WAVE_RATE)
    start = (len(low) - _WAVE_SAMPLES) // 2
    tapered = low[start : start + _WAVE_SAMPLES] * np.hanning(_WAVE_SAMPLES)
    return np.rint(tapered * (127 / max(float(np.abs(tapered).max()), 1e-12))).astype(np.int8)


def _alike_outlines(imprints: Sequence[Any]) -> Iterator[NDArray[np.int64]]:
    """(m, 2) positions whose outlines correlate, a block at a time; of very many the most alike."""
    seconds = np.array([imprint.seconds for imprint in imprints])
    order = np.argsort(seconds, kind="stable")
    ordered = seconds[order]
    outlines = np.stack([imprints[place].outline for place in order])
    for start in range(0, len(order), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(order))
        longest = ordered[stop - 1] * (1 + _SLACK_SHARE) + _SLACK_SECONDS
        end = int(np.searchsorted(ordered, longest, side="right"))
        likeness = outlines[start:stop].astype(np.float32) @ outlines[start:end].astype(np.float32).T
        likeness[np.tril_indices(stop - start)] = -1  # each pair once, and none with itself
        left, right = np.nonzero(_nearest(likeness) & (likeness >= MIN_LIKENESS))
        if len(left):
            pairs = order[np.stack([left + start, right + start], axis=1)]
            yield np.sort(pairs, axis=1).astype(np.int64)


def _nearest(likeness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True where a row's likeness is among its largest, so that a set of look-alikes stays payable."""
    if likeness.shape[1] <= _MAX_PARTNERS:
        return np.ones(likeness.shape, dtype=bool)
    crowded = np.flatnonzero((likeness >= MIN_LIKENESS).sum(axis=1) > _MAX_PARTNERS)
    is_near = np.ones(likeness.shape, dtype=bool)
    for row in crowded:
        is_near[row] = False
        is_near[row, np.argpartition(-likeness[row], _MAX_PARTNERS)[:_MAX_PARTNERS]] = True
    return is_near


def _wave_likeness(left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.float32]:
    """(m,) the largest correlation over all lags, and over both signs: a turned cable makes no new recording."""
    from scipy.fft import irfft, rfft

    n = 2 * _WAVE_SAMPLES
    first, second = (side.astype(np.float32) for side in (left, right))
    product = rfft(first, n, axis=1) * np.conj(rfft(second, n, axis=1))
    lags = irfft(product, _LAG_STEPS * n, axis=1) * np.float32(_LAG_STEPS)  # finer than a sample
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    likeness: NDArray[np.float32] = np.abs(lags).max(axis=1) / np.maximum(scale, 1e-6)
    return likeness
