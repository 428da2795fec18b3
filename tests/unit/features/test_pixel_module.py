"""Pixels enter a backbone with their channels side by side in memory, and nothing else changes by that."""

import numpy as np
import torch
from torch import nn

from headstart.training.own_backbone import own_backbone
from headstart.training.trunk import open_trunk
from headstart.types import ImageInput

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def pictures(n=4):
    return list(np.random.default_rng(0).integers(0, 256, (n, 24, 24, 3), dtype=np.uint8))


def test_convolutions_compute_in_the_layout_that_is_faster_on_a_cpu():
    trunk = open_trunk(own_backbone(network(), ImageInput(24, 24, 1.0, "bilinear", MEAN, STD)))
    is_side_by_side = []

    def see(module, inputs, output):
        for tensor in (inputs[0], output):
            is_side_by_side.append(tensor.is_contiguous(memory_format=torch.channels_last))

    for module in trunk.module.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(see)
    trunk.module(*trunk.loader(pictures())(np.arange(4), 0))
    assert is_side_by_side == [True] * 4


def test_features_and_gradients_are_those_of_the_plain_layout():
    trunk = open_trunk(own_backbone(network(), ImageInput(24, 24, 1.0, "bilinear", MEAN, STD)))
    features = trunk.module(*trunk.loader(pictures())(np.arange(4), 0))
    features.square().sum().backward()
    plain = network()
    x = torch.from_numpy(np.stack(pictures())).permute(0, 3, 1, 2).contiguous().float() / 255
    wanted = plain((x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
    wanted.square().sum().backward()
    torch.testing.assert_close(features, wanted, rtol=1e-5, atol=1e-6)
    for own, other in zip(trunk.module.module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-4, atol=1e-5)
