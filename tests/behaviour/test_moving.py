"""What moves helps where the shift is: members beat others under the shift that they suit, over several seeds."""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import ttest_rel
from torch import nn

from headstart.training.batches import tensor_batches
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.moving.registry import MOVING
from headstart.training.settings import TrainSettings

N_SEEDS, D, WIDTH, N_CLASSES = 6, 10, 32, 4


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.wide = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        return x + torch.relu(self.wide(self.norm(x)))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        stem = nn.Sequential(nn.BatchNorm1d(D), nn.Linear(D, WIDTH))
        self.trunk, self.head = nn.Sequential(stem, Block(), Block(), Block()), nn.Linear(WIDTH, N_CLASSES)

    def forward(self, x):
        return self.head(self.trunk(x))


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rows(seed, part, n):
    """Rows that a random network of one hidden layer labels."""
    x = draw(1000 * part + seed, n, D)
    return x, (torch.relu(x @ draw(seed, D, 24)) @ draw(seed + 500, 24, N_CLASSES)).argmax(1)


def turned(x, y, seed):
    """The inputs seen through another basis: the first layer no longer fits, and more than its scales."""
    return x @ torch.linalg.qr(draw(seed + 50, D, D))[0], y


def scaled(x, y, seed):
    """Each input in another unit and from another zero."""
    return x * torch.exp(draw(seed + 50, D)) + 3 * draw(seed + 70, D), y


def renamed(x, y, seed):
    """The same features, other names of the classes."""
    return x, (y + 1) % N_CLASSES


N_ROWS = {turned: 80, scaled: 40, renamed: 40}
SETTINGS = {"named_blocks": {"blocks": ["0"]}, "lora": {"rank": 2}, "side_adapters": {"parts": 5}}
SETTINGS["gradual_unfreeze"] = {"epochs_each": 4}


def fitted(network, x, y, *, size, epochs, learning_rate, **what):
    settings = TrainSettings(epochs=epochs, learning_rate=learning_rate)
    train(network, tensor_batches((x,), (y,), size=size), CrossEntropy(), settings=settings, **what)
    return network


@cache
def pretrained(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network()
    return fitted(network, *rows(seed, 1, 3000), size=64, epochs=12, learning_rate=3e-3)


@cache
def accuracies(shift, name):
    """(N_SEEDS,) shares of target rows that are right."""
    found = []
    for seed in range(N_SEEDS):
        network = copy.deepcopy(pretrained(seed))
        moves = MOVING.make(name, **SETTINGS.get(name, {})).apply(network, dict(network.trunk.named_children()))
        x, y = shift(*rows(seed, 2, N_ROWS[shift]), seed)
        told = {"callbacks": moves.callbacks, "rate_of": moves.rate_of}
        fitted(network, x, y, size=16, epochs=30, learning_rate=1e-2, **told)
        moves.merge()
        x, y = shift(*rows(seed, 3, 2000), seed)
        with torch.no_grad():
            found.append(float((network(x).argmax(1) == y).float().mean()))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shift", "better", "worse"),
    [
        (turned, "full", "linear_probe"),
        (turned, "layer_decay", "linear_probe"),
        (turned, "lora", "linear_probe"),
        (turned, "side_adapters", "linear_probe"),
        (turned, "named_blocks", "last_blocks"),
        (scaled, "norms", "full"),
        (scaled, "biases", "full"),
        (scaled, "named_blocks", "last_blocks"),
        (renamed, "linear_probe", "full"),
        (renamed, "last_blocks", "full"),
        (renamed, "gradual_unfreeze", "full"),
        (renamed, "side_adapters", "full"),
    ],
)
def test_what_suits_the_shift_is_better(shift, better, worse):
    test = ttest_rel(accuracies(shift, better), accuracies(shift, worse), alternative="greater")
    assert test.pvalue < 0.05, (accuracies(shift, better), accuracies(shift, worse))
