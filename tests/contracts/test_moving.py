"""Our checks over everything that can be told to move, and the checks that must bite."""

from dataclasses import replace

import pytest
import torch

from headstart.errors import InputError, UnknownNameError
from headstart.testing import moving_checks as checks
from headstart.testing.moving_checks import EVERY_CHECK
from headstart.training.callback import Callback
from headstart.training.moving.full import Full
from headstart.training.moving.gradual_unfreeze import GradualUnfreeze
from headstart.training.moving.last_blocks import LastBlocks
from headstart.training.moving.lora import Lora
from headstart.training.moving.registry import MOVING

SETTINGS = {
    "named_blocks": [{"blocks": ["blocks.1"]}, {"blocks": ["norm", "stem"]}],
    "last_blocks": [{}, {"k": 3}],
    "gradual_unfreeze": [{}, {"k": 2, "epochs_each": 2}],
    "lora": [{"rank": 2}, {"rank": 3, "alpha": 1.0, "k": 2}],
    "side_adapters": [{"parts": 4}, {"parts": 6, "k": 1}],
}
CASES = [
    pytest.param(name, settings, marks=[pytest.mark.slow] if place else [])
    for name in MOVING.names()
    for place, settings in enumerate(SETTINGS.get(name, [{}]))
]


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_every_member(name, settings, check):
    check(MOVING.make(name, **settings))


def test_members_are_found_by_file_name():
    wanted = "biases full gradual_unfreeze last_blocks layer_decay linear_probe lora named_blocks norms side_adapters"
    assert MOVING.names() == wanted.split()
    assert all(MOVING.class_of(name).name == name for name in MOVING.names())
    with pytest.raises(UnknownNameError, match="Did you mean 'layer_decay'"):
        MOVING.make("layerdecay")
    with pytest.raises(InputError, match=r"needs settings out of"):
        MOVING.make("lora", r=1)


class _LetsStatisticsMove:
    def apply(self, network, blocks):
        return replace(LastBlocks().apply(network, blocks), callbacks=())


class _HasARateOfZero:
    def apply(self, network, blocks):
        return replace(Full().apply(network, blocks), rate_of=lambda name: float("blocks.0" not in name))


class _ForgetsTheHead:
    def apply(self, network, blocks):
        moves = Full().apply(network, blocks)
        network.head.bias.requires_grad_(False)
        return moves


class _NamesTheBlockAbove:
    def apply(self, network, blocks):
        return replace(LastBlocks(2).apply(network, blocks), first_moving_block="blocks.2")


class _BeginsElsewhere:
    def apply(self, network, blocks):
        with torch.no_grad():
            network.trunk.stem.get_submodule("0" if hasattr(network.trunk.stem, "0") else "").weight.mul_(1.01)
        return Full().apply(network, blocks)


class _DropsItsChange:
    def apply(self, network, blocks):
        moves = Lora(rank=2).apply(network, blocks)

        def merge():
            for name, parameter in network.named_parameters():
                if name.endswith(".up"):
                    parameter.data.zero_()
            moves.merge()

        return replace(moves, merge=merge)


class _NeverMerges:
    def apply(self, network, blocks):
        return replace(Lora(rank=2).apply(network, blocks), merge=lambda: None)


class _DrawsAnew:
    seed = 0

    def apply(self, network, blocks):
        type(self).seed += 1
        return Lora(rank=2, random_state=self.seed).apply(network, blocks)


class _CountsEpochsItself:
    """Freezes the trunk after three epochs that it has seen."""

    def apply(self, network, blocks):
        moves = Full().apply(network, blocks)

        class Counting(Callback):
            seen = 0

            def on_epoch_begin(self, state):
                self.seen += 1
                network.trunk.requires_grad_(self.seen <= 3)

        return replace(moves, callbacks=(Counting(),))


class _ForgetsNewBeginnings:
    def apply(self, network, blocks):
        moves = GradualUnfreeze().apply(network, blocks)
        turns, frozen = moves.callbacks

        class Deaf(Callback):
            on_train_begin, on_epoch_begin = turns.on_train_begin, turns.on_epoch_begin

        return replace(moves, callbacks=(Deaf(), frozen))


@pytest.mark.parametrize(
    ("check", "broken", "words"),
    [
        (checks.check_what_is_frozen_stays_to_the_bit, _LetsStatisticsMove, "running_mean.*though frozen"),
        (checks.check_what_may_move_moves, _HasARateOfZero, "blocks.0.*did not move"),
        (checks.check_the_head_moves, _ForgetsTheHead, "of the head did not move"),
        (checks.check_the_first_moving_block_is_the_lowest, _NamesTheBlockAbove, "'blocks.1' is the lowest"),
        (checks.check_the_network_answers_as_before, _BeginsElsewhere, "apply changed"),
        (checks.check_merging_changes_no_output, _DropsItsChange, "merging changes the outputs"),
        (checks.check_merging_leaves_the_structure_of_before, _NeverMerges, "merging leaves other names"),
        (checks.check_the_same_settings_give_the_same_weights, _DrawsAnew, "two runs"),
        (checks.check_a_run_that_was_cut_goes_on_to_the_bit, _CountsEpochsItself, "ends elsewhere"),
        (checks.check_a_run_that_diverged_begins_anew, _ForgetsNewBeginnings, "after a new beginning"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_check_bites(check, broken, words):
    with pytest.raises(AssertionError, match=words):
        check(broken())


def test_every_check_has_a_broken_member():
    marks = test_each_check_bites.pytestmark
    listed = next(mark for mark in marks if mark.name == "parametrize").args[1]
    assert {check for check, *_ in listed} == set(EVERY_CHECK)
