"""Time series go the same road: a series a row, and windows of a long recording."""

import numpy as np
import pandas as pd
import pytest

import headstart as hs


def _recording(n=3000, seed=0):
    """Slow and fast swings in turns, each of a few hundred steps."""
    rng = np.random.default_rng(seed)
    state = np.repeat(rng.integers(0, 2, n // 100), 100)
    phase = np.cumsum(np.where(state, 0.9, 0.2))
    values = np.sin(phase) + 0.4 * rng.standard_normal(n)
    time = pd.date_range("2024-01-01", periods=n, freq="min")
    return pd.DataFrame({"time": time, "sensor_x": values, "sensor_y": rng.standard_normal(n),
                         "state": np.array(["slow", "fast"])[state]})  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "recording.csv"
    _recording().to_csv(path, index=False)
    return hs.fit(path, label="state", modality="series", window=24, out=path.parent / "run")


def test_windows_of_a_recording_are_judged_forward_in_time(run):
    assert "forward in time" in run.result["split"]
    assert "share steps" in run.result["split"]
    best = next(row for row in run.leaderboard if row.is_handed_over)
    assert best.backbone == "random_convolutions"
    assert best.test.low > 0.6
    assert "polyline" in (run.out / "report.html").read_text()


def test_a_loaded_model_predicts_the_windows_of_another_recording(run, tmp_path):
    model = hs.load(run.out)
    other = _recording(600, seed=1)
    said = model.predict(other)
    ends = range(24, 601, 12)
    assert len(said) == len(ends)
    truth = [other["state"][end - 24 : end].mode()[0] for end in ends]
    assert (said == np.array(truth)).mean() > 0.7
    assert list(model.predict(other[["sensor_y", "sensor_x", "time"]])) == list(said)


@pytest.fixture(scope="module")
def sales():
    """A week that repeats, a trend and noise."""
    rng = np.random.default_rng(0)
    n = 500
    week = np.array([5, 3, 2, 2, 4, 9, 11.0])[np.arange(n) % 7]
    return pd.DataFrame(
        {"time": pd.date_range("2023-01-01", periods=n), "sales": 50 + week + 0.01 * np.arange(n) + rng.normal(0, 1, n)}
    )


def test_a_forecast_beats_the_last_value_and_last_week(sales, tmp_path):
    run = hs.fit(sales, label="sales", modality="series", window=21, horizon=1, out=tmp_path / "run")
    scores = {row.head: row.test.value for row in run.leaderboard if row.test}
    assert run.result["task"] == "regression"
    assert scores["ridge_regression"] > scores["seasonal_naive"] > scores["last_value"]
    assert "forward in time" in run.result["split"]
    ahead = hs.load(run.out).predict(sales.tail(40))
    assert len(ahead) == 40 - 21 + 1  # the last one is of a day that is not in the table
    truth = sales["sales"].to_numpy()[-19:]
    assert np.abs(ahead[:-1] - truth).mean() < 2
