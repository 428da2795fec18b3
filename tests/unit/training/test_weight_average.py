"""Weights between those of several trainings."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.weight_average import greedy_soup, mean_weights, wise_ft


def network(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
        for _ in range(seed + 1):
            module(torch.randn(9, 4))
    return module


def weights(seed):
    return {name: tensor.clone() for name, tensor in network(seed).state_dict().items()}


def rows(seed=0, n=40):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=draw), torch.randint(0, 3, (n,), generator=draw)


def loss_on(X, y):
    def validate(module):
        assert not module.training
        with torch.no_grad():
            return float(functional.cross_entropy(module(X), y))

    return validate


def test_the_mean_is_numpy_s_and_counts_are_the_last_ones():
    states = [weights(seed) for seed in range(3)]
    found = mean_weights(states, [0.2, 0.3, 0.5])
    for name in states[0]:
        if name.endswith("num_batches_tracked"):
            assert found[name].dtype == torch.int64
            assert int(found[name]) == 3
            continue
        wanted = sum(share * state[name].double().numpy() for share, state in zip([0.2, 0.3, 0.5], states, strict=True))
        np.testing.assert_allclose(found[name].numpy(), wanted, rtol=1e-6, atol=1e-7)
        assert found[name].dtype == torch.float32
    alone = mean_weights([states[1]])
    assert all(torch.equal(alone[name], states[1][name]) for name in alone)
    half = mean_weights([{"a": torch.ones(2, dtype=torch.bfloat16)}, {"a": torch.zeros(2, dtype=torch.bfloat16)}])
    assert half["a"].dtype == torch.bfloat16


@pytest.mark.parametrize("seed", range(6))
def test_wise_ft_is_never_worse_than_either_end_on_the_validation_rows(seed):
    first, second, module = weights(seed), weights(seed + 10), network(99)
    copies = [{name: tensor.clone() for name, tensor in state.items()} for state in (first, second)]
    validate = loss_on(*rows(seed))
    found = wise_ft(module, first, second, validate)
    ends = []
    for state in (first, second):
        other = network(99)
        other.load_state_dict(state)
        ends.append(validate(other.eval()))
    assert validate(module) <= min(ends)
    assert validate(module) == min(found.losses) == found.losses[found.alphas.index(found.alpha)]
    assert (found.losses[0], found.losses[-1]) == pytest.approx(ends, rel=1e-6)
    wanted = mean_weights([first, second], [1 - found.alpha, found.alpha])
    assert all(torch.equal(module.state_dict()[name], wanted[name]) for name in wanted)
    for state, copy in zip((first, second), copies, strict=True):
        assert all(torch.equal(state[name], copy[name]) for name in state)


def test_the_ends_are_tried_and_bit_for_bit_and_the_middle_wins_a_tie():
    first, second, module = weights(0), weights(1), network(99)
    assert wise_ft(module, first, second, lambda m: 1.0, alphas=[0.3, 0.45]).alpha == 0.45
    found = wise_ft(module, first, second, lambda m: float((m[0].weight - first["0.weight"]).detach().abs().sum()))
    assert found.alpha == 0.0
    assert all(torch.equal(module.state_dict()[n], first[n]) for n in first if not n.endswith("tracked"))
    assert found.alphas == tuple(i / 10 for i in range(11))


def test_settling_comes_before_judging_and_stays():
    first, second, module = weights(0), weights(1), network(99)

    def settle(module):
        module.train()
        module[1].running_mean.fill_(7.0)

    wise_ft(module, first, second, lambda m: float(m[1].running_mean[0] != 7.0), settle=settle)
    assert float(module[1].running_mean[0]) == 7.0
    assert not module.training


def test_a_soup_written_out():
    states, module, validate = [weights(seed) for seed in range(5)], network(99), loss_on(*rows(3))

    def judged(members):
        other = network(98)
        other.load_state_dict(mean_weights([states[i] for i in members]))
        return validate(other.eval())

    alone = [judged([i]) for i in range(5)]
    order = list(np.argsort(alone))
    members = [order[0]]
    for place in order[1:]:
        if judged([*members, place]) <= judged(members):
            members.append(place)
    soup = greedy_soup(module, states, validate)
    assert list(soup.members) == members
    assert soup.losses == pytest.approx(alone)
    assert soup.loss == pytest.approx(judged(members))
    assert validate(module) == pytest.approx(soup.loss)
    assert soup.loss <= min(alone)


def test_a_state_that_is_worse_than_any_stays_out_and_a_broken_one_too():
    states, module, validate = [weights(0), weights(0), weights(1)], network(99), loss_on(*rows(0))
    states[1]["3.bias"] += torch.tensor([500.0, -500.0, 0.0])
    states[2]["3.bias"][0] = float("nan")
    soup = greedy_soup(module, states, validate)
    assert soup.members == (0,)
    assert soup.losses[2] == float("inf")


def test_what_makes_no_sense_is_refused():
    first, module = weights(0), network(99)
    other = {**first, "3.bias": torch.zeros(4)}
    with pytest.raises(InputError, match="got others in '3.bias'"):
        wise_ft(module, first, other, lambda m: 0.0)
    with pytest.raises(InputError, match="got others in '0.weight'"):
        greedy_soup(module, [first, {name: t for name, t in first.items() if name != "0.weight"}], lambda m: 0.0)
    with pytest.raises(InputError, match="alphas in 0..1"):
        wise_ft(module, first, first, lambda m: 0.0, alphas=[2])
    with pytest.raises(InputError, match="at least 1 state dict"):
        greedy_soup(module, [], lambda m: 0.0)
    for call in (lambda v: wise_ft(module, first, first, v), lambda v: greedy_soup(module, [first], v)):
        with pytest.raises(InputError, match="finite validation loss"):
            call(lambda m: float("nan"))
