"""The interval of the calibration error against a plain loop, and against what it promises."""

import numpy as np
import pytest

from headstart.evaluation.calibration import expected_calibration_error
from headstart.evaluation.calibration_interval import calibration_error_score


def overconfident(n, seed, excess=0.0):
    """Two classes whose stated confidence is ``excess`` above the chance of being right."""
    rng = np.random.default_rng(seed)
    top = rng.uniform(0.6, 0.98, n)
    is_right = rng.uniform(size=n) < top - excess
    return np.where(is_right, 0, 1), np.stack([top, 1 - top], axis=1)


def test_equals_a_plain_loop_over_resamples():
    codes, proba = overconfident(300, 0, 0.1)
    found = calibration_error_score(codes, proba, n_resamples=20_000)
    value = expected_calibration_error(codes, proba)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(4000):
        rows = rng.integers(0, 300, 300)
        drawn.append(expected_calibration_error(codes[rows], proba[rows]))
    least, most = np.quantile(drawn, (0.025, 0.975))
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.low == pytest.approx(2 * value - most, abs=0.006)
    assert found.high == pytest.approx(2 * value - least, abs=0.006)


def test_whole_groups_are_drawn():
    codes, proba = overconfident(60, 0, 0.1)
    alone = calibration_error_score(codes, proba)
    repeated = calibration_error_score(
        np.repeat(codes, 9), np.repeat(proba, 9, axis=0), groups=np.repeat(np.arange(60), 9)
    )
    assert repeated.value == pytest.approx(alone.value)
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_covers_the_true_error_about_as_often_as_it_says():
    found = [calibration_error_score(*overconfident(1500, seed, 0.15), n_resamples=400) for seed in range(200)]
    assert np.mean([score.low <= 0.15 <= score.high for score in found]) >= 0.88


def test_never_of_zero_width_and_rows_of_nan_are_left_out():
    codes, proba = np.zeros(40, np.int64), np.tile([1.0, 0.0], (40, 1))
    perfect = calibration_error_score(codes, proba)
    assert perfect.value == perfect.low == 0.0
    assert perfect.high == pytest.approx(3 / 40)
    gapped = np.vstack([proba, [[np.nan, np.nan]]])
    groups = np.arange(41)
    assert calibration_error_score(np.append(codes, 1), gapped, groups=groups) == perfect
