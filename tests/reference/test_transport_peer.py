"""Transport plans against those of POT, the field's own library, where it has them in the same form."""

import warnings

import numpy as np
import pytest

import headstart.strategies._mathematics.transport as transport
from headstart.strategies._mathematics.transport import class_transport, exact_plan, plan_of, sinkhorn
from headstart.strategies.feature.linear_monge import LinearMonge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own text, where it is compiled for the first time
    ot = pytest.importorskip("ot", reason="POT is not installed: pip install 'headstart[dev]'")


def _costs(n, m, d=4, seed=0):
    rng = np.random.default_rng(seed)
    source, target = rng.standard_normal((n, d)), 1.5 * rng.standard_normal((m, d)) + 1
    costs = np.square(source[:, None] - target).sum(axis=2)
    return costs / costs.mean()


def _uniform(costs):
    return tuple(np.full(size, 1 / size) for size in costs.shape)


@pytest.mark.parametrize(("n", "m"), [(60, 60), (80, 50), (37, 91), (200, 150), (1, 7)])
def test_the_exact_plan_costs_what_theirs_does(n, m):
    costs = _costs(n, m)
    plan = exact_plan(costs)
    assert plan.multiply(costs).sum() == pytest.approx(np.sum(costs * ot.emd(*_uniform(costs), costs)), rel=1e-9)


@pytest.mark.parametrize("entropy", [0.02, 0.1, 1.0])
def test_the_entropic_plan_is_theirs(entropy):
    costs = _costs(60, 45)
    settings = {"numItermax": 100_000, "stopThr": 1e-12}
    expected = ot.sinkhorn(*_uniform(costs), costs, entropy, method="sinkhorn_log", **settings)
    found = plan_of(costs, *sinkhorn(costs, entropy, n_iterations=100_000, tolerance=1e-12), entropy)
    np.testing.assert_allclose(found, expected, atol=1e-9 / costs.size)


@pytest.mark.parametrize("relaxation", [0.1, 1.0, 10.0])
def test_the_unbalanced_plan_is_theirs(relaxation):
    costs, entropy = _costs(60, 45), 0.1
    expected = ot.unbalanced.sinkhorn_unbalanced(
        *_uniform(costs), costs, entropy, relaxation, reg_type="kl", numItermax=100_000, stopThr=1e-14
    )
    settings = {"relaxation": relaxation, "n_iterations": 100_000, "tolerance": 1e-13}
    found = plan_of(costs, *sinkhorn(costs, entropy, **settings), entropy)
    assert abs(found.sum() - 1) > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("class_weight", [0.05, 0.2])
def test_the_plan_with_the_class_penalty_is_theirs(class_weight, monkeypatch):
    costs, codes, entropy = _costs(60, 45), np.arange(60) % 3, 0.1
    expected = ot.da.sinkhorn_lpl1_mm(
        _uniform(costs)[0],
        codes,
        _uniform(costs)[1],
        costs,
        entropy,
        eta=class_weight / np.sqrt(45),
        numItermax=10,
        numInnerItermax=10_000,
        stopInnerThr=1e-13,
    )
    monkeypatch.setattr(transport, "SMOOTHING", 1e-3 * 45)  # a mass that theirs adds under the root
    found = class_transport(costs, codes, entropy, class_weight, n_rounds=9)
    plain = plan_of(costs, *sinkhorn(costs, entropy), entropy)
    assert np.abs(found - plain).max() > 1e-6
    np.testing.assert_allclose(found, expected, atol=1e-7 * expected.max())


def test_the_linear_map_is_theirs():
    rng = np.random.default_rng(0)
    source = rng.standard_normal((90, 4)) @ rng.standard_normal((4, 4))
    target = rng.standard_normal((70, 4)) @ rng.standard_normal((4, 4)) + 2
    moments = [rows.mean(axis=0) for rows in (source, target)] + [np.cov(rows.T) for rows in (source, target)]
    matrix, offset = ot.gaussian.bures_wasserstein_mapping(*moments)
    found = LinearMonge(regularization=0.0).fit(source, target).transform_source(source)
    np.testing.assert_allclose(found, source @ matrix + offset, atol=1e-8)
