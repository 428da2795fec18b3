"""The 193 numbers against the plain calls of librosa, one after the other."""

import warnings
from pathlib import Path

import numpy as np
import pytest

librosa = pytest.importorskip("librosa")

from headstart.backbones import librosa_vector  # noqa: E402
from headstart.backbones.registry import open_backbone  # noqa: E402
from headstart.data.audio_file import open_audio  # noqa: E402
from headstart.errors import InputError, MissingExtraError  # noqa: E402

DIGITS = Path(__file__).parents[2].parent / "shared/data/audio/spoken_digits/wav"
(CARD,) = librosa_vector.cards()
RATE = librosa_vector.RATE
PARTS = {
    "mfcc": slice(0, 40),
    "chroma": slice(40, 52),
    "mel": slice(52, 180),
    "contrast": slice(180, 187),
    "tonnetz": slice(187, 193),
}


def plain(y, sr=RATE):
    """The loop that everyone writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stft = np.abs(librosa.stft(y))
        parts = [
            librosa.feature.mfcc(y=y, sr=sr, n_mfcc=40),
            librosa.feature.chroma_stft(S=stft, sr=sr),
            librosa.feature.melspectrogram(y=y, sr=sr),
            librosa.feature.spectral_contrast(S=stft, sr=sr),
            librosa.feature.tonnetz(y=librosa.effects.harmonic(y), sr=sr),
        ]
        return np.concatenate([part.mean(axis=1) for part in parts])


def loaded(path):
    """``librosa.load``, whose fallbacks import modules that Python is about to drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return librosa.load(path, sr=RATE)[0]


def clips():
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in (262, 330, 392)) * 0.2
    glide = np.sin(2 * np.pi * (100 + 2000 * time) * time) * 0.5
    clicks = np.where(np.arange(RATE) % 5000 == 0, 1.0, 0.0)
    return {
        "chord": chord,
        "off tune": np.sin(2 * np.pi * 452 * time) * 0.3,
        "glide": glide,
        "noise": rng.normal(0, 0.1, 30_000),
        "quiet noise": rng.normal(0, 1e-5, 30_000),
        "clicks": clicks,
        "silence after": np.concatenate([chord, np.zeros(2 * RATE)]),
        "silence before": np.concatenate([np.zeros(2 * RATE), glide]),
        "gap": np.concatenate([chord, np.zeros(RATE), glide]),
        "silence": np.zeros(RATE),
        "one frame": rng.normal(0, 0.1, 2_048),
        "odd": rng.normal(0, 0.1, 2_049),
    }


@pytest.mark.parametrize("name", clips())
def test_synthetic_sounds(name):
    clip = clips()[name].astype(np.float32)
    found, expected = librosa_vector.encode(CARD, [clip])[0], plain(clip)
    for part, place in PARTS.items():
        spread = max(float(np.abs(expected[place]).max()), 1e-6)
        assert np.abs(found[place] - expected[place]).max() <= 1e-5 * spread, part


@pytest.mark.skipif(not DIGITS.is_dir(), reason="the spoken digits are not on this machine")
def test_spoken_digits():
    paths = sorted(DIGITS.glob("*.wav"))[::100]
    assert len(paths) == 30
    expected = np.stack([plain(loaded(path)) for path in paths])
    found = librosa_vector.encode(CARD, [open_audio(path, rate=RATE) for path in paths])
    assert (np.abs(found - expected) <= 1e-4 * expected.std(axis=0)).all()


@pytest.mark.parametrize("n", [1, 2, 511, 512, 2_047])
def test_short_clips_are_filled_up_with_silence(n):
    clip = np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)
    found = librosa_vector.encode(CARD, [clip, np.zeros(n, np.float32)])
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[0], librosa_vector.encode(CARD, [np.pad(clip, (0, 2_048 - n))])[0])
    np.testing.assert_allclose(found[0], plain(np.pad(clip, (0, 2_048 - n))), rtol=1e-4, atol=1e-4)


def test_a_row_does_not_hang_on_its_neighbours():
    waves = [clip.astype(np.float32) for clip in clips().values()]
    together = librosa_vector.encode(CARD, waves)
    assert together.dtype == np.float32
    alone = np.concatenate([librosa_vector.encode(CARD, [wave]) for wave in reversed(waves)])[::-1]
    np.testing.assert_array_equal(together, alone)
    assert librosa_vector.encode(CARD, []).shape == (0, 193)


def test_a_clip_of_two_channels_is_refused():
    with pytest.raises(InputError, match=r"needs clips of shape \(n_samples,\), got \(4000, 2\)"):
        librosa_vector.encode(CARD, [np.zeros((4000, 2), np.float32)])


def test_the_clips_stay_as_they_were():
    clip = clips()["chord"].astype(np.float32)
    kept = clip.copy()
    librosa_vector.encode(CARD, [clip])
    np.testing.assert_array_equal(clip, kept)


def test_the_backbone_is_found_by_name_and_says_how_to_open_its_clips():
    backbone = open_backbone("audio_vector")
    assert backbone.is_classic
    assert backbone.card == CARD
    assert (CARD.dim, CARD.modality, CARD.licence, CARD.input) == (193, "audio", "Apache-2.0", None)
    assert backbone.open_settings == {"rate": RATE}
    assert backbone.encode([clips()["noise"].astype(np.float32)]).shape == (1, 193)


def test_a_missing_librosa_is_told(monkeypatch):
    assert librosa_vector.missing(CARD) == ""
    monkeypatch.setattr(librosa_vector, "find_spec", lambda name: None)
    assert librosa_vector.missing(CARD) == "librosa is missing. Run: pip install 'headstart[audio]'"
    with pytest.raises(MissingExtraError, match=r"'audio_vector' needs the package 'librosa'"):
        librosa_vector.encode(CARD, [])
