import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headstart.training.batches import POOL_BATCHES, Batches, tensor_batches


@given(n=st.integers(1, 200), size=st.integers(1, 40), number=st.integers(0, 5), by_length=st.booleans())
def test_each_row_once_in_batches_of_the_size(n, size, number, by_length):
    lengths = np.random.default_rng(0).integers(1, 50, n) if by_length else None
    batches = Batches(lambda rows, epoch: None, n, size, lengths).epoch(number)
    assert sorted(np.concatenate(batches)) == list(range(n))
    sizes = sorted(len(rows) for rows in batches)
    assert all(0 < length <= size + 1 for length in sizes)
    assert size == 1 or n == 1 or sizes[0] > 1
    assert sum(length != size for length in sizes) <= 1


def test_the_order_hangs_on_seed_and_epoch_alone():
    def order(seed, number):
        return np.concatenate(Batches(lambda rows, epoch: None, 100, 7, random_state=seed).epoch(number)).tolist()

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)


def test_batches_by_length_hold_similar_lengths():
    n, size = 4 * POOL_BATCHES * 8, 8
    lengths = np.random.default_rng(0).integers(1, 1000, n)
    spread = [np.ptp(lengths[rows]) for rows in Batches(lambda rows, epoch: None, n, size, lengths).epoch(0)]
    plain = [np.ptp(lengths[rows]) for rows in Batches(lambda rows, epoch: None, n, size).epoch(0)]
    assert np.mean(spread) < 0.1 * np.mean(plain)


def test_tensors_are_taken_row_by_row():
    X, y, w = torch.arange(10.0)[:, None], torch.arange(10), torch.rand(10)
    batches = tensor_batches((X,), (y,), size=3, weights=w)
    batch = batches.load(np.array([7, 2]), 0)
    assert batch.inputs[0].tolist() == [[7], [2]]
    assert batch.targets[0].tolist() == [7, 2]
    assert batch.weights.tolist() == w[[7, 2]].tolist()
    part = batch.take(slice(1, 2))
    assert (len(part), part.rows.tolist(), part.weights.tolist()) == (1, [2], [w[2].item()])
    assert torch.cat([b.targets[0] for b in batches.in_order()]).tolist() == list(range(10))
    with pytest.raises(IndexError):
        batches.load(np.array([10]), 0)


@given(n=st.integers(1, 100), size=st.integers(1, 20), run=st.integers(1, 9), number=st.integers(0, 3))
def test_unlike_groups_share_no_batch_and_runs_stay_together(n, size, run, number):
    groups = np.random.default_rng(0).integers(0, 3, n)
    batches = Batches(lambda rows, epoch: rows, n, size, groups=groups)
    for rows in (batches.epoch(number), list(batches.in_order())):
        assert sorted(np.concatenate(rows)) == list(range(n))
        assert all(len(set(groups[part])) == 1 and len(part) <= size + 1 for part in rows)
    assert np.concatenate(list(batches.in_order())).tolist() == list(range(n))
    order = np.concatenate(Batches(lambda rows, epoch: None, n, size, run=run).epoch(number))
    assert sorted(order) == list(range(n))
    assert (np.diff(order) != 1).sum() <= n // run + 1
