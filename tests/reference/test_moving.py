"""Adapters against dense weights written out, in values and gradients; statistics against those of all rows at once."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.backbones.registry import open_backbone
from headstart.testing.moving_networks import convolutional
from headstart.training.batch_norm import re_estimate
from headstart.training.batches import tensor_batches
from headstart.training.moving.lora import Lora
from headstart.training.moving.side_adapters import SideAdapters


class Network(nn.Module):
    """One layer, or a backbone, and a head that nobody calls."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, nn.Linear(4, 2)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def fill(module, size=0.3, seed=3):
    """Adapters that have learnt something."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if ".adapters." in f".{name}":
                parameter.copy_(size * torch.randn(parameter.shape, generator=draw, dtype=parameter.dtype))


LAYERS = {
    "linear": (lambda: nn.Linear(24, 15), (5, 7, 24)),
    "linear_even": (lambda: nn.Linear(24, 16, bias=False), (5, 24)),
    "conv1d": (lambda: nn.Conv1d(12, 10, 5, stride=2, padding=1), (3, 12, 19)),
    "conv2d": (lambda: nn.Conv2d(12, 10, (3, 5), stride=(2, 1), padding=(0, 2), dilation=2), (3, 12, 11, 13)),
    "conv2d_even": (lambda: nn.Conv2d(6, 9, 4, stride=4, bias=False), (2, 6, 8, 12)),
    "conv2d_groups": (lambda: nn.Conv2d(12, 18, 3, padding=1, groups=3), (2, 12, 6, 5)),
    "conv2d_mirrored": (lambda: nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect"), (2, 6, 6, 5)),
    "conv2d_same": (lambda: nn.Conv2d(6, 6, 3, padding="same"), (2, 6, 6, 5)),
    "conv2d_narrow": (lambda: nn.Conv2d(16, 10, 1, stride=2), (2, 16, 6, 5)),
    "conv3d": (lambda: nn.Conv3d(4, 6, 3), (2, 4, 4, 5, 5)),
}


def dense_change(layer, adapter):
    """The change of the weight, entry by entry."""
    weight = layer._parameters["weight"].detach().numpy()
    change = np.zeros_like(weight)
    groups = getattr(layer, "groups", 1)
    if hasattr(adapter, "up"):
        up, down = adapter.up.detach().numpy(), adapter.down.detach().numpy()
        rank, n_in_group = up.shape[1], len(weight) // groups
        for o in range(len(weight)):
            for r in range(rank):
                change[o] += adapter.scale * up[o, r].item() * down[(o // n_in_group) * rank + r]
        return change
    matrix = adapter.matrix.detach().numpy()
    if weight.ndim > 2 and weight[0, 0].size > 1:
        centre = tuple(k // 2 for k in weight.shape[2:])
        change[(slice(None), slice(None), *centre)] = matrix.reshape(matrix.shape[:2])
        return change
    width = matrix.shape[1]
    parts = weight.shape[1] // width
    for o in range(len(weight)):
        for i in range(width):
            change[o, (o % parts) * width + i] = matrix[o, i]
    return change


def plain_output(layer, weight, x):
    """What the layer would answer with another weight."""
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, layer.bias)
    return layer._conv_forward(x, weight, layer.bias)


@pytest.mark.parametrize("member", [Lora(rank=2, alpha=3.0), SideAdapters(parts=8)], ids=["lora", "side_adapters"])
@pytest.mark.parametrize("kind", LAYERS)
def test_values_and_gradients_are_those_of_the_dense_weight(kind, member):
    make, shape = LAYERS[kind]
    layer, x = make().double(), noise(*shape)
    network = Network(nn.Sequential(layer))
    moves = member.apply(network, {"0": layer})
    fill(layer)
    adapter = layer.adapters["weight"]
    change = torch.from_numpy(dense_change(layer, adapter))
    plain = layer._parameters["weight"].detach()
    dense = (plain + change).requires_grad_()
    torch.testing.assert_close(layer.weight, dense, rtol=0, atol=1e-14)
    wanted = plain_output(layer, dense, x)
    found = layer(x)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    upstream = noise(*found.shape, seed=9)
    (found * upstream).sum().backward()
    (wanted * upstream).sum().backward()
    assert layer._parameters["weight"].grad is None
    for name, parameter in adapter.named_parameters():
        step = 1e-3  # the change is linear in each factor, so a difference is a derivative
        slopes = torch.zeros_like(parameter)
        for place in np.ndindex(*parameter.shape):
            with torch.no_grad():
                parameter[place] += step
                higher = torch.from_numpy(dense_change(layer, adapter))
                parameter[place] -= step
            slopes[place] = (dense.grad * (higher - change)).sum() / step
        torch.testing.assert_close(parameter.grad, slopes, rtol=1e-8, atol=1e-9, msg=name)
    before = layer(x)
    moves.merge()
    assert type(layer) is type(make())
    torch.testing.assert_close(layer.weight, dense.detach(), rtol=0, atol=1e-14)
    torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-12)


def test_the_gradient_of_a_pair_is_that_of_w_plus_ba():
    torch_layer = nn.Linear(24, 15).double()
    Lora(rank=3, alpha=6.0).apply(Network(nn.Sequential(torch_layer)), {"0": torch_layer})
    fill(torch_layer)
    pair, x, upstream = torch_layer.adapters["weight"], noise(9, 24), noise(9, 15, seed=1)
    (torch_layer(x) * upstream).sum().backward()
    of_weight = upstream.T @ x  # (15, 24), d loss / d (W + 2 BA)
    torch.testing.assert_close(pair.up.grad, 2 * of_weight @ pair.down.detach().T)
    torch.testing.assert_close(pair.down.grad, 2 * pair.up.detach().T @ of_weight)


@pytest.mark.parametrize("member", [Lora(rank=2), SideAdapters(parts=4)], ids=["lora", "side_adapters"])
@pytest.mark.parametrize("packed", [True, False])
def test_torch_s_attention_sees_the_changes_on_every_path(member, packed):
    others = {} if packed else {"kdim": 12, "vdim": 20}
    layer = nn.MultiheadAttention(16, 2, batch_first=True, **others).double()
    weights = ["in_proj_weight"] if packed else ["q_proj_weight", "k_proj_weight", "v_proj_weight"]
    network = Network(nn.Sequential(layer))
    moves = member.apply(network, {"0": layer})
    assert list(layer.adapters) == weights
    fill(network.trunk)
    query = noise(3, 6, 16)
    key, value = (query, query) if packed else (noise(3, 6, 12, seed=1), noise(3, 6, 20, seed=2))
    names = {name: p.requires_grad for name, p in layer.named_parameters()}
    assert {name for name, moving in names.items() if moving} == {name for name in names if ".adapters" in f".{name}"}
    trained = layer(query, key, value)[0]
    with torch.no_grad():
        evaluated = layer.eval()(query, key, value)[0]
    moves.merge()
    assert [name for name in names if "adapters" not in name] == list(dict(layer.named_parameters()))
    merged = layer(query, key, value)[0]
    torch.testing.assert_close(trained, merged, rtol=0, atol=1e-12)
    torch.testing.assert_close(evaluated, merged, rtol=0, atol=1e-12)


REAL = {
    "timm/test_vit": (noise(2, 3, 160, 160, dtype=torch.float32),),
    "efficientnet_lite0": (noise(1, 3, 96, 96, dtype=torch.float32),),
    "all_minilm_l6_v2": (torch.arange(12).reshape(2, 6), torch.ones(2, 6, dtype=torch.int64)),
    "whisper_tiny": (noise(1, 80, 200, dtype=torch.float32),),
}


@pytest.mark.parametrize("member", [Lora(rank=4), SideAdapters()], ids=["lora", "side_adapters"])
@pytest.mark.parametrize("name", REAL)
def test_real_backbones_answer_as_before_and_merge_exactly(name, member):
    opened = open_backbone(f"{name}@random").open()
    network = Network(opened.module.eval())
    names, inputs = list(opened.module.state_dict()), REAL[name]
    with torch.no_grad():
        before = opened.module(*inputs)
        moves = member.apply(network, opened.blocks)
        torch.testing.assert_close(opened.module(*inputs), before, rtol=0, atol=1e-6)
        fill(opened.module, size=0.05)
        learnt = opened.module(*inputs)
        moves.merge()
        merged = opened.module(*inputs)
    assert float((learnt - before).abs().max()) > 1e-3
    torch.testing.assert_close(merged, learnt, rtol=1e-5, atol=1e-5 * float(learnt.abs().max()))
    assert list(opened.module.state_dict()) == names
    assert all(type(module).__name__[:7] != "Adapted" for module in opened.module.modules())


def test_transformers_attention_and_timm_s_packed_one_get_pairs():
    for name, layers in (
        ("all_minilm_l6_v2", {"query", "key", "value"}),
        ("timm/test_vit", {"qkv", "proj"}),
        ("whisper_tiny", {"q_proj", "k_proj", "v_proj", "out_proj"}),
    ):
        opened = open_backbone(f"{name}@random").open()
        Lora(rank=4).apply(Network(opened.module), opened.blocks)
        adapted = {n.rpartition(".")[2] for n, module in opened.module.named_modules() if hasattr(module, "adapters")}
        assert layers <= adapted


@pytest.mark.parametrize("size", [22, 8, 5])
def test_re_estimated_statistics_of_the_first_norm_are_those_of_all_rows(size):
    case = convolutional()
    case.network.requires_grad_(True)
    first = case.network.trunk.stem[1]
    re_estimate(case.network, tensor_batches(case.inputs, (case.targets,), size=size))
    entering = case.network.trunk.stem[0](case.inputs[0]).detach().double()  # (22, 16, h, w)
    rows = entering.transpose(0, 1).flatten(1)
    torch.testing.assert_close(first.running_mean.double(), rows.mean(1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(first.running_var.double(), rows.var(1), rtol=1e-5, atol=1e-6)


def test_re_estimated_statistics_follow_batches_as_in_training():
    case = convolutional()
    case.network.requires_grad_(True)
    batches = tensor_batches(case.inputs, (case.targets,), size=6)
    norms = [module for module in case.network.modules() if isinstance(module, nn.BatchNorm2d)]
    entering = {norm: [] for norm in norms}
    hooks = [n.register_forward_pre_hook(lambda norm, inputs: entering[norm].append(inputs[0].double())) for n in norms]
    case.network.train()
    momenta = [norm.momentum for norm in norms]
    before = [norm.running_mean.clone() for norm in norms]
    with torch.no_grad():
        for rows in batches.epoch(0):
            case.network(case.inputs[0][torch.from_numpy(rows)])
    for hook, norm, mean in zip(hooks, norms, before, strict=True):
        hook.remove()
        norm.running_mean.copy_(mean)
    case.network.eval()
    re_estimate(case.network, batches)
    for norm, momentum in zip(norms, momenta, strict=True):
        rows = torch.cat(entering[norm]).transpose(0, 1).flatten(1)
        torch.testing.assert_close(norm.running_mean.double(), rows.mean(1), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(norm.running_var.double(), rows.var(1), rtol=1e-4, atol=1e-6)
        assert norm.momentum == momentum
        assert not norm.training
