import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.evaluation.calibration import (
    COLDEST,
    HOTTEST,
    TemperatureScaling,
    expected_calibration_error,
    reliability_curve,
)
from headstart.evaluation.metrics import score


@st.composite
def problems(draw):
    n, n_classes = draw(st.integers(1, 60)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return rng.integers(0, n_classes, n), rng.dirichlet(np.full(n_classes, draw(st.sampled_from([0.05, 1.0, 20.0]))), n)


@settings(max_examples=50, deadline=None)
@given(problems())
def test_scaling_never_changes_a_prediction_nor_raises_the_log_loss_it_was_fitted_on(problem):
    codes, proba = problem
    scaling = TemperatureScaling().fit(codes, proba)
    after = scaling.transform(proba)
    np.testing.assert_allclose(after.sum(1), 1.0)
    top = np.take_along_axis(after, proba.argmax(1)[:, None], 1)[:, 0]
    np.testing.assert_allclose(top, after.max(1))
    assert COLDEST * 0.999 <= scaling.temperature_ <= HOTTEST * 1.001
    assert score("neg_log_loss", codes, after) >= score("neg_log_loss", codes, proba) - 1e-9


@settings(max_examples=30, deadline=None)
@given(problems(), st.integers(1, 30))
def test_the_curve_counts_every_row_once(problem, n_bins):
    codes, proba = problem
    curve = reliability_curve(codes, proba, n_bins=n_bins)
    assert curve.counts.sum() == len(codes)
    assert 0.0 <= curve.ece <= 1.0
    filled = curve.counts > 0
    right = (curve.counts[filled] * curve.accuracy[filled]).sum()
    assert right == pytest.approx((proba.argmax(1) == codes).sum())
    assert (np.abs(curve.confidence[filled] - curve.centres[filled]) <= 0.5 / n_bins + 1e-9).all()


def test_all_right_is_as_cold_and_uniform_as_it_was():
    codes = np.array([0, 1, 0])
    assert TemperatureScaling().fit(codes, np.eye(2)[codes] * 0.2 + 0.4).temperature_ == pytest.approx(COLDEST)
    assert TemperatureScaling().fit(codes, np.eye(2)[1 - codes] * 0.2 + 0.4).temperature_ == pytest.approx(HOTTEST)
    assert TemperatureScaling().fit(codes, np.full((3, 2), 0.5)).temperature_ == 1.0


def test_a_temperature_travels_as_a_float():
    fitted = TemperatureScaling().fit(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    again = TemperatureScaling(float(fitted))
    proba = np.array([[0.25, 0.75]])
    np.testing.assert_array_equal(again.transform(proba), fitted.transform(proba))
    np.testing.assert_allclose(TemperatureScaling(1.0).transform(proba), proba)


def test_rows_never_predicted_neither_count_nor_change():
    codes, proba = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [np.nan, np.nan]])
    fitted = TemperatureScaling().fit(codes, proba)
    assert fitted.temperature_ == TemperatureScaling().fit(codes[:3], proba[:3]).temperature_
    assert np.isnan(fitted.transform(proba)[3]).all()


def test_no_rows_have_no_calibration_error():
    assert np.isnan(expected_calibration_error(np.empty(0, dtype=int), np.empty((0, 2))))


def test_certain_and_right_has_no_error_and_certain_and_wrong_has_all():
    codes = np.array([0, 1, 1])
    assert expected_calibration_error(codes, np.eye(2)[codes]) == 0.0
    assert expected_calibration_error(codes, np.eye(2)[1 - codes]) == 1.0


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="temperature above 0, got 0"):
        TemperatureScaling(0)
    with pytest.raises(InputError, match="temperature above 0, got nan"):
        TemperatureScaling(float("nan"))
    with pytest.raises(InputError, match="needs a fit, got none"):
        TemperatureScaling().transform(np.eye(2))
    with pytest.raises(InputError, match="needs rows to fit, got none"):
        TemperatureScaling().fit(np.empty(0, dtype=int), np.empty((0, 2)))
    with pytest.raises(InputError, match="n_bins of at least 1, got 0"):
        reliability_curve(np.array([0]), np.array([[0.5, 0.5]]), n_bins=0)
