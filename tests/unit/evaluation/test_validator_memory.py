"""Validators need memory in proportion to the rows of the target."""

import tracemalloc

import numpy as np
import pytest

from headstart.evaluation.validators.registry import make_validator
from headstart.testing.validator_checks import NearestCentre

N = 60_000
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, N)
X = (3 * np.eye(3, 8)[Y] + RNG.standard_normal((N, 8))).astype(np.float32)
MODEL = NearestCentre().fit(X[:500], Y[:500])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("soft_neighbourhood_density", {"n_anchors": 500}),
        ("soft_neighbourhood_density", {"n_anchors": 500, "of": "features"}),
        ("mixval", {}),
        ("circular", {}),
        ("information_maximisation", {}),
        ("nuclear_norm", {}),
        ("dev", {"max_rows": 1000}),
    ],
)
def test_the_peak_is_a_few_copies_of_the_rows(name, settings):
    scorer = make_validator(name, X_target=X, **settings)
    tracemalloc.start()
    found = scorer.estimate(MODEL, X[:1000], Y[:1000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(found.value)
    assert peak < 200e6  # an array of n x n_anchors would take 240 MB, one of n x n 29 GB


def test_a_draw_of_rows_keeps_to_its_number():
    assert make_validator("mixval", X_target=X, max_rows=300).estimate(MODEL, X).n_rows == 300
    assert make_validator("circular", X_target=X, max_rows=300).estimate(MODEL, X, Y).n_rows == 300
    assert make_validator("dev", X_target=X, max_rows=300).estimate(MODEL, X, Y).n_rows == 300
    found = make_validator("soft_neighbourhood_density", X_target=X, n_anchors=300).estimate(MODEL, X)
    assert found.n_rows == 300
    whole = make_validator("soft_neighbourhood_density", X_target=X, n_anchors=3000).estimate(MODEL, X)
    assert abs(found.value - whole.value) < 4 * found.standard_error
