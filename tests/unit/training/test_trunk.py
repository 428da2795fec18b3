"""Backbones as training sees them."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import InputError
from headstart.features.window_stream import Window
from headstart.training import example_loader
from headstart.training.example_loader import RowLoader, WindowLoader
from headstart.training.heads.registry import TUNED_HEADS
from headstart.training.own_backbone import own_backbone
from headstart.training.trunk import load_weights, open_trunk
from headstart.training.windowed import Windowed
from headstart.types import TextInput


class Sums(nn.Module):
    """(m, t) numbers and (m,) counts -> (m, 2): their sum, and how long the axis was."""

    def forward(self, values, counts):
        return torch.stack([values.sum(1), torch.full((len(values),), float(values.shape[1]))], dim=1)


def count(windows):
    return windows[1]


def test_windows_are_averaged_by_their_weight():
    module = Windowed(Sums(), n_axes=2, weigh=count)
    values = torch.arange(12.0).view(2, 2, 3)
    counts = torch.tensor([[3, 1], [2, 0]])  # the second example has one window
    found = module(values, counts)
    assert torch.allclose(found[:, 0], torch.tensor([(3 * 3.0 + 1 * 12.0) / 4, 21.0]))
    assert torch.allclose(module(values[:, 0], counts[:, 0])[:, 0], torch.tensor([3.0, 21.0]))


def test_windows_of_one_length_go_together_and_come_back_in_order():
    module = Windowed(Sums(), n_axes=2, weigh=count, length_of=count)
    values = torch.ones(4, 5)
    found = module(values, torch.tensor([2, 5, 2, 3]))
    assert torch.equal(found, torch.tensor([[2.0, 2.0], [5.0, 5.0], [2.0, 2.0], [3.0, 3.0]]))


def test_features_of_length_one_and_windows_in_order():
    values, counts = torch.arange(1.0, 13.0).view(2, 2, 3), torch.ones(2, 2)
    scaled = Windowed(Sums(), n_axes=2, is_normalised=True)(values, counts)
    assert torch.allclose(scaled.norm(dim=1), torch.ones(2))
    in_order = Windowed(Sums(), n_axes=2, is_in_order=True)(values, counts)
    assert in_order.tolist() == [[6.0, 3.0, 15.0, 3.0], [24.0, 3.0, 33.0, 3.0]]


def test_rows_are_kept_only_while_the_memory_is_allowed_to_go(monkeypatch):
    read = []

    def read_row(row, epoch):
        read.append(row)
        return np.full(4, row, dtype=np.float32)

    loader = RowLoader(read_row, 5)
    assert sorted(set(read)) == list(range(5))
    n_read = len(read)
    assert loader(np.array([3, 1]), 0)[0][:, 0].tolist() == [3.0, 1.0]
    assert len(read) == n_read
    monkeypatch.setattr(example_loader, "MOST_BYTES", 10)
    again = RowLoader(read_row, 5)
    n_read = len(read)
    assert again(np.array([3, 1]), 0)[0][:, 0].tolist() == [3.0, 1.0]
    assert len(read) == n_read + 2


class Letters:
    """Cuts texts into windows of three letters."""

    def __init__(self, texts):
        self.texts, self.problems, self.n_prepared = texts, {}, 0

    def prepare(self, rows):
        found = []
        for row in rows:
            self.n_prepared += 1
            if not self.texts[row]:
                self.problems[row] = "an empty text"
            parts = [self.texts[row][i : i + 3] for i in range(0, len(self.texts[row]), 3)]
            found += [Window(row, len(part), [ord(letter) for letter in part]) for part in parts]
        return sorted(found, key=lambda window: window.weight)


def filled(windows):
    whole = np.zeros((len(windows), 3), dtype=np.int64)
    for place, window in enumerate(windows):
        whole[place, : window.weight] = window.content
    return whole, np.array([window.weight for window in windows])


@pytest.mark.parametrize("most_bytes", [1 << 20, 0])
def test_windows_of_examples_of_differing_length(monkeypatch, most_bytes):
    monkeypatch.setattr(example_loader, "MOST_BYTES", most_bytes)
    texts = ["ab", "abcdefgh", "xyz"]
    stream = Letters(texts)
    loader = WindowLoader(stream, 3, filled)
    assert loader.lengths.tolist() == [2, 8, 3]
    n_prepared = stream.n_prepared
    letters, counts = loader(np.array([2, 0]), 0)
    assert letters.shape == (2, 3)
    assert counts.tolist() == [3, 2]
    letters, counts = loader(np.array([0, 1]), 0)
    assert letters.shape == (2, 3, 3)
    assert counts.sum(1).tolist() == [2, 8]
    assert sorted(letters[1].flatten().tolist())[1:] == [ord(letter) for letter in texts[1]]
    assert (stream.n_prepared == n_prepared) is (most_bytes > 0)
    few = WindowLoader(Letters(texts), 3, filled, most_windows=2)
    assert few(np.array([1]), 0)[1].tolist() == [[3, 3]]  # the longest ones


def test_unreadable_examples_are_told_by_their_position():
    with pytest.raises(InputError, match=r"got an empty text \(position 1\)"):
        WindowLoader(Letters(["a", ""]), 2, filled)
    with pytest.raises(InputError, match=r"got an empty text \(position 9\)"):
        WindowLoader(Letters(["a", ""]), 2, filled, positions=np.array([4, 9]))


def test_examples_of_unlike_shape_are_told():
    arrays = [np.zeros(4), np.zeros(4), np.zeros(5)]
    with pytest.raises(InputError, match=r"one shape, got \(5,\) at position 2, others have \(4,\)"):
        open_trunk(nn.Linear(4, 2)).loader(arrays)


def test_blocks_are_those_of_the_trunk():
    trunk = open_trunk("two_convolutions")
    assert list(trunk.blocks) == ["conv1", "conv2", "dense"]
    inside = {id(part) for part in trunk.module.modules()}
    assert all(id(block) in inside for block in trunk.blocks.values())


def test_copied_weights():
    trunk = open_trunk("two_convolutions")
    with torch.no_grad():
        trunk.module.module.dense.bias.add_(1)
    other = trunk.copied(trunk.module.state_dict())
    assert torch.equal(other.module.module.dense.bias, trunk.module.module.dense.bias)
    assert other.module is not trunk.module
    assert other.blocks["dense"] is other.module.module.dense


def test_weights_of_another_module_are_told():
    with pytest.raises(InputError, match=r"state of it, whose 'weight' has shape \(2, 4\), got shape \(2, 5\)"):
        load_weights(nn.Linear(4, 2), nn.Linear(5, 2).state_dict(), "it")
    with pytest.raises(InputError, match=r"whose 'bias' has no such weight, got shape \(2,\)"):
        load_weights(nn.Linear(4, 2, bias=False), nn.Linear(4, 2).state_dict(), "it")


def test_what_has_no_pictures_has_no_resolution_and_no_flips():
    with pytest.raises(InputError, match="needs pictures for a resolution"):
        open_trunk("sound_convolutions", resolution=64)
    with pytest.raises(InputError, match="for sounds as spectrograms, got 'flip'. Take one of cutmix, mixup, none"):
        open_trunk("sound_convolutions").loader([], "flip")


def test_tokens_need_a_tokenizer():
    with pytest.raises(InputError, match="needs a tokenizer with a TextInput, got None"):
        own_backbone(nn.Embedding(4, 2), TextInput())


def test_heads_are_called_like_their_files():
    assert TUNED_HEADS.names() == ["cosine", "dense", "linear", "mlp"]
    for name in TUNED_HEADS.names():
        head = TUNED_HEADS.class_of(name)(5, 3)
        assert head(torch.randn(4, 5)).shape == (4, 3)
        assert len(head.output.weight) == 3


def test_cosines_do_not_depend_on_length():
    head = TUNED_HEADS.class_of("cosine")(5, 3, sharpness=4.0)
    features = torch.randn(6, 5)
    assert torch.allclose(head(features), head(3 * features), atol=1e-5)
    assert head(100 * head.output.weight).diagonal().min().item() == pytest.approx(4.0, abs=1e-4)
