"""What becomes of examples in training, and of their targets."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.errors import InputError, UnknownNameError
from headstart.features.log_mel import log_mel
from headstart.testing.augmentation_checks import sample_batches
from headstart.training.augmentation._augmentation import Draws, Prepared
from headstart.training.augmentation.cutmix import CutMix
from headstart.training.augmentation.mixing import mixed, mixed_targets
from headstart.training.augmentation.mixup import Mixup
from headstart.training.augmentation.policy import auto_of, check_names, policy_of
from headstart.training.augmentation.registry import AUGMENTATIONS
from headstart.training.augmentation.sound_mixing import SoundMixing
from headstart.training.augmentation.span_dropout import SpanDropout
from headstart.training.augmentation.spec_augment import SpecAugment
from headstart.training.augmentation.token_dropout import TokenDropout
from headstart.training.batches import Batch, tensor_batches
from headstart.training.callback import Callback
from headstart.training.checkpoint import Checkpoint
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.settings import TrainSettings
from headstart.training.trunk import open_trunk
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput


def draws(n, epoch=1, seed=0):
    return Draws(seed, epoch, tuple(range(n)))


def batch_of(kind):
    return next(batch for batch in sample_batches() if batch.kind == kind)


def card(spec, weights="pretrained"):
    kind = {TextInput: "text", ImageInput: "image", VideoInput: "video"}.get(type(spec), "audio")
    return BackboneCard(name="x", provider="y", modality=kind, dim=2, input=spec, weights=weights)


# Texts


@pytest.mark.parametrize(("member", "share"), [(TokenDropout(share=0.2), 0.2), (SpanDropout(share=0.15), 0.15)])
def test_as_many_tokens_are_hidden_as_were_asked_for(member, share):
    n, length = 400, 37
    ids = torch.arange(4, 4 + length).repeat(n, 1)
    hidden, _ = member((ids, torch.ones_like(ids)), draws(n), Prepared("tokens", 3, frozenset({0, 1, 2, 3})))
    counts = (hidden == 3).sum(1).double()
    spread = np.sqrt(share * (1 - share) / (n * length))  # of independent tokens; spans count exactly
    assert abs(float(counts.mean()) / length - share) < 4 * spread
    if isinstance(member, SpanDropout):
        assert set(counts.tolist()) == {5.0, 6.0}  # 0.15 * 37 = 5.55


def test_spans_are_neighbours():
    n, length = 200, 100
    ids = torch.arange(4, 4 + length).repeat(n, 1)
    context = Prepared("tokens", 3, frozenset({3}))

    def runs(member):
        hidden = (member((ids, torch.ones_like(ids)), draws(n), context)[0] == 3).int()
        starts = (hidden[:, 1:] - hidden[:, :-1] == 1).sum() + hidden[:, 0].sum()
        return float(hidden.sum() / starts)

    assert runs(TokenDropout(share=0.15)) < 1.5
    assert runs(SpanDropout(share=0.15)) > 2.5


# Sounds


def brute_force_masks(before, after):
    """Bands and frames of a spectrogram that are the mean of what was there, counted place by place."""
    mean = before.mean()
    same = np.isclose(after, mean, atol=1e-6)
    bands = [row for row in range(len(after)) if same[row].all()]
    frames = [column for column in range(after.shape[1]) if same[:, column].all()]
    for row in range(after.shape[0]):
        for column in range(after.shape[1]):
            if row not in bands and column not in frames:
                assert after[row, column] == before[row, column]
    return bands, frames


def test_masks_of_a_spectrogram_are_no_larger_than_told():
    draw = np.random.default_rng(0)
    mels = draw.uniform(-0.5, 1.4, (60, 16, 50)).astype(np.float32)
    counts = np.full(60, 20)  # 40 frames; 10 are filling
    member = SpecAugment(n_bands=1, band_share=0.25, n_times=1, time_share=0.2)
    found = member((torch.from_numpy(mels), torch.from_numpy(counts)), draws(60), Prepared("mels"))[0].numpy()
    widths = []
    for before, after in zip(mels, found, strict=True):
        assert np.array_equal(before[:, 40:], after[:, 40:])
        bands, frames = brute_force_masks(before[:, :40], after[:, :40])
        assert bands == list(range(*([bands[0], bands[-1] + 1] if bands else [0])))
        assert frames == list(range(*([frames[0], frames[-1] + 1] if frames else [0])))
        widths.append((len(bands), len(frames)))
    bands, frames = zip(*widths, strict=True)
    assert set(bands) == set(range(5))  # 0 .. 0.25 * 16
    assert set(frames) == set(range(9))  # 0 .. 0.2 * 40


def test_masks_of_samples_take_out_a_band_and_a_stretch():
    rate, n = 8000, 4000
    waves = torch.from_numpy(np.random.default_rng(0).uniform(-0.3, 0.3, (40, n)).astype(np.float32))
    counts, prepared = torch.full((40,), n), Prepared("waves", rate=rate)
    bands = SpecAugment(n_bands=1, n_times=0, band_share=0.3)((waves, counts), draws(40), prepared)[0]
    mel = np.log1p(np.fft.rfftfreq(n, 1 / rate) / 700)
    sizes = []
    for before, after in zip(waves.numpy(), bands.numpy(), strict=True):
        energy = np.abs(np.fft.rfft(after)) / np.abs(np.fft.rfft(before))
        out = np.flatnonzero(energy < 1e-2)
        if len(out):
            assert np.array_equal(out, np.arange(out[0], out[-1] + 1))
            sizes.append((mel[out[-1]] - mel[out[0]]) / mel[-1])
        kept = np.delete(energy, out)
        assert np.allclose(kept, 1, atol=1e-2)
    assert max(sizes) <= 0.3 + 1e-3
    assert max(sizes) > 0.2
    times = SpecAugment(n_bands=0, n_times=1, time_share=0.1)((waves, counts), draws(40), prepared)[0].numpy()
    lengths = [int((after != before).sum()) for before, after in zip(waves.numpy(), times, strict=True)]
    assert max(lengths) <= 400
    assert max(lengths) > 300


def test_what_is_added_to_a_sound_is_as_soft_as_told():
    draw = np.random.default_rng(0)
    waves = torch.from_numpy(draw.uniform(-0.1, 0.1, (30, 3000)).astype(np.float32))
    waves[1::2] *= 0.2
    counts = torch.full((30,), 3000)
    member = SoundMixing(gain=0.0, noise=(60.0, 60.0), background=(10.0, 10.0), probability=1.0)
    found = member((waves, counts), draws(30), Prepared("waves"))[0]
    ratios = (found - waves).square().mean(1) / waves.square().mean(1)
    assert torch.allclose(ratios, torch.tensor(0.1), rtol=0.02)
    loud = SoundMixing(gain=40.0, probability=0.0)((waves, counts), draws(30), Prepared("waves"))[0]
    assert float(loud.abs().max()) <= 1 + 1e-6
    factor = loud / waves.where(waves != 0, 1.0)
    assert torch.allclose(factor, factor[:, :1].expand_as(factor), rtol=1e-4, atol=1e-4)


def test_louder_samples_have_the_louder_spectrogram():
    """A gain of the spectrogram is the spectrogram of the gain."""
    spec = AudioInput(n_mels=40)
    sound = np.random.default_rng(0).uniform(-0.05, 0.05, 16_000).astype(np.float32)
    sound[8000:] = 0
    plain = torch.from_numpy(log_mel(sound, spec))[None]
    member = SoundMixing(gain=6.0, probability=0.0)
    louder = member((plain, torch.tensor([25])), draws(1), Prepared("mels"))[0][0].numpy()
    gain = 40 * float(louder[0, 0] - plain[0, 0, 0])  # decibels
    wanted = log_mel((sound * 10 ** (gain / 20)).astype(np.float32), spec)
    assert 0.5 < abs(gain) <= 6
    assert np.allclose(louder, wanted, atol=1e-4)


def test_a_sound_alone_and_silence_get_no_background():
    member = SoundMixing(gain=0.0, probability=1.0)
    silence = torch.zeros(2, 500)
    assert torch.equal(member((silence, torch.tensor([500, 400])), draws(2), Prepared("waves"))[0], silence)
    one = torch.full((1, 500), 0.1)
    found = member((one, torch.tensor([500])), draws(1), Prepared("waves"))[0]
    assert float((found - one).square().mean().sqrt()) < 0.1 * 10 ** (-15 / 20) * 1.2


# Mixing


def test_mixed_pictures_are_the_sum_written_out():
    batch, order = batch_of("pixels"), np.array([3, 0, 4, 1, 2])
    (found,), own = Mixup(alpha=1.0).mix(batch.inputs, order, np.random.default_rng(2), "pixels")
    x, share = batch.inputs[0].double(), float(own[0])
    wanted = np.rint([(share * x[i] + (1 - share) * x[order[i]]).numpy() for i in range(5)])
    assert 0.05 < share < 0.95
    assert np.abs(found.numpy() - wanted).max() <= 1  # ties


def test_cut_pictures_are_the_partner_in_a_box_and_themselves_around_it():
    batch, order = batch_of("pixels"), np.array([3, 0, 4, 1, 2])
    for seed in range(20):
        (found,), own = CutMix().mix(batch.inputs, order, np.random.default_rng(seed), "pixels")
        x = batch.inputs[0]
        taken = (found != x).any(-1).any(0)  # (h, w)
        assert torch.equal(found, torch.where(taken[None, :, :, None], x[order], x))
        rows, columns = taken.any(1).nonzero().flatten(), taken.any(0).nonzero().flatten()
        assert bool(taken[rows][:, columns].all())
        assert float(own[0]) == pytest.approx(1 - int(taken.sum()) / taken.numel(), abs=1e-6)


def test_expected_targets_of_mixup_are_those_of_the_batch():
    """E(s) = 1/2 under any alpha: on average an example keeps half of its label."""
    codes, k = torch.tensor([0, 1, 2, 2]), 3
    pixels = torch.zeros(4, 2, 2, 3, dtype=torch.uint8)
    batches = tensor_batches((pixels,), (codes,), size=4)
    sums, n = torch.zeros(4, k), 1500
    for epoch in range(1, n + 1):
        batch = mixed(batches, [Mixup(alpha=0.4)], kind="pixels", n_classes=k).load(np.arange(4), epoch)
        sums += batch.targets[0]
    one_hot = functional.one_hot(codes, k).float()
    wanted = 0.5 * one_hot + 0.5 * one_hot.mean(0)
    assert torch.allclose(sums / n, wanted, atol=0.05)


@pytest.mark.parametrize("kind", ["mels", "waves"])
def test_a_short_partner_counts_less(kind):
    contents = torch.zeros(2, 8, 40) if kind == "mels" else torch.zeros(2, 40)
    contents[1] = 1
    counts = torch.tensor([20, 5]) if kind == "mels" else torch.tensor([40, 10])
    (found, _), own = Mixup(alpha=1.0).mix((contents, counts), np.array([1, 0]), np.random.default_rng(0), kind)
    assert float(found[0].mean()) == pytest.approx(1 - float(own[0]), abs=1e-6)
    assert torch.equal(found[0, ..., 10:], contents[0, ..., 10:])
    share = float(found[1, ..., :10].mean())
    assert float(own[0]) == pytest.approx(1 - (1 - share) / 4, abs=1e-6)
    assert float(own[1]) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_of_mixed_examples_are_the_mixed_losses(smoothing):
    """With weights: s w L(y) + (1 - s) w' L(y') for each."""
    generator = torch.Generator().manual_seed(0)
    scores, codes = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 3, 3, 1])
    weights, own = torch.rand(6, generator=generator) + 0.1, torch.rand(6, generator=generator)
    weights[2] = 0
    order = np.array([2, 0, 5, 3, 1, 4])
    batch = mixed_targets(Batch((scores,), (codes,), np.arange(6), weights), order, own, 4)
    loss = CrossEntropy(smoothing=smoothing)
    found = loss(scores, *batch.targets) * batch.weights
    first, second = loss(scores, codes), loss(scores, codes[order])
    assert torch.allclose(found, own * weights * first + (1 - own) * weights[order] * second, atol=1e-5)
    assert torch.allclose(batch.targets[0].sum(1), torch.ones(6))


def test_numbers_are_mixed_too():
    numbers = torch.tensor([[0.0], [1.0], [4.0]])
    batch = Batch((numbers,), (numbers,), np.arange(3))
    found = mixed_targets(batch, np.array([1, 2, 0]), torch.tensor([1.0, 0.5, 0.25]), None).targets[0]
    assert found.tolist() == [[0.0], [2.5], [1.0]]


def test_of_several_mixings_each_has_its_turn():
    batch = batch_of("pixels")
    batches = tensor_batches(batch.inputs, (torch.arange(5) % 2,), size=5)
    both = mixed(batches, [Mixup(alpha=1.0), CutMix()], kind="pixels", n_classes=2)
    are_cut = []
    for epoch in range(1, 12):
        found = both.load(np.arange(5), epoch)
        values = {tuple(pixel) for picture in batch.inputs[0].numpy() for pixel in picture.reshape(-1, 3)}
        are_cut.append(all(tuple(pixel) in values for pixel in found.inputs[0].numpy().reshape(-1, 3)))
    assert 0 < sum(are_cut) < len(are_cut)
    assert torch.equal(both.load(np.arange(5), 0).targets[0], torch.arange(5) % 2)


# Names


def test_names_are_joined_and_the_rule_is_told():
    policy = policy_of("crop_flip+trivial_augment+mixup", card(ImageInput()), 10)
    assert [one.name for one in policy.each] == ["crop_flip", "trivial_augment"]
    assert [one.name for one in policy.mixings] == ["mixup"]
    assert (policy.view, policy.fixed_views, policy.is_plain) == ("crop_flip", None, False)
    assert policy_of("none", card(TextInput()), 10).is_plain
    assert policy_of("flip", card(ImageInput()), 10).fixed_views == (0, 1)
    assert policy_of("flip+mixup", card(ImageInput()), 10).fixed_views is None
    assert auto_of(card(ImageInput()), 100) == "crop_flip"
    assert auto_of(card(ImageInput(), "random"), 20_000) == "crop_flip+trivial_augment+mixup"
    assert [auto_of(card(TextInput()), n) for n in (10, 5_000)] == ["token_dropout", "none"]
    assert [auto_of(card(spec), 10) for spec in (AudioInput(), WaveInput(), VideoInput(4, ImageInput()), None)] == [
        "spec_augment", "spec_augment", "flip", "none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("flip", TextInput(), "a name for texts, got 'flip'. Take one of none, span_dropout, token_dropout"),
        ("crop_flip+spec_augment", ImageInput(), "a name for pictures, got 'spec_augment'"),
        ("cutmix", WaveInput(), "a name for sounds as samples, got 'cutmix'"),
        ("crop_flip", VideoInput(4, ImageInput()), "a name for clips of video, got 'crop_flip'"),
        ("mixup", None, "a name for arrays of one's own, got 'mixup'. Take one of none"),
        ("flip+flip", ImageInput(), "each name once, got 'flip\\+flip'"),
        (3, ImageInput(), "augmentation by name"),
    ],
)
def test_names_for_other_examples_are_told(name, spec, message):
    with pytest.raises(InputError, match=message):
        policy_of(name, card(spec), 10)


def test_unknown_names_are_told():
    for name in ("crop_flip+mixupp", "auto+flip", ""):
        with pytest.raises(UnknownNameError):
            check_names(name)


# Loading and resuming


def pictures(n=12, side=20):
    draw = np.random.default_rng(0)
    return [draw.integers(0, 255, (side, side, 3), dtype=np.uint8) for _ in range(n)]


@pytest.mark.parametrize("name", ["flip", "crop_flip", "trivial_augment", "crop_flip+rand_augment"])
def test_a_loader_gives_the_same_for_the_same_rows_and_epoch(name):
    X, trunk = pictures(), open_trunk("two_convolutions")
    plain, loader = trunk.loader(X)(np.arange(12), 0)[0], trunk.loader(X, name)
    assert torch.equal(loader(np.arange(12), 0)[0], plain)
    first = loader(np.arange(12), 1)[0]
    assert not torch.equal(first, plain)
    again = trunk.loader(X, name)(np.array([7, 3]), 1)[0]
    assert torch.equal(again, first[[7, 3]])
    other = open_trunk("two_convolutions", random_state=1).loader(X, name)(np.arange(12), 1)[0]
    assert torch.equal(other, first) == (name == "flip")
    assert not torch.equal(loader(np.arange(12), 2)[0], first)


class Cut(Exception):
    """The power went."""


class Cutting(Callback):
    def __init__(self, after):
        self.after = after

    def on_step_end(self, state):
        if state.step == self.after:
            raise Cut


@pytest.mark.parametrize("cut_after", [1, 4, 7])
def test_a_run_with_augmentation_goes_on_to_the_bit(tmp_path, cut_after):
    X, codes = pictures(10, side=12), torch.arange(10) % 2

    def run(checkpoint=None, *callbacks):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            trunk = open_trunk("two_convolutions")
            module = nn.Sequential(trunk.module, nn.LazyLinear(2))
            module(*trunk.loader(X)(np.arange(2), 0))
        loader = trunk.loader(X, "crop_flip+trivial_augment")

        def load(rows, epoch):
            return Batch(loader(rows, epoch), (codes[torch.from_numpy(rows)],), rows)

        batches = tensor_batches((codes,), (codes,), size=4)
        batches = type(batches)(load, 10, 4)
        batches = mixed(batches, [Mixup(), CutMix()], kind="pixels", n_classes=2)
        settings = TrainSettings(epochs=3, learning_rate=1e-3, checkpoint_seconds=0.0)
        train(module, batches, CrossEntropy(), settings=settings, checkpoint=checkpoint, callbacks=callbacks)
        return module.state_dict()

    whole = run()
    with pytest.raises(Cut):
        run(Checkpoint(tmp_path), Cutting(cut_after))
    resumed = run(Checkpoint(tmp_path))
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_every_augmentation_says_what_it_is():
    for name in AUGMENTATIONS.names():
        found = AUGMENTATIONS.class_of(name)
        assert found.__doc__
        assert found.is_mixing == (name in ("mixup", "cutmix"))
