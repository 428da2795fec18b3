"""Losses against sums written out, and against torch's own."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.losses.mse import mse


def written_out(scores, code, smoothing, weights):
    p = np.exp(scores) / np.exp(scores).sum()
    wanted = np.full(len(scores), smoothing / len(scores))
    wanted[code] += 1 - smoothing
    return -weights[code] * sum(q * np.log(pk) for q, pk in zip(wanted, p, strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0]])
def test_cross_entropy_is_its_definition(smoothing, weights):
    scores = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([0, 1, 2, 2, 1, 0, 0])
    loss = CrossEntropy(smoothing=smoothing, class_weights=None if weights is None else torch.tensor(weights))
    wanted = [
        written_out(s, c, smoothing, weights or [1, 1, 1])
        for s, c in zip(scores.double().numpy(), codes.numpy(), strict=True)
    ]
    np.testing.assert_allclose(loss(scores, codes), wanted, rtol=1e-5)


def test_smoothing_is_that_of_torch():
    scores, codes = torch.randn(9, 4, generator=torch.Generator().manual_seed(1)), torch.arange(9) % 4
    wanted = functional.cross_entropy(scores, codes, label_smoothing=0.2, reduction="none")
    torch.testing.assert_close(CrossEntropy(smoothing=0.2)(scores, codes), wanted)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3)])
def test_mse_is_the_mean_over_the_columns(shape):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=shape), draw.normal(size=shape)
    wanted = [np.mean((np.atleast_1d(x) - np.atleast_1d(y)) ** 2) for x, y in zip(a, b, strict=True)]
    found = mse(torch.from_numpy(a).float(), torch.from_numpy(b).float())
    assert found.shape == (5,)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0]])
def test_cross_entropy_of_shares_is_the_sum_written_out(smoothing, weights):
    generator = torch.Generator().manual_seed(0)
    scores, shares = torch.randn(7, 3, generator=generator), torch.rand(7, 3, generator=generator)
    shares /= shares.sum(1, keepdim=True)
    loss = CrossEntropy(smoothing=smoothing, class_weights=None if weights is None else torch.tensor(weights))
    wanted = [
        sum(q * written_out(s, code, smoothing, weights or [1, 1, 1]) for code, q in enumerate(own))
        for s, own in zip(scores.double().numpy(), shares.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(loss(scores, shares), wanted, rtol=1e-5)
    codes = torch.tensor([0, 1, 2, 2, 1, 0, 0])
    torch.testing.assert_close(loss(scores, functional.one_hot(codes, 3).float()), loss(scores, codes))


def test_cross_entropy_of_shares_is_that_of_torch():
    generator = torch.Generator().manual_seed(2)
    scores, shares = torch.randn(9, 4, generator=generator), torch.rand(9, 4, generator=generator).softmax(1)
    wanted = functional.cross_entropy(scores, shares, label_smoothing=0.2, reduction="none")
    torch.testing.assert_close(CrossEntropy(smoothing=0.2)(scores, shares), wanted)
