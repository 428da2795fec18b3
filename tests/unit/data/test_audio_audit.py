"""What the audit of sounds sees: copies in other formats, silence, clipping, rates."""

import io
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from headstart.data.audio_file import UnreadableAudioError
from headstart.data.audit import audit
from headstart.data.modalities import audio
from headstart.data.modalities.modality import get_modality, modality_of, names
from headstart.types import Dataset

DIGITS = Path(__file__).parents[3].parent / "shared/data/audio/spoken_digits/wav"
RATE = 16_000


def melody(seed, rate=RATE, seconds=1.0):
    """Gliding tones with overtones that swell and fade, like nothing else of another seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate
    sound = np.zeros(len(time))
    for _ in range(6):
        start, end = rng.uniform(150, 3000, 2)
        centre, width = rng.uniform(0.1, 0.9) * seconds, rng.uniform(0.03, 0.15) * seconds
        phase = 2 * np.pi * (start * time + (end - start) * time**2 / (2 * seconds)) + rng.uniform(0, 6)
        sound += rng.uniform(0.3, 1) * np.exp(-(((time - centre) / width) ** 2)) * np.sin(phase)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def written(samples, rate=RATE, kind="WAV", subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def seen(*sources):
    return audit(Dataset(list(sources), modality="audio"), n_jobs=1)


def near(*sources):
    return audio.near_pairs([audio.look(source).imprint for source in sources]).tolist()


def test_audio_is_one_of_the_kinds():
    assert "audio" in names()
    assert get_modality("audio") is audio
    assert modality_of("a/b.FLAC") == "audio"
    assert modality_of("a.m4a") is None


def test_a_look_names_the_content_and_measures_it(tmp_path):
    sound = melody(0)
    path = tmp_path / "a.wav"
    path.write_bytes(written(np.stack([sound, sound], axis=1)))
    look = audio.look(path)
    assert look.digest == sha256(path.read_bytes()).digest() == audio.digest(path) == audio.digest(path.read_bytes())
    measured = dict(zip(audio.MEASURES, look.measures, strict=True))
    assert (measured["seconds"], measured["rate"], measured["channels"], measured["clipped"]) == (1.0, RATE, 2, 0.0)
    assert measured["peak"] == pytest.approx(0.5, abs=1e-3)
    assert measured["rms"] == pytest.approx(float(np.sqrt((sound**2).mean())), rel=1e-3)


def test_samples_are_named_by_values_type_and_rate():
    sound = melody(0)
    digests = {
        audio.digest((sound, RATE)),
        audio.digest((sound, 8_000)),
        audio.digest((sound.astype(np.float64), RATE)),
        audio.digest((sound[:, None], RATE)),
        audio.digest((-sound, RATE)),
    }
    assert len(digests) == 5
    assert audio.digest((sound.copy(), float(RATE))) == audio.digest((sound, RATE)) == audio.look((sound, RATE)).digest


def test_what_cannot_be_read_is_refused_by_its_name(tmp_path):
    for verb in (audio.look, audio.digest, audio.open_example):
        with pytest.raises(UnreadableAudioError, match="open_audio needs a whole sound.*does not exist"):
            verb(tmp_path / "none.wav")
        for source in (np.zeros(10), 3, (np.zeros(10), "fast")):
            with pytest.raises(UnreadableAudioError, match=r"is no .*pair \(samples, rate\)"):
                verb(source)


def test_an_example_is_opened_at_the_rate_that_is_asked_for():
    assert audio.open_example((melody(0), RATE)).shape == (22_050,)
    assert audio.open_example((melody(0), RATE), rate=8_000).shape == (8_000,)


COPIES = {
    "quieter": lambda sound: (sound * 0.1, RATE),
    "turned cable": lambda sound: (-sound, RATE),
    "two channels": lambda sound: (np.stack([sound, sound * 0.5], axis=1), RATE),
    "silence around": lambda sound: (np.pad(sound, (3_000, 1_000)), RATE),
    "44.1 kHz": lambda sound: (soxr.resample(sound, RATE, 44_100), 44_100),
    "8 kHz": lambda sound: (soxr.resample(sound, RATE, 8_000), 8_000),
    "mp3": lambda sound: written(sound, kind="MP3", subtype="MPEG_LAYER_III"),
    "ogg": lambda sound: written(sound, kind="OGG", subtype="VORBIS"),
    "opus": lambda sound: written(sound, kind="OGG", subtype="OPUS"),
    "flac": lambda sound: written(sound, kind="FLAC"),
    "telephone": lambda sound: written(sound, subtype="ULAW"),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_of_a_recording_are_found(copy):
    recordings = [(melody(seed), RATE) for seed in range(5)]
    copies = [COPIES[copy](sound) for sound, _ in recordings]
    assert sorted(near(*recordings, *copies)) == [[place, place + 5] for place in range(5)]


def test_other_recordings_are_no_copies():
    assert near(*((melody(seed), RATE) for seed in range(60))) == []
    noise = [(np.random.default_rng(seed).normal(0, 0.1, RATE), RATE) for seed in range(20)]
    assert near(*noise) == []
    assert audio.near_pairs([]).shape == (0, 2)


def test_the_same_notes_played_again_are_no_copy():
    def played(seed):
        """One chord with the same swell; only where the waves begin differs."""
        time = np.arange(RATE) / RATE
        phases = np.random.default_rng(seed).uniform(0, 6, 8)
        waves = [np.sin(2 * np.pi * 210 * (k + 1) * time + phase) / (k + 1) for k, phase in enumerate(phases)]
        return (0.2 * np.sum(waves, axis=0) * np.hanning(RATE), RATE)

    assert near(*(played(seed) for seed in range(8))) == []


def test_many_copies_of_one_recording_hang_together():
    sound = melody(1)
    rng = np.random.default_rng(0)
    sources = [((sound + rng.normal(0, 1e-3, RATE)).astype(np.float32), RATE) for _ in range(150)]
    found = seen(*sources, (melody(2), RATE))
    assert len(set(found.near_group[:150])) == 1
    assert found.near_group[150] not in found.near_group[:150]


@pytest.mark.skipif(not DIGITS.is_dir(), reason="the spoken digits are not on this machine")
def test_a_digit_said_again_is_no_copy():
    paths = sorted(DIGITS.glob("*_george_*.wav"))[:250]  # five words, 50 times each, one speaker
    assert len(paths) == 250
    assert near(*paths) == []
    telephone = [written(*soundfile.read(path), subtype="ULAW") for path in paths[::50]]
    assert sorted(near(*paths[::50], *telephone)) == [[place, place + 5] for place in range(5)]


def test_silence_is_told_and_resembles_nothing():
    found = seen((np.zeros(RATE), RATE), (np.full(RATE, 1e-4), RATE), (melody(0), RATE))
    told = {finding.kind: finding for finding in found.findings()}
    assert told["silent"].rows == (0, 1)
    assert told["silent"].severity == "warning"
    assert told["silent"].text.startswith("2 clips are silent")
    assert len(set(found.near_group)) == 3
    assert audio.look((np.zeros(RATE), RATE)).imprint is None


def test_clipped_and_short_clips_and_mixed_rates_are_told():
    loud = np.clip(melody(0) * 6, -1, 1)
    found = seen((loud, RATE), (melody(1, seconds=0.05), RATE), (melody(2, rate=8_000), 8_000), b"", (melody(3), RATE))
    told = {finding.kind: finding for finding in found.findings()}
    assert told["clipped"].rows == (0,)
    assert told["short"].rows == (1,)
    assert told["unreadable"].rows == (3,)
    assert "at 2 sample rates, 16,000 Hz (3), 8,000 Hz (1)" in told["rates"].text
    assert told["sizes"].text == "Clips last from 0.05 to 1.00 seconds (median 1.00)."
    np.testing.assert_allclose(audio.sizes(found), [1, 0.05, 1, 0, 1])


def test_sound_clips_are_told_nothing_but_their_length():
    assert [finding.kind for finding in seen((melody(0), RATE), (melody(1), RATE)).findings()] == ["sizes"]


@pytest.mark.parametrize("n", [1, 2, 30, 700])
@pytest.mark.parametrize("rate", [1_000, 44_100, 768_000])
def test_the_shortest_clips_are_looked_at(n, rate):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, n).astype(np.float32)
    look = audio.look((sound, rate))
    assert look.measures[0] == pytest.approx(n / rate)
    if look.imprint is not None:
        assert np.isfinite(look.imprint.outline).all()
