"""Sounds as they come: formats, channels, rates, and everything that is no whole sound."""

import io
import os
import sys

import numpy as np
import pytest
import soundfile

from headstart.data.audio_file import (
    AUDIO_SUFFIXES,
    UnreadableAudioError,
    open_audio,
    probe_audio,
)
from headstart.errors import InputError, MissingExtraError

RATE = 22_050


def sine(hz=440.0, rate=RATE, seconds=1.0, height=0.5):
    return (height * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def written(samples, rate=RATE, kind="WAV", subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def likeness(left, right):
    n = min(len(left), len(right))
    return float(np.corrcoef(left[:n], right[:n])[0, 1])


@pytest.mark.parametrize(
    ("suffix", "kind", "subtype", "error"),
    [
        (".wav", "WAV", "PCM_U8", 2**-7),
        (".wav", "WAV", "PCM_16", 2**-15),
        (".wav", "WAV", "PCM_24", 2**-23),
        (".wav", "WAV", "FLOAT", 0),
        (".wav", "WAV", "DOUBLE", 0),
        (".wav", "WAV", "ULAW", 0.02),
        (".wav", "RF64", "PCM_16", 2**-15),
        (".flac", "FLAC", "PCM_16", 2**-15),
        (".flac", "FLAC", "PCM_24", 2**-23),
        (".aif", "AIFF", "PCM_16", 2**-15),
        (".aiff", "AIFF", "PCM_16", 2**-15),
        (".aifc", "AIFF", "PCM_16", 2**-15),
        (".au", "AU", "PCM_16", 2**-15),
        (".ogg", "OGG", "VORBIS", 0.05),
        (".oga", "OGG", "VORBIS", 0.05),
        (".mp3", "MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_every_format(tmp_path, suffix, kind, subtype, error):
    assert suffix in AUDIO_SUFFIXES
    path = tmp_path / f"a{suffix}"
    path.write_bytes(written(sine(), kind=kind, subtype=subtype))
    for source in (path, str(path), path.read_bytes()):
        sound = open_audio(source, rate=RATE)
        assert sound.dtype == np.float32
        assert sound.shape == (RATE,)
        assert np.abs(sound - sine()).max() <= error
    facts = probe_audio(path)
    assert (facts.seconds, facts.rate, facts.channels, facts.clipped) == (1.0, RATE, 1, 0.0)
    assert facts.peak == pytest.approx(0.5, abs=0.05)
    assert facts.rms == pytest.approx(0.5 / np.sqrt(2), abs=0.02)


def test_opus(tmp_path):
    path = tmp_path / "a.opus"
    path.write_bytes(written(sine(rate=24_000), 24_000, "OGG", "OPUS"))
    assert path.suffix in AUDIO_SUFFIXES
    assert likeness(open_audio(path, rate=24_000), sine(rate=24_000)) > 0.99


def test_channels_become_their_mean():
    left, right = sine(), np.zeros(RATE, dtype=np.float32)
    stereo = np.stack([left, right], axis=1)
    for source in (written(stereo, subtype="FLOAT"), (stereo, RATE)):
        np.testing.assert_array_equal(open_audio(source, rate=RATE), left / 2)
        facts = probe_audio(source)
        assert facts.channels == 2
        assert facts.peak == left.max()
        assert facts.rms == pytest.approx(0.5 / np.sqrt(2) / np.sqrt(2), rel=1e-3)


def test_samples_of_every_type():
    wave = sine()
    whole = {np.int8: 2.0**7, np.int16: 2.0**15, np.int32: 2.0**31}
    for dtype, full in whole.items():
        sound = open_audio(((wave.astype(np.float64) * full).astype(dtype), RATE), rate=RATE)
        assert np.abs(sound - wave).max() <= 1.1 / full + 1e-7
    unsigned = np.rint(wave * 127 + 128).astype(np.uint8)
    assert np.abs(open_audio((unsigned, RATE), rate=RATE) - wave).max() < 0.01
    for dtype in (np.float16, np.float32, np.float64):
        assert np.abs(open_audio((wave.astype(dtype), float(RATE)), rate=RATE) - wave).max() < 1e-3
    np.testing.assert_array_equal(open_audio((wave[:, None], RATE), rate=RATE), wave)


@pytest.mark.parametrize(("before", "after"), [(44_100, 22_050), (8_000, 22_050), (16_000, 8_000), (22_050, 16_000)])
def test_resampling_keeps_a_sine_and_its_time(before, after):
    sound = open_audio((sine(rate=before), before), rate=after)
    assert len(sound) == after
    inner = slice(after // 10, -after // 10)
    assert np.abs(sound - sine(rate=after))[inner].max() < 1e-3


def test_resampling_takes_away_what_the_new_rate_cannot_hold():
    sound = open_audio((sine(7_000, 44_100), 44_100), rate=8_000)
    assert np.abs(sound[400:-400]).max() < 1e-3


def test_resampled_lengths_are_rounded_up():
    for n in (1, 2, 3, 100, 8_001):
        assert len(open_audio((np.full(n, 0.1, np.float32), 8_000), rate=22_050)) == int(np.ceil(n * 22_050 / 8_000))


def test_clipping_is_counted():
    loud = np.clip(sine(height=2.0), -1, 1)
    for source in (written(loud), written(loud, subtype="PCM_U8"), written(loud, subtype="PCM_24"), (loud, RATE)):
        assert probe_audio(source).clipped == pytest.approx(2 / 3, abs=0.02)
    assert probe_audio((sine(height=0.95), RATE)).clipped == 0


def cut(kind, subtype="PCM_16", share=0.5):
    data = written(sine(), kind=kind, subtype=subtype)
    return data[: int(len(data) * share)]


def patched(data, place, value):
    return data[:place] + value + data[place + len(value) :]


WAV = written(sine())
FLAC = written(sine(), kind="FLAC")
BROKEN = {
    "empty": (b"", r"is empty \(0 bytes\)"),
    "text": (b"dear diary, today\n" * 50, "is no sound of a known kind"),
    "zeros": (bytes(5_000), "is no sound of a known kind"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(3_000), "is no sound of a known kind"),
    "m4a": (b"\0\0\0\x20ftypM4A " + bytes(3_000), "is an MPEG-4 file"),
    "another kind": (written(sine(), kind="VOC"), "is a VOC file"),
    "header alone": (patched(WAV[:44], 40, bytes(4)), "holds no samples"),
    "half a header": (WAV[:20], "has a damaged header"),
    "no samples": (written(np.zeros(0, np.float32)), "holds no samples"),
    "slow": (patched(WAV, 24, (3).to_bytes(4, "little")), r"has a damaged header \(a rate of 3 Hz"),
    "many channels": (patched(WAV, 22, (60_000).to_bytes(2, "little")), "has a damaged header"),
    "claims years": (patched(FLAC, 21, b"\x7f\xff\xff\xff\xff"), "claims .* hours"),
    "endless": (patched(FLAC, 21, b"\x70\0\0\0\0"), "does not say how long it is"),
    "cut wav": (cut("WAV"), "is truncated"),
    "lying wav": (patched(WAV, 40, (10**8).to_bytes(4, "little")), "is truncated"),
    "cut flac": (cut("FLAC"), "is damaged or truncated"),
    "cut ogg": (cut("OGG", "VORBIS", 0.99), "is truncated|has a damaged header"),
    "half ogg": (cut("OGG", "VORBIS"), "is truncated|has a damaged header"),
    "cut aiff": (cut("AIFF"), "is truncated"),
    "cut au": (cut("AU"), "is truncated"),
    "cut mp3": (cut("MP3", "MPEG_LAYER_III"), "is truncated"),
    "nan": (written(np.array([0.1, np.nan, 0.2], np.float32), subtype="FLOAT"), "not finite"),
    "inf": (written(np.array([0.1, np.inf, 0.2], np.float32), subtype="FLOAT"), "not finite"),
    "integers as floats": (written(sine(height=20_000), subtype="FLOAT"), "full scale is 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(tmp_path, case):
    data, reason = BROKEN[case]
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(UnreadableAudioError, match=reason) as caught:
            open_audio(source, rate=RATE)
        assert "\n" not in str(caught.value)
    assert caught.value.source == f"{len(data)} bytes"
    with pytest.raises(UnreadableAudioError, match=reason):
        probe_audio(path)


def test_a_recorder_that_was_switched_off_left_its_sizes_open():
    for unknown in (b"\xff\xff\xff\xff", (0x7FFFF000).to_bytes(4, "little")):
        assert len(open_audio(patched(WAV, 40, unknown), rate=RATE)) == RATE


def test_paths_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name, reason in (("", "is a folder"), ("pipe.wav", "is no regular file"), ("none.wav", "does not exist")):
        with pytest.raises(UnreadableAudioError, match=reason):
            open_audio(tmp_path / name, rate=RATE)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (np.zeros(10), r"is no pair \(samples, rate\)"),
        ((np.zeros(10),), r"is no pair \(samples, rate\)"),
        ((np.zeros(10), "fast"), r"is no pair \(samples, rate\)"),
        (3, r"is no path, no bytes and no pair \(samples, rate\)"),
        ((np.zeros((2, 3, 4)), RATE), r"is not \(n,\) or \(n, channels\)"),
        (([[1.0], [1.0, 2.0]], RATE), r"is not \(n,\) or \(n, channels\)"),
        ((np.zeros((2, 1000)), RATE), "channels come last"),
        ((np.zeros(0), RATE), "holds no samples"),
        ((np.zeros(10), 3), "a rate of 3.0 Hz"),
        ((np.zeros(10), np.nan), "a rate of nan Hz"),
        ((np.zeros(10, dtype=np.int64), RATE), "holds int64"),
        ((np.zeros(10, dtype=bool), RATE), "holds bool"),
        ((["a", "b"], RATE), "holds <U1"),
        (([0.0, np.nan], RATE), "not finite"),
        (([0.0, 1e300], RATE), "not finite"),
        (([0.0, 30_000.0], RATE), "full scale is 1"),
        ((np.broadcast_to(np.float32(0), (4 * 3600 * 1000 + 1,)), 1000), "claims 4.0 hours"),
    ],
)
def test_samples_that_are_none(source, reason):
    with pytest.raises(UnreadableAudioError, match=reason):
        open_audio(source, rate=RATE)


@pytest.mark.parametrize("rate", [0, -1, 999, 768_001])
def test_rates_that_are_none(rate):
    with pytest.raises(InputError, match="open_audio needs a rate from 1,000 to 768,000 Hz, got"):
        open_audio((sine(), RATE), rate=rate)


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_a_missing_package_is_named(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"open_audio needs the package '{package}'.*headstart\[audio\]"):
        open_audio(WAV, rate=8_000)


def test_the_samples_that_were_passed_stay_as_they_were():
    samples = sine()
    open_audio((samples, RATE), rate=8_000)
    np.testing.assert_array_equal(samples, sine())
