"""Regularisers against their formulas written out in numpy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches, tensor_batches
from headstart.training.regularisers._category_relation import category_relation
from headstart.training.regularisers._channel_attention import channel_attention, ridge
from headstart.training.regularisers._pretrained_self import frozen_copy
from headstart.training.regularisers.bss import BSS
from headstart.training.regularisers.co_tuning import CoTuning
from headstart.training.regularisers.delta import DELTA
from headstart.training.regularisers.l2_sp import L2SP
from headstart.training.regularisers.lwf import LWF


class Network(nn.Module):
    """Pictures (b, 3, 8, 8) through two blocks to 6 features and 3 scores."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            stem = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
            body = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU())
            self.trunk = nn.Sequential(stem, body, nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.trunk(x))

    @property
    def blocks(self):
        return {"0": self.trunk[0], "1": self.trunk[1]}


def pictures(n=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 3, 8, 8, generator=draw)
    return X, (X.mean(dim=(1, 2, 3)) > 0).long() + (X[:, 0].mean(dim=(1, 2)) > 0).long()


def moved(network, size=0.1, seed=1):
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(size * torch.randn(p.shape, generator=draw))


def begun(regulariser, n=12):
    network, (X, y) = Network(), pictures(n)
    regulariser.begin(network, network.blocks, tensor_batches((X,), (y,), size=5))
    return network, Batch((X,), (y,), np.arange(n))


def value(regulariser, network, batch):
    with regulariser.watching(network):
        features = network.trunk(*batch.inputs)
    return regulariser.penalty(network, batch, features, network.head(features))


def test_l2_sp():
    regulariser = L2SP(alpha=0.3, beta=0.07)
    network, batch = begun(regulariser)
    before = {name: p.detach().numpy().copy() for name, p in network.named_parameters()}
    moved(network)
    after = {name: p.detach().numpy() for name, p in network.named_parameters()}
    trunk = sum(((after[name] - before[name]) ** 2).sum() for name in before if name.startswith("trunk"))
    head = sum((after[name] ** 2).sum() for name in before if name.startswith("head"))
    found = value(regulariser, network, batch)
    np.testing.assert_allclose(float(found.detach()), 0.15 * trunk + 0.035 * head, rtol=1e-5)
    found.backward()
    place = network.trunk[0][0].weight
    wanted = 0.3 * (after["trunk.0.0.weight"] - before["trunk.0.0.weight"])
    np.testing.assert_allclose(place.grad.numpy(), wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("is_remembered", [True, False])
def test_lwf_with_and_without_the_source_s_classifier(is_remembered):
    torch.manual_seed(0)
    source_head, T = nn.Linear(6, 9), 3.0
    for head in (None, source_head):
        regulariser = LWF(weight=0.7, temperature=T, source_head=head, is_remembered=is_remembered)
        network, batch = begun(regulariser)
        before = network.trunk(*batch.inputs).detach()
        assert float(value(regulariser, network, batch).detach()) == pytest.approx(0, abs=1e-9)
        moved(network, 1.0)
        now = network.trunk(*batch.inputs).detach()
        w = torch.rand(12) + 0.1
        weighted = Batch(batch.inputs, batch.targets, batch.rows, w)
        if head is None:
            variance = float(before.numpy().var(axis=0).mean())
            each = ((now - before) ** 2).mean(1) / variance
        else:
            p, q = (torch.softmax(head(rows).detach().double() / T, 1) for rows in (before, now))
            each = T**2 * (p * (p.log() - q.log())).sum(1)
        wanted = 0.7 * float((each * w).sum() / w.sum())
        assert float(value(regulariser, network, weighted).detach()) == pytest.approx(wanted, rel=1e-4)
        some = Batch(tuple(t[3:7] for t in batch.inputs), (), batch.rows[3:7])
        wanted = 0.7 * float(each[3:7].mean())
        assert float(value(regulariser, network, some).detach()) == pytest.approx(wanted, rel=1e-4)


def test_lwf_remembers_by_row_number_and_refuses_strange_examples():
    regulariser, network, (X, y) = LWF(), Network(), pictures()
    numbers = np.arange(12)[::-1] * 10

    def load(rows, epoch):
        return Batch((X[rows.copy()],), (y[rows.copy()],), numbers[rows])

    regulariser.begin(network, network.blocks, Batches(load, 12, 5))
    batch = load(np.array([4, 2]), 0)
    assert float(value(regulariser, network, batch).detach()) == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match="got example 7"):
        value(regulariser, network, Batch(batch.inputs, (), np.array([0, 7])))


def test_bss_by_the_eigenvalues_of_the_products():
    draw = torch.Generator().manual_seed(0)
    for n, d in ((5, 9), (9, 5)):
        features = torch.randn(n, d, generator=draw, dtype=torch.float64).requires_grad_()
        found = BSS(weight=0.4, k=2).penalty(nn.Identity(), None, features, features)
        table = features.detach().numpy()
        values, vectors = np.linalg.eigh(table @ table.T if n < d else table.T @ table)
        assert float(found.detach()) == pytest.approx(0.4 * values[:2].sum(), rel=1e-9)
        found.backward()
        small = vectors[:, :2] @ vectors[:, :2].T
        slope = 0.8 * (small @ table if n < d else table @ small)
        np.testing.assert_allclose(features.grad.numpy(), slope, rtol=1e-7, atol=1e-9)


def test_co_tuning_by_counting_and_a_classifier_from_probabilities_alone():
    torch.manual_seed(0)
    source_head = nn.Linear(6, 4)
    network, (X, y) = Network(), pictures(40)
    with torch.no_grad():
        source_head.weight *= 10
        proba = torch.softmax(source_head(network.trunk(X)), dim=1).double().numpy()
    table = np.stack([proba[y.numpy() == code].mean(axis=0) for code in range(3)])
    batch = Batch((X,), (y,), np.arange(40))
    known = CoTuning(weight=0.6, source_head=source_head, relation="direct")
    given = CoTuning(weight=0.6, source_probabilities=proba, relation="direct")
    for regulariser in (known, given):
        regulariser.begin(network, network.blocks, tensor_batches((X,), (y,), size=7))
    moved(network)
    with torch.no_grad():
        logs = torch.log_softmax(source_head(network.trunk(X)).double(), dim=1).numpy()
    wanted = -0.6 * (table[y.numpy()] * logs).sum(axis=1).mean()
    assert float(value(known, network, batch).detach()) == pytest.approx(wanted, rel=1e-4)
    assert float(value(given, network, batch).detach()) == pytest.approx(wanted, rel=1e-2)


def test_the_reverse_relation_is_bayes_rule():
    """Source classes that are the target's, two each, told without doubt: each target class is half of either."""
    draw = np.random.default_rng(0)
    source = draw.integers(0, 6, 3000)
    proba = np.full((3000, 6), 0.01)
    proba[np.arange(3000), source] += 0.94
    codes = source // 2
    wanted = np.kron(np.eye(3), [[0.5, 0.5]])
    found = category_relation(proba, codes, "reverse")
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found, wanted, atol=0.05)
    direct = np.stack([proba[codes == code].mean(axis=0) for code in range(3)])
    np.testing.assert_allclose(category_relation(proba, codes, "direct"), direct)
    skipped = category_relation(proba, codes + (codes > 0), "reverse")
    np.testing.assert_allclose(skipped[1], 1 / 6)


def test_delta_by_hand():
    regulariser = DELTA(alpha=0.3, beta=0.2, layers=("0", "1"))
    network, batch = begun(regulariser)
    attention = {name: a.numpy() for name, a in regulariser._attention.items()}

    def maps():
        low = network.trunk[0](*batch.inputs)
        return {"0": low.detach().numpy(), "1": network.trunk[1](low).detach().numpy()}

    before = maps()
    moved(network)
    after, wanted = maps(), 0.0
    for name in ("0", "1"):
        n, c = before[name].shape[:2]
        assert attention[name].shape == (c,)
        assert attention[name].sum() == pytest.approx(1, rel=1e-5)
        for i in range(n):
            for j in range(c):
                change = ((after[name][i, j] - before[name][i, j]) ** 2).mean()
                wanted += 0.3 / n * attention[name][j] * change / first_square(before[name])
    wanted += 0.1 * sum(float(p.detach().square().sum()) for p in network.head.parameters())
    assert float(value(regulariser, network, batch).detach()) == pytest.approx(wanted, rel=1e-4)
    assert not network.trunk[0]._forward_hooks


def first_square(maps):
    """DELTA scales by the first batch, of 5 examples."""
    return float((maps[:5] ** 2).mean())


def test_the_attention_of_the_last_layer_is_the_slope_of_the_loss_in_each_channel_s_size():
    """Each channel is shrunk a little by hand; behind the last layer there is a mean alone."""
    network, (X, y) = Network(), pictures(30)
    copy = frozen_copy(network.trunk)
    found = channel_attention(copy, {"1": "1", "0": "0"}, tensor_batches((X,), (y,), size=8))
    features = network.trunk(X).detach()
    targets = functional.one_hot(y, 3).float()
    slopes, offsets = ridge(features, targets)
    effect = []
    for j in range(6):
        losses = []
        for size in (1e-3, -1e-3):
            changed = features.double().clone()
            changed[:, j] *= 1 + size
            losses.append(float((changed @ slopes.double() + offsets - targets).square().sum() / 2 / 30))
        effect.append(-(losses[0] - losses[1]) / 2e-3)
    effect = torch.tensor(effect)
    torch.testing.assert_close(found["1"], torch.softmax(effect / effect.std(), 0).float(), rtol=1e-3, atol=1e-4)
    assert found["0"].shape == (4,)


def test_the_ridge_behind_the_attention():
    draw = np.random.default_rng(0)
    X, Y = draw.normal(size=(20, 4)), draw.normal(size=(20, 2))
    slopes, offsets = ridge(torch.from_numpy(X), torch.from_numpy(Y))
    centred = X - X.mean(axis=0)
    penalty = 0.1 * (centred**2).sum() / 4
    rows = np.concatenate([centred, np.sqrt(penalty) * np.eye(4)])
    wanted = np.linalg.lstsq(rows, np.concatenate([Y - Y.mean(axis=0), np.zeros((4, 2))]), rcond=None)[0]
    np.testing.assert_allclose(slopes, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(offsets, Y.mean(axis=0) - X.mean(axis=0) @ wanted, rtol=1e-4, atol=1e-6)


def test_even_attention_and_layers_that_give_no_map():
    regulariser = DELTA(attention="even")
    network, _ = begun(regulariser)
    assert {name: a.tolist() for name, a in regulariser._attention.items()}["0"] == [0.25] * 4
    X, y = pictures()
    with pytest.raises(InputError, match=r"got \['2'\]"):
        DELTA(layers=("2",)).begin(network, network.blocks, tensor_batches((X,), (y,), size=5))
    flat = {"flat": network.trunk[3]}
    with pytest.raises(InputError, match="blocks that give maps"):
        DELTA().begin(network, flat, tensor_batches((X,), (y,), size=5))
