"""The assignment over few entries, begun from rough potentials, against the dense solver."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array

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


@pytest.mark.parametrize(("d", "open_each", "joins"), [(40, 30, False), (3, 30, False), (3, 8, True)])
def test_few_entries_prove_the_optimum_or_let_more_join(d, open_each, joins, monkeypatch):
    monkeypatch.setattr(assignment, "OPEN_EACH", open_each)
    tried = []
    solve = assignment._sparse_assignment
    monkeypatch.setattr(assignment, "_sparse_assignment", lambda entries: tried.append(entries.nnz) or solve(entries))
    costs = _distances(500, d, 0)
    first, second = assignment._rough_potentials(costs)
    found = assignment._grown_assignment(costs - first[:, None] - second)
    assert _total(costs, found) == pytest.approx(_least(costs), rel=1e-12)
    assert (len(tried) > 1) == joins
    assert max(tried) < costs.size / 8


def test_potentials_of_the_columns_leave_no_open_entry_cheaper_than_the_rows_own():
    costs = _distances(60, 3, 0)
    rows, columns = linear_sum_assignment(costs)
    potentials = assignment._column_potentials(csr_array(costs), columns, 1e-12)
    lead = costs - potentials - (costs[rows, columns] - potentials[columns])[:, None]
    assert lead.min() >= -1e-10
    assert assignment._column_potentials(csr_array(costs), np.roll(columns, 1), 1e-12) is None, "a better one exists"


def test_what_few_entries_do_not_hold_is_left_to_the_dense_solver():
    assert assignment._grown_assignment(np.full((400, 400), 3.0)) is None, "all tie"
    lonely = 1 + np.random.default_rng(0).random((400, 400))
    lonely[0] = 50.0
    assert assignment._grown_assignment(lonely) is None, "a row has no small entry"
    assert _total(lonely, least_assignment(lonely)) == pytest.approx(_least(lonely), rel=1e-12)
