"""Statistics of batch norms: frozen with their layer, moving, or estimated anew."""

import copy

import pytest
import torch
from torch import nn

from headstart.errors import InputError
from headstart.testing.moving_networks import convolutional
from headstart.training.batch_norm import STATISTICS, re_estimate, statistics_callbacks
from headstart.training.batches import tensor_batches
from headstart.training.callback import Callback
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.moving.registry import MOVING
from headstart.training.settings import TrainSettings

NORMS = ("stem.1", "blocks.0.1", "blocks.1.1", "blocks.2.1", "norm")


def trained(statistics, callbacks=(), **settings):
    """The network whose last block has moved, its state before, and its batches."""
    case = convolutional()
    before = copy.deepcopy(case.network.state_dict())
    moves = MOVING.make("last_blocks").apply(case.network, case.blocks)
    batches = tensor_batches(case.inputs, (case.targets,), size=8)
    told = (*moves.callbacks, *statistics_callbacks(statistics, case.network, batches), *callbacks)
    settings = TrainSettings(**{"epochs": 3, "learning_rate": 0.01, "ema_decay": 0.9, **settings})
    train(case.network, batches, CrossEntropy(), settings=settings, callbacks=told)
    return case.network, before, batches


def changed(network, before):
    """Norms whose statistics differ from those of before."""
    state = network.state_dict()
    return {n for n in NORMS if not torch.equal(state[f"trunk.{n}.running_mean"], before[f"trunk.{n}.running_mean"])}


def test_own_statistics_move_with_the_weights_of_their_layer():
    assert changed(*trained("own")[:2]) == {"blocks.2.1", "norm"}


def test_frozen_statistics_stay_also_where_weights_move():
    network, before, _ = trained("frozen")
    assert changed(network, before) == set()
    assert not torch.equal(network.trunk.blocks[2][1].weight, before["trunk.blocks.2.1.weight"])


def test_moving_statistics_move_in_frozen_layers_too():
    network, before, _ = trained("moving")
    assert changed(network, before) == set(NORMS)
    assert torch.equal(network.trunk.stem[1].weight, before["trunk.stem.1.weight"])


def test_re_estimated_statistics_are_those_of_the_final_weights():
    network, before, batches = trained("re-estimated")
    assert changed(network, before) == {"blocks.2.1", "norm"}
    plain, _, _ = trained("own")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), plain.parameters(), strict=True))
    entering = []
    hook = network.trunk.blocks[2][1].register_forward_pre_hook(lambda norm, inputs: entering.append(inputs[0]))
    with torch.no_grad():
        network(next(iter(batches.in_order())).inputs[0])
        entering.clear()
        for batch in batches.in_order():
            network(*batch.inputs)
    hook.remove()
    rows = torch.cat(entering).double().transpose(0, 1).flatten(1)  # below it all is frozen: the same in every batch
    norm = network.trunk.blocks[2][1]
    torch.testing.assert_close(norm.running_mean.double(), rows.mean(1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(norm.running_var.double(), rows.var(1), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(plain.trunk.blocks[2][1].running_mean.double(), rows.mean(1), atol=1e-3)


def test_re_estimation_changes_nothing_but_statistics_of_what_moves():
    case = convolutional()
    MOVING.make("norms").apply(case.network, case.blocks)
    case.network.trunk.stem[1].requires_grad_(False)
    case.network.eval()
    case.network.trunk.norm.train()
    before = copy.deepcopy(case.network.state_dict())
    batches = tensor_batches(case.inputs, (case.targets,), size=8)
    re_estimate(case.network, batches, n_batches=2)
    after = case.network.state_dict()
    moved = {n.removeprefix("trunk.") for n in before if not torch.equal(before[n], after[n])}
    assert moved == {f"{norm}.{name}" for norm in NORMS[1:] for name in ("running_mean", "running_var")}
    assert {n for n, module in case.network.named_modules() if module.training} == {"trunk.norm"}
    linear = nn.Linear(3, 2)
    re_estimate(linear, tensor_batches((torch.zeros(4, 3),), (torch.zeros(4),), size=2))


def test_a_failure_on_the_way_leaves_statistics_as_they_were():
    case = convolutional()
    before = copy.deepcopy(case.network.state_dict())
    broken = tensor_batches((torch.zeros(9, 5, 8, 8),), (torch.zeros(9),), size=3)
    with pytest.raises(RuntimeError, match="channels"):
        re_estimate(case.network, broken)
    assert all(torch.equal(before[name], tensor) for name, tensor in case.network.state_dict().items())
    assert case.network.training


class Modes(Callback):
    """Which modules are in training mode within an epoch."""

    def __init__(self):
        self.seen = []

    def on_step_end(self, state):
        self.seen.append({name for name, module in state.module.named_modules() if module.training})


def test_frozen_blocks_are_in_evaluation_mode_whole_also_after_a_validation():
    case = convolutional()
    case.network.trunk.blocks[0].append(nn.Dropout(0.5))
    case.network.trunk.blocks[2].append(nn.Dropout(0.5))
    moves = MOVING.make("last_blocks").apply(case.network, case.blocks)
    batches, modes = tensor_batches(case.inputs, (case.targets,), size=8), Modes()

    def validate(module):
        module.train()
        return 1.0

    train(
        case.network,
        batches,
        CrossEntropy(),
        settings=TrainSettings(epochs=2),
        callbacks=(*moves.callbacks, modes),
        validate=validate,
    )
    for names in modes.seen:
        assert {"trunk.blocks.2", "trunk.blocks.2.1", "trunk.blocks.2.3", "trunk.norm", "head"} <= names
        assert not {n for n in names if n.startswith(("trunk.stem", "trunk.blocks.0", "trunk.blocks.1"))}


def test_a_frozen_norm_within_a_moving_block_keeps_its_statistics():
    case = convolutional()
    case.network.trunk.blocks[2][1] = nn.BatchNorm2d(16, affine=False)
    moves = MOVING.make("lora", rank=2).apply(case.network, case.blocks)
    before = copy.deepcopy(case.network.state_dict())
    batches = tensor_batches(case.inputs, (case.targets,), size=8)
    train(case.network, batches, CrossEntropy(), settings=TrainSettings(epochs=1), callbacks=moves.callbacks)
    # The norm without weights of its own follows the block that holds it, in which pairs move.
    assert changed(case.network, before) == {"blocks.2.1"}


def test_wrong_words_are_told():
    case = convolutional()
    assert STATISTICS == ("frozen", "own", "moving", "re-estimated")
    with pytest.raises(InputError, match="batch_norm needs one of frozen, own, moving, re-estimated, got 'running'"):
        statistics_callbacks("running", case.network)
    with pytest.raises(InputError, match="needs the training batches, got None"):
        statistics_callbacks("re-estimated", case.network)
