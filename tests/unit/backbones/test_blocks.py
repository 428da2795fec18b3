"""Blocks: stem first, lists taken apart, numbered rows kept whole."""

from collections import OrderedDict

import pytest
from torch import nn

from headstart.backbones import registry
from headstart.backbones._blocks import ordered_blocks


def test_efficientnet_lite0():
    names = list(registry.open_backbone("efficientnet_lite0@random").open().blocks)
    assert names == ["conv_stem", "bn1", *(f"blocks.{i}" for i in range(7)), "conv_head", "bn2"]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("torchvision/resnet18@random", ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]),
        (
            "timm/test_vit@random",
            ["patch_embed", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5", "norm"],
        ),
    ],
)
def test_known_models(name, blocks):
    assert list(registry.open_backbone(name).open().blocks) == blocks


def test_parts_without_parameters_are_left_out_and_a_large_leaf_stays_whole():
    module = nn.Sequential(OrderedDict(stem=nn.Linear(2, 2), act=nn.ReLU(), last=nn.Linear(2, 50)))
    assert list(ordered_blocks(module)) == ["stem", "last"]


def test_a_part_with_parameters_of_its_own_stays_whole():
    encoder = nn.MultiheadAttention(16, 2)
    module = nn.Sequential(OrderedDict(stem=nn.Linear(2, 2), encoder=encoder))
    assert list(ordered_blocks(module)) == ["stem", "encoder"]
