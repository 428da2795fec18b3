"""What processes that train together do alone; what they exchange is in tests/behaviour/test_two_processes.py."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from headstart.errors import MissingExtraError
from headstart.training import processes as together
from headstart.training.batches import Batch
from headstart.training.processes import Processes, processes_of


@pytest.mark.parametrize(("n_rows", "n"), [(7, 1), (7, 2), (8, 3), (2, 4), (1, 2)])
def test_shares_are_the_batch_each_row_counted_once(n_rows, n):
    rows, counted, sizes = np.arange(n_rows) * 10, [], []
    for rank in range(n):
        one = Processes(rank, n)
        share = one.share(rows)
        batch = one.weighed(Batch((torch.zeros(len(share), 1),), (), share), n_rows)
        weights = torch.ones(len(batch)) if batch.weights is None else batch.weights
        counted += share[weights.numpy() > 0].tolist()
        sizes.append(len(share))
    assert counted == rows.tolist()
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


def test_one_process_does_nothing():
    one, module = Processes(), nn.BatchNorm1d(2)
    rows, batch = np.arange(3), Batch((torch.ones(3, 2),), (), np.arange(3))
    module(batch.inputs[0]).sum().backward()
    kept = [module.weight.grad, module.running_mean, module.running_mean.clone()]
    one.mean_gradients(module, 3.0)
    one.mean_statistics(module, 3.0)
    one.begin_alike(module)
    assert module.weight.grad is kept[0]
    assert torch.equal(kept[1], kept[2])
    assert one.share(rows) is rows
    assert one.weighed(batch, 3) is batch
    assert one.sum(0.1, 2) == [0.1, 2]
    assert one.agree(0.3) == 0.3
    assert one.agree_bytes(b"abc") == b"abc"
    assert one.first(None, 1.0) is None
    assert one.first(4, 1.0) == (4, 1.0)
    assert one.is_first


def test_without_torchrun_there_is_one(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")  # a cluster's variable alone starts nothing
    assert processes_of("cpu") == Processes()


def test_several_without_accelerate_are_told_what_to_install(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    together._joined.cache_clear()
    with pytest.raises(MissingExtraError, match=r"pip install 'headstart\[distributed\]'"):
        processes_of("cpu")
