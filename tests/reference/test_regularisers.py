"""Regularisers against their formulas written out in numpy."""

import numpy as np
import torch
from torch import nn

from headstart.training.batches import Batch, tensor_batches
from headstart.training.regularisers.l2_sp import L2SP


class Network(nn.Module):
    """Pictures (b, 3, 8, 8) through two blocks to 6 features and 3 scores."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
            body = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU())
            self.trunk = nn.Sequential(stem, body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.trunk(x))

    @property
    def blocks(self):
        return {"0": self.trunk[0], "1": self.trunk[1]}


def pictures(n=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 3, 8, 8, generator=draw)
    return X, (X.mean(dim=(1, 2, 3)) > 0).long() + (X[:, 0].mean(dim=(1, 2)) > 0).long()


def moved(network, size=0.1, seed=1):
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(size * torch.randn(p.shape, generator=draw))


def begun(regulariser, n=12):
    network, (X, y) = Network(), pictures(n)
    regulariser.begin(network, network.blocks, tensor_batches((X,), (y,), size=5))
    return network, Batch((X,), (y,), np.arange(n))


def value(regulariser, network, batch):
    with regulariser.watching(network):
        features = network.trunk(*batch.inputs)
    return regulariser.penalty(network, batch, features, network.head(features))


def test_l2_sp():
    regulariser = L2SP(alpha=0.3, beta=0.07)
    network, batch = begun(regulariser)
    before = {name: p.detach().numpy().copy() for name, p in network.named_parameters()}
    moved(network)
    after = {name: p.detach().numpy() for name, p in network.named_parameters()}
    trunk = sum(((after[name] - before[name]) ** 2).sum() for name in before if name.startswith("trunk"))
    head = sum((after[name] ** 2).sum() for name in before if name.startswith("head"))
    found = value(regulariser, network, batch)
    np.testing.assert_allclose(float(found.detach()), 0.15 * trunk + 0.035 * head, rtol=1e-5)
    found.backward()
    place = network.trunk[0][0].weight
    wanted = 0.3 * (after["trunk.0.0.weight"] - before["trunk.0.0.weight"])
    np.testing.assert_allclose(place.grad.numpy(), wanted, rtol=1e-4, atol=1e-7)
