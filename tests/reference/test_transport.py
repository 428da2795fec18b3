"""Transport plans and maps against linear programs, and against plain scaling of the kernel."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import xlogy

import headstart.strategies._mathematics.transport as transport
from headstart.strategies._mathematics.transport import class_transport, exact_plan, plan_of, sinkhorn
from headstart.strategies.feature.class_transport import ClassTransport
from headstart.strategies.feature.minibatch_transport import MiniBatchTransport
from headstart.strategies.feature.optimal_transport import OptimalTransport
from headstart.strategies.feature.sinkhorn import Sinkhorn


def _rows(n=40, m=30, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), 1.5 * rng.standard_normal((m, d)) + 1


def _costs(source, target):
    return np.square(source[:, None] - target).sum(axis=2)


def _least(costs):
    """The optimum of the whole linear program."""
    n, m = costs.shape
    sums = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(costs.ravel(), A_eq=sums, b_eq=np.r_[np.full(n, 1 / n), np.full(m, 1 / m)]).fun


@pytest.mark.parametrize(("n", "m"), [(30, 30), (40, 30), (12, 45)])
@pytest.mark.parametrize("grows", [False, True])
def test_the_exact_plan_is_the_optimum_of_the_linear_program(n, m, grows, monkeypatch):
    costs = _costs(*_rows(n, m))
    monkeypatch.setattr(transport, "WHOLE_PROGRAM", 0 if grows else 10**9)
    plan = exact_plan(costs)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / n, atol=1e-12)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / m, atol=1e-12)
    assert plan.multiply(costs).sum() == pytest.approx(_least(costs), rel=1e-9)


def test_the_exact_alignment_moves_rows_to_their_barycentres():
    source, target = _rows()
    found = OptimalTransport().fit(source, target)
    assert found.cost_ == pytest.approx(_least(_costs(source, target)), rel=1e-9)
    plan = found.plan_.toarray()
    np.testing.assert_allclose(found.transform_source(source), plan @ target * len(source), atol=1e-9)
    near = source[:5] + 1e-9
    np.testing.assert_allclose(found.transform_source(near), found.transform_source(source[:5]), atol=1e-8)
    assert found.transform_target(target) is target


@pytest.mark.parametrize("entropy", [0.3, 2.0])
@pytest.mark.parametrize("relaxation", [np.inf, 4.0])
def test_sinkhorn_is_the_scaling_of_the_kernel(entropy, relaxation):
    costs = _costs(*_rows())
    n, m = costs.shape
    kernel, a, b = np.exp(-costs / entropy), np.full(n, 1 / n), np.full(m, 1 / m)
    power = 1.0 if np.isinf(relaxation) else relaxation / (relaxation + entropy)
    u, v = np.ones(n), np.ones(m)
    for _ in range(20_000):
        u = (a / (kernel @ (v * b)) / a) ** power
        v = (b / (kernel.T @ (u * a)) / b) ** power
    expected = (u * a)[:, None] * kernel * (v * b)
    found = plan_of(costs, *sinkhorn(costs, entropy, relaxation=relaxation, n_iterations=20_000), entropy)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    if np.isinf(relaxation):
        np.testing.assert_allclose(found.sum(axis=1), a, atol=1e-9)


def test_sinkhorn_stays_finite_where_the_kernel_vanishes():
    costs = 1e4 * _costs(*_rows())
    plan = plan_of(costs, *sinkhorn(costs, 1.0, n_iterations=50), 1.0)
    assert np.isfinite(plan).all()
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 30, atol=1e-9)


def test_less_entropy_comes_closer_to_the_exact_plan():
    costs = _costs(*_rows())
    best = _least(costs)
    gaps = []
    for entropy in (3.0, 1.0, 0.3):
        plan = plan_of(costs, *sinkhorn(costs, entropy, n_iterations=5000), entropy)
        gaps.append(np.sum(plan * costs) - best)
    assert gaps[0] > gaps[1] > gaps[2] > 0


@pytest.mark.parametrize("relaxation", [None, 1.0])
def test_the_entropic_map_of_a_fitted_row_is_its_barycentre(relaxation):
    source, target = _rows()
    found = Sinkhorn(0.1, relaxation=relaxation, n_iterations=5000).fit(source, target)
    costs = _costs(source, target)
    potentials = found.source_potentials_, found.target_potentials_
    plan = plan_of(costs, *potentials, found.entropy_)
    expected = plan @ target / plan.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.transform_source(source), expected, atol=1e-9)


def test_the_class_penalty_never_rises_and_keeps_the_sums():
    source, target = _rows()
    costs, codes = _costs(source, target) / 5, np.arange(40) % 3
    belongs = codes == np.arange(3)[:, None]

    def objective(plan):
        # by the definition, with the smoothing of the roots
        masses = belongs @ plan
        roots = np.sqrt(masses + 1e-6 / 30).sum() / np.sqrt(30)
        return np.sum(plan * costs) + 0.1 * np.sum(xlogy(plan, plan * plan.size)) + 0.3 * roots

    plans = [class_transport(costs, codes, 0.1, 0.3, n_rounds=k) for k in (0, 1, 2, 4, 8, 16)]
    values = [objective(plan) for plan in plans]
    assert all(after <= before + 1e-6 for before, after in zip(values, values[1:], strict=False))
    assert values[-1] < values[0] - 1e-3
    for plan in plans:
        np.testing.assert_allclose(plan.sum(axis=0), 1 / 30, atol=1e-6)
        np.testing.assert_allclose(plan.sum(axis=1), 1 / 40, atol=1e-4)
    purity = [np.mean((belongs @ plan).max(axis=0) * 30) for plan in (plans[0], plans[-1])]
    assert purity[1] > purity[0]


def test_without_its_penalty_class_transport_is_sinkhorn():
    source, target = _rows()
    settings = {"entropy": 0.2, "n_iterations": 1000}
    plain = Sinkhorn(**settings).fit(source, target).transform_source(source)
    penalised = ClassTransport(0.2, class_weight=0.0).fit(source, target, y_source=np.arange(40) % 2)
    np.testing.assert_allclose(penalised.transform_source(source), plain, atol=1e-6)


def test_one_batch_is_sinkhorn_and_more_batches_come_closer():
    source, target = _rows(400, 380, 2)
    exact = Sinkhorn(0.1).fit(source, target).transform_source(source)
    whole = MiniBatchTransport(0.1, batch_size=400, n_iterations=1000).fit(source, target).transform_source(source)
    np.testing.assert_allclose(whole, exact, atol=1e-8)
    gaps = []
    for n_batches, size in ((1, 40), (16, 40), (16, 200)):
        each = []
        for seed in range(4):
            model = MiniBatchTransport(0.1, batch_size=size, n_batches=n_batches, random_state=seed)
            each.append(np.abs(model.fit(source, target).transform_source(source) - exact).mean())
        gaps.append(np.mean(each))
    assert gaps[0] > gaps[1] > gaps[2] > 0


def test_jdot_takes_turns_that_lower_its_objective():
    from sklearn.kernel_ridge import KernelRidge

    from headstart.strategies.feature.jdot import JDOT

    source, target = _rows()
    y = (source[:, 0] > 0).astype(int)
    model = JDOT(0.7, ridge=0.3, gamma=0.4, n_rounds=8).fit(source, y, X_target=target)
    wanted = np.eye(2)[y]
    gaps = 0.7 * _costs(source, target) / _costs(source, target).mean()
    values, objectives = None, []
    for _ in model.objectives_:
        costs = gaps if values is None else gaps + _costs(wanted, values)
        plan = exact_plan(costs).toarray()
        peer = KernelRidge(alpha=0.3, kernel="rbf", gamma=0.4).fit(target, plan.T @ wanted * len(target))
        values = peer.predict(target)
        K = np.exp(-0.4 * _costs(target, target))
        length = np.trace(peer.dual_coef_.T @ K @ peer.dual_coef_)
        objectives.append(np.sum(plan * (gaps + _costs(wanted, values))) + 0.3 * length / len(target))
    np.testing.assert_allclose(model.objectives_, objectives, rtol=1e-6)
    assert all(after <= before + 1e-9 for before, after in zip(objectives, objectives[1:], strict=False))
    np.testing.assert_allclose(model.decision_function(target), 4 * (values[:, 1] - values[:, 0]), atol=1e-6)
