"""The diagnosis names the kind of shift that was planted, and seldom one where there is none."""

import numpy as np
import pytest

import headstart as hs
from headstart.evaluation.two_sample.concept_shift import concept_shift

N_SEEDS = 6


def _planted(kind, seed, n=250):
    rng = np.random.default_rng(seed)
    share = 0.85 if kind == "label_shift" else 0.5
    y, z = ((rng.random(n) < p).astype(int) for p in (0.5, share))
    S, T = (rng.standard_normal((n, 4)) + 1.0 * np.outer(2 * c - 1, [1, 1, 0, 0]) for c in (y, z))
    if kind == "covariate_shift":
        T = T + [0, 0, 0.9, 0.5]
    return S, y, T, 1 - z if kind == "concept_shift" else z


@pytest.mark.parametrize("kind", ["none", "covariate_shift", "label_shift"])
def test_the_planted_kind_is_named_without_labels_of_the_target(kind):
    named = []
    for seed in range(N_SEEDS):
        S, y, T, _ = _planted(kind, seed)
        named.append(hs.diagnose(S, T, y_source=y, random_state=seed).kind == kind)
    assert np.mean(named) >= 0.8


def test_concept_shift_is_named_with_labels_of_the_target_alone():
    S, y, T, z = _planted("concept_shift", 0)
    assert hs.diagnose(S, T, y_source=y).kind == "none"
    found = hs.diagnose(S, T, y_source=y, y_target=z)
    assert found.kind == "concept_shift"
    assert found.true_accuracy.value < 0.2


@pytest.mark.parametrize("kind", ["none", "covariate_shift", "label_shift"])
def test_the_test_of_concept_shift_keeps_its_level_under_other_shifts(kind):
    p = [concept_shift(*_planted(kind, s, n=120), random_state=s).p_value for s in range(40)]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)


def test_a_boundary_that_turned_is_found():
    found = []
    for seed in range(5):
        S, y, T, _ = _planted("none", seed)
        z = (T[:, 0] + T[:, 2] + 0.5 * np.random.default_rng(seed).standard_normal(len(T)) > 0).astype(int)
        found.append(concept_shift(S, y, T, z, random_state=seed).p_value <= 0.05)
    assert np.mean(found) >= 0.8


def test_the_expected_accuracy_follows_class_shares_under_label_shift():
    errors = []
    for seed in range(4):
        S, y, T, z = _planted("label_shift", seed)
        found = hs.diagnose(S, T, y_source=y, y_target=z, random_state=seed)
        errors.append(found.expected_accuracy.value - found.true_accuracy.value)
    assert np.abs(errors).mean() < 0.06
