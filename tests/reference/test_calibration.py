import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from headstart.evaluation.calibration import TemperatureScaling, expected_calibration_error, reliability_curve


def overconfident(seed, n=400, n_classes=4, temperature=2.5):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, n_classes)) * 2
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    codes = np.array([rng.choice(n_classes, p=row) for row in honest])
    raised = honest**temperature
    return codes, raised / raised.sum(1, keepdims=True)


def loss(codes, proba, temperature):
    total = 0.0
    for code, row in zip(codes, proba, strict=True):
        softened = row ** (1.0 / temperature)
        total -= np.log(softened[code] / softened.sum())
    return total / len(codes)


@pytest.mark.parametrize("seed", range(3))
def test_the_temperature_is_the_one_of_least_log_loss(seed):
    codes, proba = overconfident(seed)
    best = minimize_scalar(
        lambda t: loss(codes, proba, np.exp(t)), bounds=(-3, 3), method="bounded", options={"xatol": 1e-8}
    )
    found = TemperatureScaling().fit(codes, proba)
    assert found.temperature_ == pytest.approx(np.exp(best.x), rel=1e-4)
    assert found.temperature_ == pytest.approx(2.5, rel=0.25)


def test_the_transform_is_a_power_of_the_probabilities():
    _, proba = overconfident(0)
    dense = proba ** (1 / 1.7)
    np.testing.assert_allclose(TemperatureScaling(1.7).transform(proba), dense / dense.sum(1, keepdims=True), rtol=1e-9)


@pytest.mark.parametrize("n_bins", [1, 5, 15])
def test_the_expected_calibration_error_is_the_written_out_sum(n_bins):
    codes, proba = overconfident(1)
    top, right = proba.max(1), proba.argmax(1) == codes
    total = 0.0
    for i in range(n_bins):
        inside = (top > i / n_bins) & (top <= (i + 1) / n_bins)
        if inside.any():
            total += inside.sum() / len(top) * abs(top[inside].mean() - right[inside].mean())
    assert expected_calibration_error(codes, proba, n_bins) == pytest.approx(total, abs=1e-12)


def test_the_bins_of_the_curve_are_those_of_scikit_learn():
    from sklearn.calibration import calibration_curve

    codes, proba = overconfident(2)
    right, stated = calibration_curve(proba.argmax(1) == codes, proba.max(1), n_bins=10)
    curve = reliability_curve(codes, proba, n_bins=10)
    filled = curve.counts > 0
    np.testing.assert_allclose(curve.accuracy[filled], right)
    np.testing.assert_allclose(curve.confidence[filled], stated)
    assert np.isnan(curve.accuracy[~filled]).all()
