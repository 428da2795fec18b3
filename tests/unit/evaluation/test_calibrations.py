import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from headstart.errors import InputError
from headstart.evaluation.alarm_threshold import AlarmThreshold
from headstart.evaluation.calibrations import CALIBRATIONS, calibration
from headstart.evaluation.conformal import ConformalInterval
from headstart.evaluation.label_scaling import LabelScaling, best_threshold


def _case(name, n=400, seed=0):
    rng = np.random.default_rng(seed)
    if name == "temperature":
        y = rng.integers(0, 3, n)
        return y, rng.dirichlet(np.ones(3), n)
    if name == "conformal":
        y = rng.standard_normal(n)
        return y, y + rng.standard_normal(n)
    if name == "label_scaling":
        y = (rng.random((n, 3)) < 0.3).astype(int)
        return y, np.clip(0.3 * y + 0.6 * rng.random((n, 3)), 0.01, 0.99)
    return (rng.random(n) < 0.1).astype(int), rng.standard_normal(n)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_the_state_makes_the_same_again_and_holes_stay(name):
    y, predicted = _case(name)
    made = calibration(name)
    made.fit(y, predicted)
    again = calibration(name, json.loads(json.dumps(made.to_state())))
    assert np.array_equal(again.transform(predicted), made.transform(predicted))
    holes = predicted.copy()
    holes[::5] = np.nan
    assert np.array_equal(np.isnan(made.transform(holes)), np.isnan(holes))
    kept = np.arange(len(y)) % 5 > 0
    assert calibration(name).fit(y, holes).to_state() == calibration(name).fit(y[kept], predicted[kept]).to_state()
    with pytest.raises(InputError, match="needs (normal )?rows to fit"):
        calibration(name).fit(y[:0], predicted[:0])


def test_an_unknown_calibration_is_refused():
    with pytest.raises(InputError, match="needs one of temperature"):
        calibration("platt")


def test_the_interval_holds_new_rows_as_often_as_it_says():
    held = []
    for seed in range(40):
        y, predicted = _case("conformal", n=60, seed=seed)
        new_y, new_predicted = _case("conformal", n=500, seed=1000 + seed)
        ends = ConformalInterval().fit(y, predicted).interval(new_predicted)
        held.append(((new_y >= ends[:, 0]) & (new_y <= ends[:, 1])).mean())
    assert 0.89 < np.mean(held) < 0.93


def test_the_half_width_is_the_smallest_that_is_large_enough():
    errors = np.arange(1.0, 20.0)
    assert ConformalInterval().fit(errors, np.zeros(19)).half_width_ == 18.0
    assert ConformalInterval().fit(errors[:5], np.zeros(5)).half_width_ == 5.0
    assert ConformalInterval(coverage=0.5).fit(errors, np.zeros(19)).half_width_ == 10.0


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_has_a_better_f1(seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(60) < 0.3).astype(int)
    proba = np.round(0.4 * y + 0.6 * rng.random(60), 1)
    found = f1_score(y, proba >= best_threshold(y, proba))
    grid = [f1_score(y, proba >= cut) for cut in np.linspace(0, 1, 201)]
    assert found == pytest.approx(max(grid))


def test_scaled_probabilities_come_true():
    rng = np.random.default_rng(0)
    chance = rng.random((4000, 2))
    y = (rng.random((4000, 2)) < chance).astype(int)
    odds = chance / (1 - chance)
    timid = odds**0.4 / (1 + odds**0.4)
    made = LabelScaling().fit(y, timid)
    assert np.abs(made.transform(timid) - chance).max() < 0.04
    assert made.decide(made.transform(timid)).shape == (4000, 2)


def test_few_normal_rows_raise_an_alarm():
    rates = []
    for seed in range(40):
        y, scores = _case("alarm_threshold", n=100, seed=seed)
        made = AlarmThreshold().fit(y, scores)
        rates.append(made.decide(np.random.default_rng(500 + seed).standard_normal(1000)).mean())
    assert 0.03 < np.mean(rates) < 0.06
