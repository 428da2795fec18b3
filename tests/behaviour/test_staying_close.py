"""What keeps a tuned network near the pretrained one keeps what it is there to keep, over several seeds."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.training.batches import tensor_batches
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.regularisers.registry import REGULARISERS
from headstart.training.settings import TrainSettings
from headstart.training.weight_average import greedy_soup, wise_ft

pytestmark = pytest.mark.slow

SEEDS = range(4)
DIM, WIDTH = 20, 32


class Network(nn.Module):
    def __init__(self, seed, n_classes):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.trunk = nn.Sequential(nn.Linear(DIM, 64), nn.ReLU(), nn.Linear(64, WIDTH), nn.ReLU())
            self.head = nn.Linear(WIDTH, n_classes)

    def forward(self, x):
        return self.head(self.trunk(x))


def rows(draw, n, shift=0.0):
    """Six source classes and three target classes, each two of the source's, of one hidden plane."""
    X = torch.randn(n, DIM, generator=draw)
    angle = torch.atan2(X[:, 1] + shift, X[:, 0])
    source = ((angle / (2 * torch.pi) + 0.5) * 6).long().clamp(0, 5)
    return X, source, source // 2


def tuned(network, X, y, penalty=None, epochs=40, size=16):
    settings = TrainSettings(epochs=epochs, learning_rate=3e-3, weight_decay=0.0)
    train(network, tensor_batches((X,), (y,), size=size), CrossEntropy(), settings=settings, penalty=penalty)
    return network


def accuracy(network, X, y):
    with torch.no_grad():
        return float((network(X).argmax(1) == y).float().mean())


@lru_cache
def pretrained(seed):
    """A network that knows the source, with its classifier; target rows, few and many."""
    draw = torch.Generator().manual_seed(seed)
    X, source, _ = rows(draw, 1500)
    network = tuned(Network(seed, 6), X, source, epochs=20, size=64)
    return network, rows(draw, 30), rows(draw, 2000)


def probed(network, X, y):
    """The trunk with a new head, trained with the trunk as it is."""
    new = Network(0, 3)
    new.trunk.load_state_dict(network.trunk.state_dict())
    new.trunk.requires_grad_(False)
    tuned(new, X, y, epochs=30)
    new.trunk.requires_grad_(True)
    return new


def outcome(seed, name, settings, *, noisy=False):
    """What stands after plain tuning, and after tuning with a regulariser."""
    source, (X, _, y), (test, old, new) = pretrained(seed)
    if noisy:
        y = torch.where(torch.arange(len(y)) % 4 == 0, (y + 1) % 3, y)
    first = probed(source, X, y)
    start = {key: tensor.clone() for key, tensor in first.state_dict().items()}
    if name == "co_tuning" or settings.pop("knows_the_source", False):
        settings = {**settings, "source_head": source.head}
    found = []
    for regulariser in (None, REGULARISERS.make(name, **settings)):
        network = Network(0, 3)
        network.load_state_dict(start)
        if regulariser is not None:
            blocks = {"low": network.trunk[0], "high": network.trunk[2]}
            regulariser.begin(network, blocks, tensor_batches((X,), (y,), size=16))
        tuned(network, X, y, regulariser)
        with torch.no_grad():
            logs = torch.log_softmax(source.head(network.trunk(test)), dim=1)
            halves = (torch.arange(6)[None, :] // 2 == new[:, None]) / 2
            told = float(-(halves * logs).sum(1).mean())
            kept = float((source.head(network.trunk(test)).argmax(1) == old).float().mean())
            features = network.trunk(test)
            apart = sum(float((p - start[key]).square().sum()) for key, p in network.state_dict().items())
            moved = float((features - source.trunk(test)).square().mean())
            least = float(torch.linalg.svdvals(network.trunk(X[:16]))[-1])
        found.append(
            {
                "new": accuracy(network, test, new),
                "old": kept,
                "apart": apart,
                "moved": moved,
                "least": least,
                "told": told,
            }
        )
    return found


def compared(name, settings=None, **options):
    """Means over the seeds: plain tuning, then the regulariser."""
    found = [outcome(seed, name, dict(settings or {}), **options) for seed in SEEDS]
    return [{key: float(np.mean([pair[i][key] for pair in found])) for key in found[0][0]} for i in (0, 1)], found


def test_l2_sp_keeps_the_weights_nearer_and_wrong_labels_do_less_harm():
    (plain, near), found = compared("l2_sp", noisy=True)
    assert all(pair[1]["apart"] < 0.5 * pair[0]["apart"] for pair in found)
    assert near["new"] > plain["new"]
    assert near["old"] > plain["old"]


@pytest.mark.parametrize("knows_the_source", [True, False])
def test_lwf_forgets_less_of_the_source(knows_the_source):
    (plain, kept), found = compared("lwf", {"weight": 3.0, "knows_the_source": knows_the_source}, noisy=True)
    assert kept["old"] > plain["old"] + 0.02
    assert kept["new"] > plain["new"] - 0.01
    assert all(pair[1]["moved"] < pair[0]["moved"] for pair in found)


def test_bss_shrinks_the_smallest_singular_value():
    (plain, shrunk), _ = compared("bss", {"weight": 1.0, "k": 4})
    assert shrunk["least"] < 0.7 * plain["least"]
    assert shrunk["new"] > plain["new"] - 0.02


@pytest.mark.parametrize("relation", ["direct", "reverse"])
def test_co_tuning_makes_the_old_classifier_tell_the_new_classes_of_unseen_rows(relation):
    """What the old classifier says comes nearer to what a new class is like in the old ones; 1/2 for two of them."""
    (plain, both), found = compared("co_tuning", {"weight": 2.0, "relation": relation})
    assert all(pair[1]["told"] < pair[0]["told"] - 0.2 for pair in found)
    assert both["new"] > plain["new"] - 0.05


def test_wise_ft_is_best_where_source_and_target_both_count():
    """Tuned to shifted rows, judged on both: between the ends it does better than at either."""
    gains = []
    for seed in SEEDS:
        draw = torch.Generator().manual_seed(seed)
        X, y, _ = rows(draw, 1500)
        Z, z, _ = rows(draw, 60, shift=0.8)
        before = tuned(Network(seed, 6), X, y, epochs=20, size=64)
        first = {key: tensor.clone() for key, tensor in before.state_dict().items()}
        after = tuned(before, Z, z)
        second = {key: tensor.clone() for key, tensor in after.state_dict().items()}
        parts = [rows(draw, 300)[:2], rows(draw, 300, shift=0.8)[:2]]

        def validate(module, parts=parts):
            with torch.no_grad():
                return float(np.mean([float(functional.cross_entropy(module(a), b)) for a, b in parts]))

        found = wise_ft(before, first, second, validate)
        assert min(found.losses) <= min(found.losses[0], found.losses[-1])
        tests = [rows(draw, 1500)[:2], rows(draw, 1500, shift=0.8)[:2]]
        told = []
        for state in (first, second, {key: t.clone() for key, t in before.state_dict().items()}):
            before.load_state_dict(state)
            told.append(float(np.mean([accuracy(before, a, b) for a, b in tests])))
        gains.append(told[2] - max(told[:2]))
    assert np.mean(gains) > 0


def test_a_soup_is_better_than_its_members_on_the_average():
    gains = []
    for seed in SEEDS:
        source, (X, _, y), (test, _, new) = pretrained(seed)
        first = probed(source, X, y).state_dict()
        states = []
        for rate_seed in range(4):
            network = Network(0, 3)
            network.load_state_dict(first)
            settings = TrainSettings(epochs=30, learning_rate=[1e-3, 3e-3][rate_seed % 2], weight_decay=0.0)
            batches = tensor_batches((X,), (y,), size=8, random_state=rate_seed)
            train(network, batches, CrossEntropy(), settings=settings)
            states.append({key: tensor.clone() for key, tensor in network.state_dict().items()})
        checks = rows(torch.Generator().manual_seed(100 + seed), 200)

        def validate(module, checks=checks):
            with torch.no_grad():
                return float(functional.cross_entropy(module(checks[0]), checks[2]))

        alone = []
        for state in states:
            network.load_state_dict(state)
            alone.append(accuracy(network, test, new))
        greedy_soup(network, states, validate)
        gains.append(accuracy(network, test, new) - np.mean(alone))
    assert np.mean(gains) > 0
