"""Calibration for the target against brute force over temperatures, and against sums written out."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from headstart.errors import InputError
from headstart.evaluation.calibration import TemperatureScaling, expected_calibration_error
from headstart.evaluation.target_calibration import (
    at_most_confident,
    estimated_target_error,
    importance_weighted_temperature,
    transcal,
)


def _proba(logits, temperature=1.0):
    raised = np.exp(logits / temperature)
    return raised / raised.sum(axis=1, keepdims=True)


def _drawn(seed=0, n=400, k=3):
    """Codes drawn from the softened probabilities that the model states too surely, and weights."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n, k))
    codes = np.array([rng.choice(k, p=row) for row in _proba(logits, 2.0)])
    return codes, _proba(logits), rng.gamma(2.0, size=n)


@pytest.mark.parametrize("seed", range(3))
def test_the_weighted_temperature_has_the_least_weighted_loss(seed):
    codes, proba, weights = _drawn(seed)
    found = float(importance_weighted_temperature(codes, proba, weights))

    def loss(temperature):
        chosen = _proba(np.log(proba), temperature)[np.arange(len(codes)), codes]
        return -(weights * np.log(chosen)).sum() / weights.sum()

    grid = np.geomspace(found / 2, found * 2, 401)
    assert loss(found) <= min(loss(temperature) for temperature in grid) + 1e-12
    assert abs(loss(found * (1 + 1e-4)) - loss(found * (1 - 1e-4))) < 1e-8  # a flat place: the minimum


def test_a_row_of_weight_two_is_two_rows_and_equal_weights_are_none():
    codes, proba, _ = _drawn()
    counts = np.arange(len(codes)) % 3
    by_weight = importance_weighted_temperature(codes, proba, counts)
    by_rows = TemperatureScaling().fit(np.repeat(codes, counts), np.repeat(proba, counts, axis=0))
    assert float(by_weight) == pytest.approx(float(by_rows), rel=1e-9)
    plain = TemperatureScaling().fit(codes, proba)
    assert float(importance_weighted_temperature(codes, proba, np.full(len(codes), 7.0))) == pytest.approx(float(plain))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_estimated_error_is_the_controlled_mean(power):
    """A control variate is the intercept of a regression on what it has more than expected."""
    codes, proba, weights = _drawn()
    powered = weights**power
    powered = powered / powered.mean()
    wrong = (proba.argmax(axis=1) != codes).astype(float)
    temperature = float(TemperatureScaling().fit(codes, proba))
    expected_wrong = 1 - _proba(np.log(proba), temperature).max(axis=1).mean()
    terms = powered * wrong
    if power:
        slope = LinearRegression().fit(powered[:, None], terms).coef_[0]
        terms = terms - slope * (powered - 1)
    slope = LinearRegression().fit(wrong[:, None], terms).coef_[0]
    terms = terms - slope * (wrong - expected_wrong)
    assert estimated_target_error(codes, proba, weights**power) == pytest.approx(terms.mean(), rel=1e-9)
    target_proba = proba[::2]
    found = float(transcal(codes, proba, target_proba, weights, power=power))
    confidence = _proba(np.log(target_proba), found).max(axis=1).mean()
    assert confidence == pytest.approx(1 - terms.mean(), abs=1e-8)


def test_both_make_the_targets_probabilities_honest_where_the_target_is_harder():
    """Under covariate shift with the true weights the calibration error on the target falls below the source's."""
    errors = {"none": [], "source": [], "weighted": [], "transcal": []}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        places = rng.uniform(0, 1, 6000)
        is_target = rng.uniform(size=6000) < places**2 / (places**2 + (1 - places) ** 2)
        logits = 3 * rng.standard_normal((6000, 3))
        temperature = 1 + 4 * places  # the further to the target, the surer without reason
        codes = np.array([rng.choice(3, p=_proba(row[None], t)[0]) for row, t in zip(logits, temperature, strict=True)])
        proba, weights = _proba(logits), (places / (1 - places)) ** 2
        source, target = ~is_target, is_target
        own = (codes[source], proba[source])
        weights = np.minimum(weights[source], 20)
        scalings = {
            "none": TemperatureScaling(1.0),
            "source": TemperatureScaling().fit(*own),
            "weighted": importance_weighted_temperature(*own, weights),
            "transcal": transcal(*own, proba[target], weights, power=1.0),
        }
        for name, scaling in scalings.items():
            errors[name].append(expected_calibration_error(codes[target], scaling.transform(proba[target])))
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    assert means["none"] > means["source"] > means["weighted"]
    assert means["transcal"] < means["source"]
    assert means["weighted"] < 0.05


def test_the_mean_confidence_is_held_down():
    codes, proba, _ = _drawn()
    sharp = TemperatureScaling(0.1)
    held = at_most_confident(sharp, proba, 0.8)
    assert held.transform(proba).max(axis=1).mean() == pytest.approx(0.8, abs=1e-8)
    assert at_most_confident(TemperatureScaling(40.0), proba, 0.8).temperature_ == 40.0


@pytest.mark.parametrize("weights", [np.ones(3), np.full(400, -1.0), np.zeros(400), np.full(400, np.nan)])
def test_weights_that_are_none_are_refused(weights):
    codes, proba, _ = _drawn()
    with pytest.raises(InputError, match="weights"):
        importance_weighted_temperature(codes, proba, weights)
    with pytest.raises(InputError, match="weights"):
        transcal(codes, proba, proba, weights)
    with pytest.raises(InputError, match="power"):
        transcal(codes, proba, proba, np.ones(len(codes)), power=2.0)
    with pytest.raises(InputError, match="target rows"):
        transcal(codes, proba, proba[:0], np.ones(len(codes)))
