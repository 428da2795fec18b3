"""Our checks over every augmentation, and the checks that must bite."""

import numpy as np
import pytest
import torch

from headstart.errors import InputError, UnknownNameError
from headstart.testing import augmentation_checks as checks
from headstart.testing.augmentation_checks import EVERY_CHECK
from headstart.training.augmentation._augmentation import Augmentation
from headstart.training.augmentation.flip import Flip
from headstart.training.augmentation.mixup import Mixup
from headstart.training.augmentation.registry import AUGMENTATIONS
from headstart.training.augmentation.spec_augment import SpecAugment
from headstart.training.augmentation.token_dropout import TokenDropout

SETTINGS = {
    "rand_augment": [{}, {"n_operations": 3, "strength": 30}],
    "token_dropout": [{"share": 0.3}, {"share": 0.99}],
    "span_dropout": [{"share": 0.4}, {"share": 0.99}],
    "sound_mixing": [{}, {"probability": 1.0, "gain": 20.0}],
    "spec_augment": [{}, {"n_bands": 0, "time_share": 1.0}],
    "mixup": [{"alpha": 1.0}],
}
CASES = [(name, settings) for name in AUGMENTATIONS.names() for settings in SETTINGS.get(name, [{}])]


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_every_member(name, settings, check):
    check(AUGMENTATIONS.make(name, **settings))


def test_members_are_found_by_file_name():
    wanted = "crop_flip cutmix flip mixup none rand_augment sound_mixing spec_augment span_dropout token_dropout"
    assert AUGMENTATIONS.names() == sorted([*wanted.split(), "trivial_augment"])
    assert all(AUGMENTATIONS.class_of(name).name == name for name in AUGMENTATIONS.names())
    with pytest.raises(UnknownNameError, match="Did you mean 'cutmix'"):
        AUGMENTATIONS.make("cut_mix")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mixup", {"alpha": 0.0}),
        ("cutmix", {"alpha": -1.0}),
        ("rand_augment", {"strength": 31}),
        ("token_dropout", {"share": 1.0}),
        ("span_dropout", {"share": -0.1}),
        ("spec_augment", {"band_share": 1.1}),
        ("sound_mixing", {"noise": (10.0, 5.0)}),
    ],
)
def test_settings_that_make_no_sense(name, settings):
    with pytest.raises(InputError, match=f"{name} needs"):
        AUGMENTATIONS.make(name, **settings)


class _IsForPaintings(Flip):
    kinds = frozenset({"paintings"})


class _DrawsAnew(Flip):
    fixed_views = None
    seed = 0

    def __call__(self, inputs, draws, prepared):
        type(self).seed += 1
        return (inputs[0].roll(self.seed, 1),)


class _WritesIntoTheInputs(Flip):
    def __call__(self, inputs, draws, prepared):
        inputs[0][0] = 0
        return inputs


class _GivesFloats(Flip):
    def __call__(self, inputs, draws, prepared):
        return (inputs[0].float(),)


class _IsTooLoud(SpecAugment):
    def __call__(self, inputs, draws, prepared):
        return (inputs[0] * 2, *inputs[1:])


class _HidesSpecialTokens(TokenDropout):
    def __call__(self, inputs, draws, prepared):
        return (torch.full_like(inputs[0], prepared.mask_id), inputs[1])


class _LooksAtNeighbours(Flip):
    def __call__(self, inputs, draws, prepared):
        return (inputs[0].roll(1, 0),)


class _IsTheSameInEveryEpoch(SpecAugment):
    def __call__(self, inputs, draws, prepared):
        return (inputs[0] * 0.5, *inputs[1:])


class _LiesAboutItsShare(Mixup):
    def mix(self, inputs, order, draw, kind):
        mixed, shares = super().mix(inputs, order, draw, kind)
        return mixed, 1 - shares


@pytest.mark.parametrize(
    ("check", "broken", "words"),
    [
        (checks.check_it_is_for_known_kinds, _IsForPaintings, "kinds are"),
        (checks.check_the_same_draws_give_the_same, _DrawsAnew, "two answers"),
        (checks.check_inputs_stay_as_they_were, _WritesIntoTheInputs, "that came in were changed"),
        (checks.check_shapes_and_dtypes_stay, _GivesFloats, "become"),
        (checks.check_ranges_stay, _IsTooLoud, "span|reach"),
        (checks.check_what_is_no_content_stays, _HidesSpecialTokens, "special tokens changed"),
        (checks.check_neighbours_make_no_difference, _LooksAtNeighbours, "neighbours change"),
        (checks.check_epochs_differ, _IsTheSameInEveryEpoch, "epochs 1 and 2"),
        (checks.check_shares_are_what_is_left, _LiesAboutItsShare, "share .* of pixels, is"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_check_bites(check, broken, words):
    with pytest.raises(AssertionError, match=words):
        check(broken())


def test_every_check_has_a_broken_member():
    listed = next(mark for mark in test_each_check_bites.pytestmark if mark.name == "parametrize").args[1]
    assert {check for check, *_ in listed} == set(EVERY_CHECK)


def test_the_base_mixes_nothing():
    with pytest.raises(NotImplementedError):
        Augmentation().mix((torch.zeros(1),), np.zeros(1, dtype=np.int64), np.random.default_rng(0), "pixels")
