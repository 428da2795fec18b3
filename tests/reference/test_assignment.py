"""The assignment begun from rough potentials against the one found without."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import headstart.strategies._mathematics.assignment as assignment
from headstart.strategies._mathematics.assignment import least_assignment


def _total(costs, columns):
    assert np.array_equal(np.sort(columns), np.arange(len(costs)))
    return costs[np.arange(len(costs)), columns].sum()


def _least(costs):
    return costs[linear_sum_assignment(costs)].sum()


def _distances(n, d, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((n, d)), 1.5 * rng.standard_normal((n, d)) + 1
    return np.square(first[:, None] - second).sum(axis=2)


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("n", [15, 90, 320])
def test_the_assignment_is_the_optimum_of_the_whole_matrix(n, d, monkeypatch):
    monkeypatch.setattr(assignment, "SMALL", 10)
    for seed in range(3):
        costs = _distances(n, d, seed)
        kept = costs.copy()
        assert _total(costs, least_assignment(costs)) == pytest.approx(_least(costs), rel=1e-12)
        assert np.array_equal(costs, kept)
        assert _total(kept, least_assignment(costs, overwrites=True)) == pytest.approx(_least(kept), rel=1e-12)


def test_potentials_are_nearly_those_of_the_optimum():
    costs = _distances(400, 40, 0)
    first, second = assignment._rough_potentials(costs)
    bound = first.sum() + second.sum() + np.minimum(costs - first[:, None] - second, 0).min(axis=1).sum()
    assert bound <= _least(costs)  # weak duality
    assert bound > 0.95 * _least(costs) > costs.min(axis=1).sum()


@pytest.mark.parametrize("kind", ["equal", "repeated", "whole numbers", "negative", "far apart"])
def test_ties_and_wide_ranges_are_solved_too(kind, monkeypatch):
    monkeypatch.setattr(assignment, "SMALL", 20)
    rng = np.random.default_rng(1)
    costs = {
        "equal": np.full((60, 60), 3.0),
        "repeated": np.repeat(np.repeat(rng.random((15, 15)), 4, axis=0), 4, axis=1),
        "whole numbers": rng.integers(0, 4, (60, 60)).astype(float),
        "negative": rng.random((60, 60)) - 2,
        "far apart": 10.0 ** rng.uniform(-3, 6, (60, 60)),
    }[kind]
    assert _total(costs, least_assignment(costs)) == pytest.approx(_least(costs), rel=1e-9)
