"""What moves: the levels of real backbones, the weights that are chosen, rates by hand, and what is refused."""

import copy

import pytest
import torch
from torch import nn

from headstart.backbones.registry import open_backbone
from headstart.errors import InputError, UnknownNameError
from headstart.testing.moving_networks import convolutional, text_transformer, vision_transformer
from headstart.training.batches import tensor_batches
from headstart.training.callback import Callback
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.moving._levels import is_norm_layer, levels_of
from headstart.training.moving.registry import MOVING
from headstart.training.settings import TrainSettings


class Network(nn.Module):
    """A trunk and a head that nobody calls."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(4, 2)


def opened(name):
    found = open_backbone(f"{name}@random").open()
    return Network(found.module), dict(found.blocks)


EFFICIENTNET = [("conv_stem", "bn1"), *((f"blocks.{i}",) for i in range(7)), ("conv_head", "bn2")]
MINILM = [
    ("model.embeddings",),
    *((f"model.encoder.layer.{i}",) for i in range(5)),
    ("model.encoder.layer.5", "model.pooler"),
]
WHISPER = [
    ("conv1",),
    ("conv2",),
    ("embed_positions",),
    *((f"layers.{i}",) for i in range(3)),
    ("layers.3", "layer_norm"),
]
RESNET = [("conv1", "bn1"), *((f"layer{i}",) for i in range(1, 5))]
VIT = [("patch_embed",), *((f"blocks.{i}",) for i in range(5)), ("blocks.5", "norm")]
REAL = {
    "efficientnet_lite0": EFFICIENTNET,
    "efficientnet_lite2": EFFICIENTNET,
    "all_minilm_l6_v2": MINILM,
    "whisper_tiny": WHISPER,
    "torchvision/resnet18": RESNET,
    "timm/test_vit": VIT,
}


@pytest.mark.parametrize("name", REAL)
def test_every_parameter_of_a_real_backbone_has_one_level(name):
    network, blocks = opened(name)
    levels = levels_of(network.trunk, blocks)
    assert [level.names for level in levels] == REAL[name]
    placed = [id(parameter) for level in levels for parameter in level.parameters]
    assert len(placed) == len(set(placed))
    assert set(placed) == {id(parameter) for parameter in network.trunk.parameters()}
    for level in levels:
        own = {id(p) for block in level.names for p in blocks[block].parameters()}
        more = {id(p) for p in level.parameters} - own
        assert not more or level is levels[0]


@pytest.mark.parametrize("name", REAL)
def test_the_first_moving_block_of_a_real_backbone(name):
    network, blocks = opened(name)
    names = [level[0] for level in REAL[name]]
    wanted = {
        ("linear_probe", None): None,
        ("full", None): names[0],
        ("layer_decay", None): names[0],
        ("gradual_unfreeze", 2): names[-2],
        **{("last_blocks", k): names[-k] for k in range(1, len(names) + 1)},
    }
    for (member, k), block in wanted.items():
        moves = MOVING.make(member, **({} if k is None else {"k": k})).apply(network, blocks)
        assert moves.first_moving_block == block, (member, k)
        lower = names[: names.index(block)] if block else names
        assert not any(p.requires_grad for low in lower for p in blocks[low].parameters())
    for member in ("lora", "side_adapters"):
        moves = MOVING.make(member, k=1).apply(network, blocks)
        assert moves.first_moving_block == names[-1]
        moves.merge()


def test_what_belongs_to_no_block_moves_with_the_stem():
    case = vision_transformer()
    moves = MOVING.make("named_blocks", blocks=["stem"]).apply(case.network, case.blocks)
    assert moves.first_moving_block == "stem"
    moving = {name for name, p in case.network.named_parameters() if p.requires_grad}
    assert {n for n in moving if n.startswith("trunk.")} == {
        "trunk.token",
        "trunk.positions",
        "trunk.stem.0.weight",
        "trunk.stem.0.bias",
    }
    MOVING.make("last_blocks", k=3).apply(case.network, case.blocks)
    assert not case.network.trunk.token.requires_grad


def test_the_weights_that_move_by_name():
    def moving(make, name, **settings):
        case = make()
        MOVING.make(name, **settings).apply(case.network, case.blocks)
        return {
            n.removeprefix("trunk.")
            for n, p in case.network.named_parameters()
            if p.requires_grad and n.startswith("trunk.")
        }

    assert moving(convolutional, "linear_probe") == set()
    norms = {"stem.1", "blocks.0.1", "blocks.1.1", "blocks.2.1", "norm"}
    assert moving(convolutional, "norms") == {f"{n}.{part}" for n in norms for part in ("weight", "bias")}
    convolutions = {"blocks.0.0", "blocks.1.0", "blocks.2.0", "blocks.2.2"}
    assert moving(convolutional, "biases") == {f"{n}.bias" for n in norms | convolutions}
    attention = {"self_attn.in_proj_bias", "self_attn.out_proj.bias", "linear1.bias", "linear2.bias"}
    in_block = attention | {"norm1.bias", "norm2.bias"}
    wanted = {"stem.0.bias", "norm.bias", *(f"blocks.{i}.{n}" for i in range(3) for n in in_block)}
    assert moving(vision_transformer, "biases") == wanted
    last = {f"blocks.2.{n}.{part}" for n in ("query", "key", "value", "output", "norm") for part in ("weight", "bias")}
    assert moving(text_transformer, "last_blocks") == last | {"norm.weight", "norm.bias"}
    assert moving(text_transformer, "named_blocks", blocks=["blocks.2"]) == last
    assert moving(convolutional, "side_adapters", k=1) == {
        "blocks.2.0.adapters.weight.matrix",
        "blocks.2.2.adapters.weight.matrix",
    }


def test_rates_fall_by_depth_as_in_a_table_by_hand():
    case = vision_transformer()
    rate_of = MOVING.make("layer_decay", decay=0.5).apply(case.network, case.blocks).rate_of
    table = {
        "head.weight": 1.0,
        "head.bias": 1.0,
        "trunk.norm.weight": 0.5,
        "trunk.blocks.2.linear1.weight": 0.5,
        "trunk.blocks.1.self_attn.in_proj_weight": 0.25,
        "trunk.blocks.0.norm1.bias": 0.125,
        "trunk.stem.0.weight": 0.0625,
        "trunk.token": 0.0625,
        "trunk.positions": 0.0625,
    }
    assert {name: rate_of(name) for name in table} == table
    network, blocks = opened("efficientnet_lite0")
    rate_of = MOVING.make("layer_decay", decay=0.8).apply(network, blocks).rate_of
    assert rate_of("trunk.bn2.weight") == rate_of("trunk.conv_head.weight") == pytest.approx(0.8)
    assert rate_of("trunk.blocks.6.0.conv_pw.weight") == pytest.approx(0.64)
    assert rate_of("trunk.bn1.bias") == rate_of("trunk.conv_stem.weight") == pytest.approx(0.8**9)


class Watching(Callback):
    """Keeps the state of the module after each epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, state):
        self.states.append(copy.deepcopy(state.module.state_dict()))


@pytest.mark.parametrize("epochs_each", [1, 2])
@pytest.mark.parametrize("make", [convolutional, vision_transformer, text_transformer])
def test_a_block_is_frozen_to_the_bit_until_its_turn(make, epochs_each):
    case, watching = make(), Watching()
    moves = MOVING.make("gradual_unfreeze", epochs_each=epochs_each).apply(case.network, case.blocks)
    states = [copy.deepcopy(case.network.state_dict())]
    settings = TrainSettings(epochs=5 * epochs_each, learning_rate=0.003, weight_decay=0.5, ema_decay=0.9)
    batches = tensor_batches(case.inputs, (case.targets,), size=8)
    train(case.network, batches, CrossEntropy(), settings=settings, callbacks=(*moves.callbacks, watching))
    states += watching.states
    turn_of = {"blocks.2.": 1, "norm.": 1, "blocks.1.": 2, "blocks.0.": 3, "stem.": 4, "token": 4, "positions": 4}
    for name in states[0]:
        turn = next((t for start, t in turn_of.items() if name.removeprefix("trunk.").startswith(start)), 0)
        for epoch in range(5 * epochs_each):
            before, after = states[epoch][name].numpy().tobytes(), states[epoch + 1][name].numpy().tobytes()
            assert (before != after) == (epoch >= turn * epochs_each), (name, epoch)


def test_a_new_name_of_a_block_or_too_many_blocks_are_told():
    case = convolutional()
    with pytest.raises(UnknownNameError, match=r"got 'block\.1'. Did you mean 'blocks\.1'"):
        MOVING.make("named_blocks", blocks=["stem", "block.1"]).apply(case.network, case.blocks)
    for blocks in ([], "stem"):
        with pytest.raises(InputError, match=r"named_blocks needs a list of names of blocks, got .* Name"):
            MOVING.make("named_blocks", blocks=blocks).apply(case.network, case.blocks)
    for name in ("last_blocks", "gradual_unfreeze", "lora", "side_adapters"):
        for k in (0, 5):
            with pytest.raises(InputError, match=rf"{name} needs k in 1\.\.4 for this backbone, got {k}"):
                MOVING.make(name, k=k).apply(case.network, case.blocks)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("layer_decay", {"decay": 0.0}, "decay between 0 and 1, got 0.0"),
        ("layer_decay", {"decay": 1.0}, "decay between 0 and 1, got 1.0"),
        ("gradual_unfreeze", {"epochs_each": 0}, "epochs_each of at least 1, got 0"),
        ("lora", {"rank": 0}, "rank of at least 1"),
        ("lora", {"alpha": -1.0}, "alpha above 0, got 8 and -1.0"),
        ("lora", {"rank": 100}, "pair of rank 100, got none"),
        ("side_adapters", {"parts": 1}, "parts of at least 2, got 1"),
    ],
)
def test_settings_that_make_no_sense_are_told_and_change_nothing(name, settings, words):
    case = text_transformer()
    before = [p.requires_grad for p in case.network.parameters()]
    with pytest.raises(InputError, match=words):
        MOVING.make(name, **settings).apply(case.network, case.blocks)
    assert [p.requires_grad for p in case.network.parameters()] == before


def test_networks_without_what_is_to_move_are_told():
    bare = Network(nn.Sequential(nn.Linear(4, 4, bias=False)))
    for name in ("norms", "biases"):
        with pytest.raises(InputError, match=f"{name} needs a backbone with {name}, got one without"):
            MOVING.make(name).apply(bare, {"0": bare.trunk[0]})
    lone = Network(nn.Sequential(nn.Linear(1, 4)))
    with pytest.raises(InputError, match="side_adapters needs layers with several inputs"):
        MOVING.make("side_adapters").apply(lone, {"0": lone.trunk[0]})
    with pytest.raises(InputError, match=r"modules .trunk and .head, got Linear"):
        MOVING.make("full").apply(nn.Linear(2, 2), {})
    with pytest.raises(InputError, match="got 'blocks.0' of another module"):
        MOVING.make("last_blocks").apply(bare, {"blocks.0": nn.Linear(4, 4)})


def test_a_trunk_without_blocks_is_one_level():
    network = Network(nn.Linear(4, 4))
    assert MOVING.make("full").apply(network, {}).first_moving_block == "stem"
    assert MOVING.make("linear_probe").apply(network, {}).first_moving_block is None
    rate_of = MOVING.make("layer_decay", decay=0.5).apply(network, {}).rate_of
    assert (rate_of("trunk.weight"), rate_of("head.weight"), rate_of("elsewhere")) == (0.5, 1.0, 1.0)


def test_adapters_upon_adapters_are_refused():
    case = text_transformer()
    first = MOVING.make("lora", rank=2).apply(case.network, case.blocks)
    with pytest.raises(InputError, match="Merge those first"):
        MOVING.make("side_adapters", parts=4).apply(case.network, case.blocks)
    first.merge()
    second = MOVING.make("side_adapters", parts=4).apply(case.network, case.blocks)
    assert second.first_moving_block == "blocks.0"


def test_a_weight_that_two_layers_share_gets_no_adapter():
    trunk = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    trunk[2].weight = trunk[0].weight
    network = Network(trunk)
    MOVING.make("lora", rank=1).apply(network, {str(i): layer for i, layer in enumerate(trunk)})
    assert {n for n, p in trunk.named_parameters() if p.requires_grad} == {
        "1.adapters.weight.down",
        "1.adapters.weight.up",
    }


def test_an_adapted_network_can_be_copied():
    case = vision_transformer()
    moves = MOVING.make("lora", rank=2).apply(case.network, case.blocks)
    with torch.no_grad():
        for name, parameter in case.network.named_parameters():
            if name.endswith(".up"):
                parameter.fill_(0.1)
    other = copy.deepcopy(case.network).eval()
    wanted = case.network.eval()(*case.inputs)
    torch.testing.assert_close(other(*case.inputs), wanted, rtol=0, atol=0)
    moves.merge()
    torch.testing.assert_close(other(*case.inputs), wanted, rtol=0, atol=0)


def test_norms_are_known_by_what_they_are():
    assert all(map(is_norm_layer, (nn.LayerNorm(3), nn.BatchNorm2d(3), nn.GroupNorm(1, 3), nn.RMSNorm(3))))
    assert not any(map(is_norm_layer, (nn.LayerNorm(3, elementwise_affine=False), nn.Linear(3, 3), nn.Sequential())))
