"""Two-sample tests keep their level without a shift and find planted ones."""

import numpy as np
import pytest
from scipy.stats import kstest

from headstart.evaluation.two_sample import mmd
from headstart.evaluation.two_sample.feature_shifts import feature_shifts
from headstart.evaluation.two_sample.label_shift import label_shift
from headstart.evaluation.two_sample.proxy_a_distance import proxy_a_distance
from headstart.evaluation.two_sample.registry import ROW_TESTS
from headstart.evaluation.two_sample.support_overlap import support_overlap

N_SEEDS = 200
MANY = 4.0
"""Standard errors within which the rate of rejection is to lie."""


def _null(seed, n=30, m=45, d=4):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((d, d))
    return rng.standard_t(5, (n, d)) @ mixing, rng.standard_t(5, (m, d)) @ mixing


def _is_level(p_values, alpha):
    error = np.sqrt(alpha * (1 - alpha) / len(p_values))
    return abs(np.mean(np.asarray(p_values) <= alpha) - alpha) < MANY * error


@pytest.mark.parametrize("name", [*ROW_TESTS.names(), "mmd by groups"])
def test_without_a_shift_p_values_are_uniform(name, monkeypatch):
    if name == "mmd by groups":
        name = "mmd"
        monkeypatch.setattr(mmd, "DENSE_ROWS", 10)
        monkeypatch.setattr(mmd, "MOST_GROUPS", 40)
    p = [ROW_TESTS.make(name, n_permutations=39, random_state=s).test(*_null(s)).p_value for s in range(N_SEEDS)]
    assert _is_level(p, 0.05)
    assert _is_level(p, 0.25)
    blurred = np.array(p) - np.random.default_rng(0).random(N_SEEDS) / 40  # p-values are multiples of 1 / 40
    assert kstest(blurred, "uniform").pvalue > 1e-4


SHIFTS = {
    "place": lambda X: X + 0.9,
    "spread": lambda X: X * 2.0,
}


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("name", ROW_TESTS.names())
def test_a_planted_shift_is_found(name, shift):
    rejected = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        S, T = rng.standard_normal((100, 3)), SHIFTS[shift](rng.standard_normal((80, 3)))
        rejected.append(ROW_TESTS.make(name, n_permutations=99, random_state=seed).test(S, T).p_value <= 0.05)
    assert np.mean(rejected) >= 0.9


def test_many_rows_find_a_small_shift_that_few_do_not():
    found = []
    for n in (60, 6000):
        rng = np.random.default_rng(0)
        S, T = rng.standard_normal((n, 3)), rng.standard_normal((n, 3)) + 0.1
        found.append(ROW_TESTS.make("mmd", n_permutations=99).test(S, T).p_value)
    assert found[1] == 0.01 < found[0]


def _predictions(seed, share, n=200):
    rng = np.random.default_rng(seed)
    y, z = ((rng.random(n) < p).astype(int) for p in (0.5, share))
    proba = [1 / (1 + np.exp(-2 * (2 * c - 1) - rng.standard_normal(n))) for c in (y, z)]
    return [np.column_stack([1 - p, p]) for p in proba], y, z


def test_the_label_shift_test_keeps_its_level_and_finds_the_shares():
    p = []
    for seed in range(N_SEEDS):
        (P, Q), y, _ = _predictions(seed, 0.5)
        p.append(label_shift(P, y, Q, n_permutations=99).p_value)
    assert np.mean(np.array(p) <= 0.05) < 0.05 + MANY * np.sqrt(0.05 * 0.95 / N_SEEDS)
    errors, rejected = [], []
    for seed in range(20):
        (P, Q), y, z = _predictions(seed, 0.8)
        found = label_shift(P, y, Q)
        errors.append(found.target_shares[1] - z.mean())
        rejected.append(found.p_value <= 0.05)
    assert np.mean(rejected) == 1
    assert abs(np.mean(errors)) < 0.03


def test_columns_that_did_not_change_are_seldom_named_and_those_that_did_are():
    named, found = [], []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        S, T = ({f"x{i}": rng.standard_normal(60) for i in range(6)} | {"c": rng.integers(0, 3, 60)} for _ in "ST")
        named.append(any(shift.adjusted_p_value <= 0.05 for shift in feature_shifts(S, T)))
        if seed < 20:
            T["x3"] = T["x3"] + 1.5
            found.append(feature_shifts(S, T)[0].name == "x3")
    assert np.mean(named) < 0.05 + MANY * np.sqrt(0.05 * 0.95 / N_SEEDS)
    assert np.mean(found) == 1


def test_distance_and_overlap_go_with_the_shift():
    distances, inside, sizes = [], [], []
    for shift in (0.0, 1.0, 4.0):
        each = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            S, T = rng.standard_normal((200, 3)), rng.standard_normal((200, 3)) + shift
            overlap = support_overlap(S, T)
            each.append((proxy_a_distance(S, T), overlap.inside, overlap.effective_share))
        distance, within, size = np.mean(each, axis=0)
        distances, inside, sizes = [*distances, distance], [*inside, within], [*sizes, size]
    assert distances[0] < 0.2 < distances[1] < distances[2] <= 2.0
    assert distances[2] > 1.9
    assert inside[0] == pytest.approx(0.95, abs=0.04)
    assert inside[0] > inside[1] > inside[2]
    assert sizes[0] > 0.8 > sizes[1] > sizes[2]
