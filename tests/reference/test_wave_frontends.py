"""Filter banks, channel normalisation and masks against Transformers, torch and plain loops."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones._channel_norm import ChannelNorm
from headstart.backbones._kaldi_fbank import KaldiFbank, kaldi_filters, n_frames
from headstart.backbones._mel_power import MelPower, mel_filters
from headstart.features.wave_stream import WaveStream, wave_windows
from headstart.features.window_stream import Window
from headstart.types import WaveInput

librosa = pytest.importorskip("librosa", reason="librosa is not installed: pip install 'headstart[audio]'")


def clip(n, seed=0):
    t = np.arange(n) / 16_000
    noise = np.random.default_rng(seed).normal(0, 1e-4, n)
    return (0.4 * np.sin(2 * np.pi * 500 * t * (1 + 3 * t)) * (t % 0.3 < 0.2) + noise + 0.05).astype(np.float32)


@pytest.mark.filterwarnings("ignore:At least one mel filter")
def test_filter_banks_are_those_of_transformers():
    transformers = pytest.importorskip("transformers")
    sound = clip(20_000)
    extractor = transformers.ASTFeatureExtractor(do_normalize=False, max_length=123)
    expected = extractor(sound, sampling_rate=16_000, return_tensors="np")["input_values"][0]
    found = KaldiFbank(128)(torch.from_numpy(sound)[None])[0].numpy()
    assert found.shape == (123, 128)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert expected.max() - expected.min() > 15  # loud and silent bands are both there


def test_filter_banks_frame_by_frame():
    sound = clip(3000).astype(np.float64)
    found = KaldiFbank(40)(torch.from_numpy(sound.astype(np.float32))[None])[0].numpy()
    filters = kaldi_filters(40)
    for number, row in enumerate(found):
        frame = sound[160 * number : 160 * number + 400]
        frame = frame - frame.mean()
        raised = frame.copy()
        for place in range(399, 0, -1):
            raised[place] -= 0.97 * frame[place - 1]
        raised[0] -= 0.97 * frame[0]
        power = np.abs(np.fft.rfft(raised * np.hanning(400), 512)) ** 2
        np.testing.assert_allclose(row, np.log(np.maximum(power @ filters, 1.1920928955078125e-07)), atol=1e-4)
    assert len(found) == (3000 - 400) // 160 + 1 == int(n_frames(torch.tensor([3000]))[0])


def test_power_in_mel_bands_is_that_of_librosa():
    sound = clip(5003)
    for padding in ("constant", "reflect"):
        filters = mel_filters(rate=16_000, n_fft=512, n_mels=30, fmin=40, htk=True)
        found = MelPower(filters, hop=100, padding=padding)(torch.from_numpy(sound)[None])[0].numpy()
        expected = librosa.feature.melspectrogram(
            y=sound, sr=16_000, n_fft=512, hop_length=100, n_mels=30, fmin=40, htk=True, pad_mode=padding
        ).T
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_channels_are_normalised_over_what_is_no_filling():
    norm = nn.GroupNorm(5, 5)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    masked = ChannelNorm(norm)
    x = torch.randn(3, 5, 40) * 3 + 1
    with torch.no_grad():
        torch.testing.assert_close(masked(x), norm(x), rtol=1e-5, atol=1e-5)
        masked.n_valid = torch.tensor([40, 17, 3])
        found = masked(x)
        for row, n in enumerate((40, 17, 3)):
            torch.testing.assert_close(found[row : row + 1, :, :n], norm(x[row : row + 1, :, :n]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n", [1, 9, 10, 11, 99, 100, 101, 109, 110, 345])
def test_windows_lie_one_behind_the_other(n):
    spec = WaveInput(rate=1000, window_samples=100, min_samples=10)
    sound = np.arange(1, n + 1, dtype=np.float32)
    before = sound.copy()
    parts = wave_windows(sound, spec)
    assert all(10 <= len(part) <= 100 for part in parts)
    joined = np.concatenate(parts)
    lost = n - len(joined)
    assert 0 <= lost < 10 if n >= 10 else len(joined) == 10
    assert np.array_equal(joined[:n], sound[: len(joined)])
    assert np.array_equal(sound, before)


@pytest.mark.parametrize("is_filled_up", [True, False])
def test_batches_hold_every_window_once(is_filled_up):
    spec = WaveInput(rate=1000, window_samples=1000, min_samples=10, is_filled_up=is_filled_up)
    sizes = [1000, 1000, 1000, 990, 800, 500, 490, 480, 120, 30, 30, 30]
    windows = [Window(row, size, np.full(size, row + 1, np.float32)) for row, size in enumerate(sizes)]
    stream = WaveStream((), (), spec)
    batches = list(stream.batches(sorted(windows, key=lambda window: window.weight)))
    assert sorted(window.row for batch in batches for window in batch) == list(range(len(sizes)))
    for batch in batches:
        lengths = [window.weight for window in batch]
        assert lengths[0] == max(lengths)
        assert len(batch) * max(lengths) <= 2000
        assert min(lengths) >= 0.75 * max(lengths) if is_filled_up else len(set(lengths)) == 1
        waves, n_samples = stream.arrays(batch)
        assert waves.dtype == np.float32
        for window, wave, n in zip(batch, waves, n_samples, strict=True):
            assert n == window.weight
            assert (wave[:n] == window.row + 1).all()
            assert not wave[n:].any()
    assert len(batches) < len(sizes)
