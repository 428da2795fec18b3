"""The 193 numbers that sounds have long been described by: the cheap classic that a pretrained encoder must beat."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError, MissingExtraError
from headstart.types import BackboneCard

RATE = 22_050
"""Samples a second that clips must come with, as ``librosa.load`` gives them."""

OPEN_SETTINGS = {"rate": RATE}

_N_FFT, _HOP = 2_048, 512
_N_MFCC, _N_CHROMA = 40, 12
_MEDIAN = 31  # frames, and frequencies, over which harmonic and percussive parts are told apart
_OCTAVES, _BINS_PER_OCTAVE = 7, 36
_PITCH_LOW_HZ, _PITCH_HIGH_HZ, _PITCH_THRESHOLD = 150.0, 4000.0, 0.1
_FFT_HZ = np.arange(_N_FFT // 2 + 1) * (RATE / _N_FFT)
_PITCH_ROWS = slice(int(np.argmax(_FFT_HZ >= _PITCH_LOW_HZ)), int(np.argmax(_FFT_HZ >= _PITCH_HIGH_HZ)))
_TUNINGS = 101  # estimates are multiples of a hundredth from -0.5 to 0.5

Real = NDArray[np.float32]

_CARD = BackboneCard(
    name="audio_vector",
    modality="audio",
    dim=193,
    provider="librosa_vector",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    extra="audio",
    input=None,
    weights_id="audio_vector:1-librosa",
)


def cards() -> list[BackboneCard]:
    """The vector of 193 numbers."""
    return [_CARD]


def missing(card: BackboneCard) -> str:
    """What to install where librosa is absent, else ""."""
    return "" if find_spec("librosa") else "librosa is missing. Run: pip install 'headstart[audio]'"


def encode(card: BackboneCard, clips: Sequence[Any]) -> Real:
    """Means over time of 40 MFCC, 12 chroma, 128 mel, 7 spectral contrast and 6 tonnetz values.

    These are the numbers that the plain calls of librosa give, one after the other, but one spectrogram serves all of
    them and filters are kept. A clip shorter than one frame (2,048 samples) is filled up with silence at its end.

    Args:
        card: the card of ``audio_vector``.
        clips: n arrays (n_samples,) float32, at 22,050 samples a second.

    Returns:
        (n, 193) float32, finite for silence, too.

    Raises:
        MissingExtraError: librosa is missing.
        InputError: a clip has another shape.

    Source: McFee et al. 2015, librosa; tonnetz: Harte, Sandler and Gasser 2006.
    """
    if find_spec("librosa") is None:
        raise MissingExtraError("Backbone 'audio_vector'", "librosa", "audio")
    from threadpoolctl import threadpool_limits

    # One by one: on arrays this small threads, those of matrix products too, cost more than they give.
    with threadpool_limits(1, user_api="blas"):
        rows = [_vector(clip) for clip in clips]
    return np.stack(rows) if rows else np.empty((0, card.dim), np.float32)  # (n, 193)


def _vector(clip: Any) -> Real:
    from librosa import power_to_db, stft
    from librosa.feature import spectral_contrast
    from scipy.fft import dct

    sound = np.asarray(clip, dtype=np.float32)
    if sound.ndim != 1:
        raise InputError(
            f"audio_vector needs clips of shape (n_samples,), got {sound.shape}. Use open_audio, rate={RATE}."
        )
    if len(sound) < _N_FFT:
        sound = np.pad(sound, (0, _N_FFT - len(sound)))
    # librosa transforms in double precision, which the contrast of bands without any sound depends on.
    spectrum = stft(sound, n_fft=_N_FFT, hop_length=_HOP)  # (1025, n_frames)
    strength = np.abs(spectrum)
    mel = _mel_filters() @ np.square(strength)  # (128, n_frames)
    # The cosine transform is linear: the mean of its columns is the transform of the mean column.
    cepstrum = dct(power_to_db(mel).mean(axis=1), type=2, norm="ortho")[:_N_MFCC]
    parts = (
        cepstrum,
        _chroma(strength),
        mel.mean(axis=1),
        spectral_contrast(S=strength, sr=RATE).mean(axis=1),
        _tonnetz(_harmonic(spectrum, strength, len(sound))),
    )
    return np.concatenate(parts).astype(np.float32)


def _transformed(sound: Real, n_fft: int, hop: int) -> NDArray[np.complex64]:
    """(n_fft // 2 + 1, n_frames) without a window; ``librosa.stft`` warns about sounds shorter than ``n_fft``."""
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, n_fft // 2), n_fft)[::hop]
    return np.ascontiguousarray(rfft(frames.astype(np.float64), axis=1).T, dtype=np.complex64)


@lru_cache(maxsize=1)
def _mel_filters() -> Any:
    """(128, 1025) sparse: each band reaches over a few frequencies."""
    from librosa.filters import mel
    from scipy.sparse import csr_array

    return csr_array(mel(sr=RATE, n_fft=_N_FFT))


def _chroma(strength: Real) -> Real:
    from librosa.util import normalize

    raw = _chroma_filters(_tuning(strength, _N_CHROMA)) @ strength  # (12, n_frames)
    return np.asarray(normalize(raw, norm=np.inf, axis=0).mean(axis=1))


@lru_cache(maxsize=_TUNINGS)
def _chroma_filters(tuning: float) -> Real:
    from librosa.filters import chroma

    return np.asarray(chroma(sr=RATE, n_fft=_N_FFT, tuning=tuning, n_chroma=_N_CHROMA))


def _tuning(strength: Real, bins_per_octave: int) -> float:
    """How far the pitches of a sound lie off, in parts of a bin; as ``librosa.estimate_tuning``, at its peaks alone.

    Args:
        strength: (1025, n_frames) magnitudes.
        bins_per_octave: of the scale that pitches are held against.
    """
    from librosa import pitch_tuning

    loud = strength.max(axis=0) * np.float32(_PITCH_THRESHOLD)  # (n_frames,)
    below, here, above = (strength[_PITCH_ROWS.start + step : _PITCH_ROWS.stop + step] for step in (-1, 0, 1))
    # A neighbour below the threshold counts as 0 in librosa; a peak is above it and its neighbours then never matter.
    row, column = np.nonzero((here > loud) & (here > below) & (here >= above))
    below, here, above = (part[row, column] for part in (below, here, above))
    curve, slope = above + below - 2 * here, (above - below) / 2
    shift = np.zeros_like(here)
    np.divide(-slope, curve, out=shift, where=np.abs(slope) < np.abs(curve))
    pitch = ((row + _PITCH_ROWS.start + shift) * float(RATE) / _N_FFT).astype(np.float32)
    height = here + 0.5 * slope * shift
    if not len(pitch):
        return 0.0
    return float(pitch_tuning(pitch[height >= np.median(height)], resolution=0.01, bins_per_octave=bins_per_octave))


def _harmonic(spectrum: NDArray[np.complex64], strength: Real, n_samples: int) -> Real:
    """(n_samples,) the sound without its percussive part, as ``librosa.effects.harmonic``."""
    from librosa import istft, magphase
    from librosa.util import softmask

    steady = _median(strength)
    sudden = _median(strength.T).T
    mask = softmask(steady, sudden, power=2.0, split_zeros=True)
    # Rounded as librosa does it: what is left in silence is noise of rounding, and the chroma there is normalised.
    kept = strength * mask * magphase(spectrum)[1]
    return np.asarray(istft(kept, dtype=np.float32, n_fft=_N_FFT, hop_length=_HOP, length=n_samples))


def _median(table: Real) -> Real:
    """Of 31 neighbours in each row, mirrored at the ends; laid end to end, because scipy is ten times as fast there."""
    from scipy.ndimage import median_filter

    reach = _MEDIAN // 2
    padded = np.pad(table, ((0, 0), (reach, reach)), mode="symmetric")
    found: Real = median_filter(padded.ravel(), size=_MEDIAN).reshape(padded.shape)
    return found[:, reach:-reach]


def _tonnetz(sound: Real) -> Real:
    from librosa import stft
    from librosa.feature import tonnetz
    from librosa.util import normalize

    strength = np.abs(stft(sound, n_fft=_N_FFT, hop_length=_HOP))  # (1025, n_frames)
    levels = _constant_q(sound, _tuning(strength, _BINS_PER_OCTAVE))  # (252, n_frames)
    chroma = normalize(_chroma_of_bins() @ levels, norm=np.inf, axis=0)
    # Tonnetz is linear in columns that sum to 1.
    mean = normalize(chroma, norm=1, axis=0).mean(axis=1, keepdims=True)
    return np.asarray(tonnetz(chroma=mean)[:, 0] * mean.sum())


@lru_cache(maxsize=1)
def _chroma_of_bins() -> Real:
    from librosa.filters import cq_to_chroma

    return np.asarray(cq_to_chroma(_OCTAVES * _BINS_PER_OCTAVE, bins_per_octave=_BINS_PER_OCTAVE, n_chroma=_N_CHROMA))


def _constant_q(sound: Real, tuning: float) -> Real:
    """(252, n_frames) magnitudes, lowest bin first, as ``abs(librosa.cqt(...))`` with 36 bins in each of 7 octaves.

    An octave down, the sound at half the rate meets the very same filters, so one octave of them serves all. Products
    are sparse and in librosa's order: in digital silence nothing but their rounding is left, and chroma normalises it.
    """
    from soxr import resample

    n_fft, filters, lengths = _octave_filters(tuning)
    octaves = []
    hop = _HOP
    for octave in range(_OCTAVES):
        if octave:
            n = (len(sound) + 1) // 2
            half = resample(sound, 2, 1, quality="soxr_hq")[:n]
            half /= np.sqrt(0.5)  # in place: divided in double precision
            sound, hop = np.pad(half, (0, n - len(half))), hop // 2
        spectra = _transformed(sound, n_fft, hop)
        octaves.append(np.abs(filters[octave].dot(spectra) / np.sqrt(lengths * 2**octave)[:, None]))
    n_frames = min(levels.shape[1] for levels in octaves)
    levels = np.concatenate([levels[:, :n_frames] for levels in reversed(octaves)])
    return levels.astype(np.float32)


@lru_cache(maxsize=_TUNINGS)
def _octave_filters(tuning: float) -> tuple[int, list[Any], NDArray[np.float64]]:
    """Size of the transform; (36, n_fft // 2 + 1) sparse filters for each octave, highest first; lengths at the top."""
    from librosa import note_to_hz
    from librosa.filters import wavelet
    from librosa.util import sparsify_rows
    from scipy.fft import fft

    n_bins = _OCTAVES * _BINS_PER_OCTAVE
    lowest = note_to_hz("C1") * 2.0 ** (tuning / _BINS_PER_OCTAVE)
    hz = lowest * 2.0 ** (np.arange(n_bins - _BINS_PER_OCTAVE, n_bins) / _BINS_PER_OCTAVE)
    basis, lengths = wavelet(freqs=hz, sr=RATE, filter_scale=1, norm=1, pad_fft=True, window="hann", gamma=0)
    n_fft = basis.shape[1]
    basis *= lengths[:, None] / float(n_fft)
    responses = fft(basis, n=n_fft, axis=1)[:, : n_fft // 2 + 1]
    kept = sparsify_rows(responses, quantile=0.01, dtype=np.complex64)
    return n_fft, [(kept * np.sqrt(2.0**octave)).astype(np.complex64) for octave in range(_OCTAVES)], lengths
