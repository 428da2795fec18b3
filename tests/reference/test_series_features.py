"""Features of series against loops over single steps."""

import json

import numpy as np
import pytest

from headstart.backbones import lags, random_convolutions, series_statistics
from headstart.data.series_file import UnreadableSeriesError


def _by_hand(series, kernel):
    """(largest response, share of positive ones) of one kernel, step by step."""
    values = (series[:, kernel.channel] - series[:, kernel.channel].mean()) / series[:, kernel.channel].std()
    reach = (len(kernel.weights) - 1) * kernel.dilation
    padding = reach // 2 if kernel.is_padded else 0
    padded = np.concatenate([np.zeros(padding), values, np.zeros(padding)])
    responses = []
    for start in range(len(padded) - reach):
        taken = padded[start : start + reach + 1 : kernel.dilation]
        responses.append(float(taken @ kernel.weights) + kernel.bias)
    return max(responses), np.mean(np.array(responses) > 0)


def test_kernels_give_what_a_loop_gives():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(n, 2)).astype(np.float32) for n in (40, 40, 55)]
    files = {"kernels": json.dumps({"steps": 40, "channels": 2, "kernels": 60, "seed": 3}).encode()}
    backbone = random_convolutions.from_files(files)
    kernels = random_convolutions.draw_kernels(40, 2, 60, 3)
    rows = backbone.encode(series)
    assert rows.shape == (3, 2 * 60 + 4)
    for row, values in zip(rows, series, strict=True):
        most, share = zip(*(_by_hand(values.astype(float), kernel) for kernel in kernels), strict=True)
        np.testing.assert_allclose(row[:60], most, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(row[60:120], share, atol=1.5 / 40)
        assert np.mean(np.isclose(row[60:120], share)) > 0.95  # a response of next to 0 may fall on either side
        np.testing.assert_allclose(row[120:], [*values.mean(0), *values.std(0)], rtol=1e-4)
    np.testing.assert_allclose(backbone.encode(series[1:2])[0], rows[1], atol=1e-5)


def test_kernels_are_drawn_as_the_paper_says():
    kernels = random_convolutions.draw_kernels(200, 1, 2000, 0)
    lengths = np.array([len(kernel.weights) for kernel in kernels])
    assert set(lengths) == {7, 9, 11}
    assert max(abs(kernel.weights.sum()) for kernel in kernels) < 1e-5
    assert all((size - 1) * kernel.dilation <= 199 for size, kernel in zip(lengths, kernels, strict=True))
    assert 0.45 < np.mean([kernel.is_padded for kernel in kernels]) < 0.55
    assert -1 <= min(kernel.bias for kernel in kernels) < -0.9


def test_series_shorter_than_a_kernel_still_have_features():
    files = random_convolutions.learn(random_convolutions.cards()[0], [np.arange(30.0)])
    rows = random_convolutions.from_files(files).encode([np.arange(3, dtype=np.float32)[:, None]])
    assert np.isfinite(rows).all()


def test_another_number_of_channels_is_refused():
    series = np.zeros((9, 2)) + np.arange(9)[:, None]
    backbone = random_convolutions.from_files(random_convolutions.learn(random_convolutions.cards()[0], [series]))
    with pytest.raises(UnreadableSeriesError, match="has 1 channels, not the 2"):
        backbone.encode([np.zeros((9, 1), np.float32)])


def test_statistics_by_their_definitions():
    values = np.random.default_rng(0).normal(3, 2, 64)
    found = dict(zip(series_statistics.NAMES, series_statistics.statistics(values), strict=True))
    scaled = (values - values.mean()) / values.std()
    assert found["mean"] == pytest.approx(values.mean())
    assert found["kurtosis"] == pytest.approx(np.mean(scaled**4))
    assert found["slope"] == pytest.approx(np.polyfit(np.linspace(-1, 1, 64), scaled, 1)[0])
    assert found["autocorrelation_3"] == pytest.approx(np.mean(scaled * np.roll(scaled, -3) * (np.arange(64) < 61)))
    assert found["crossings"] == np.mean(np.diff(np.sign(scaled)) != 0)
    assert sum(found[f"power_{band}"] for band in range(8)) == pytest.approx(1)
    slow = dict(zip(series_statistics.NAMES, series_statistics.statistics(np.sin(np.arange(64) / 10)), strict=True))
    fast = dict(zip(series_statistics.NAMES, series_statistics.statistics(np.sin(np.arange(64) * 3)), strict=True))
    assert fast["power_7"] > 0.9 > slow["power_7"]
    assert np.isfinite(series_statistics.statistics(np.ones(5))).all()


def test_lags_are_the_latest_steps_first():
    backbone = lags.from_files(lags.learn(lags.cards()[0], [np.arange(8.0).reshape(4, 2)]))
    rows = backbone.encode([np.arange(10, dtype=np.float32).reshape(5, 2), np.array([[1, 2]], dtype=np.float32)])
    np.testing.assert_array_equal(rows, [[8, 6, 4, 2, 9, 7, 5, 3], [1, 1, 1, 1, 2, 2, 2, 2]])
