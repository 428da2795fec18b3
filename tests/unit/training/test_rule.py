"""The rule that needs no search."""

import pytest
from torch import nn

from headstart.training.attention_pooled import PositionAttention
from headstart.training.moving.registry import MOVING
from headstart.training.rule import ATTENTION, CONVOLUTION, LIGHT, kind_of, plan, resolution_for


def test_more_examples_take_fewer_epochs_and_larger_batches_but_more_steps():
    plans = [(n, plan(n, kind=CONVOLUTION, dim=512, trainable="full")) for n in (8, 50, 300, 2000, 20_000, 500_000)]
    epochs, batches = [p.epochs for _, p in plans], [p.batch_size for _, p in plans]
    assert epochs == sorted(epochs, reverse=True)
    assert batches == sorted(batches)
    steps = [p.epochs * -(-n // p.batch_size) for n, p in plans]
    assert steps == sorted(steps)
    assert epochs[0] == 20
    assert epochs[-1] == 3
    assert (batches[0], batches[-1]) == (8, 32)


@pytest.mark.parametrize(("dim", "rate"), [(128, 2e-4), (384, 1e-4), (768, 5e-5), (1536, 2.5e-5), (4096, 2e-5)])
def test_rate_of_attention_falls_with_its_width(dim, rate):
    assert plan(16_000, kind=ATTENTION, dim=dim, trainable="full").learning_rate == pytest.approx(rate)


def test_what_moves_little_takes_a_higher_rate():
    full = plan(16_000, kind=ATTENTION, dim=768, trainable="full").learning_rate
    for name in LIGHT:
        assert name in MOVING.names()
        assert plan(16_000, kind=ATTENTION, dim=768, trainable=name).learning_rate == pytest.approx(10 * full)


def test_scratch_takes_longer_and_a_higher_rate():
    known, scratch = (plan(300, kind=CONVOLUTION, dim=64, trainable="full", is_pretrained=p) for p in (True, False))
    assert scratch.epochs == 3 * known.epochs
    assert scratch.learning_rate > known.learning_rate
    assert scratch.weight_decay > known.weight_decay


def test_kind_is_read_off_the_layers():
    assert kind_of(nn.TransformerEncoderLayer(8, 2)) == ATTENTION
    assert kind_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) == CONVOLUTION
    assert kind_of(nn.Sequential(nn.Conv2d(3, 4, 3), PositionAttention(4))) == CONVOLUTION


def test_small_pictures_take_a_smaller_side():
    assert resolution_for([32, 40, 500], kind=CONVOLUTION, own=224) == 128
    assert resolution_for([32, 400, 500], kind=CONVOLUTION, own=224) is None
    assert resolution_for([32], kind=ATTENTION, own=224) is None
    assert resolution_for([32], kind=CONVOLUTION, own=96) is None
    assert resolution_for([], kind=CONVOLUTION, own=224) is None
