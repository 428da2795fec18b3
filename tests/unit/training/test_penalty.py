"""A penalty beside the loss: whole and in parts, in the identity of a run, and without effect where there is none."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.batches import Batch, tensor_batches
from headstart.training.checkpoint import Checkpoint
from headstart.training.gradient import add_gradient
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.penalty import Penalty, batch_mean
from headstart.training.regularisers.l2_sp import L2SP
from headstart.training.regularisers.registry import REGULARISERS
from headstart.training.settings import TrainSettings


class Network(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.trunk = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 4))
            self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.trunk(x))


class Size(Penalty):
    """The weighted mean square of features and scores."""

    name = "size"

    def __init__(self, factor=0.5):
        self.factor = factor
        self.seen = []

    def penalty(self, network, batch, features, scores):
        self.seen.append((features.shape, features.dtype, scores.dtype))
        return self.factor * batch_mean(features.square().sum(1) + scores.square().sum(1), batch)


def rows(n=30):
    X = torch.randn(n, 5, generator=torch.Generator().manual_seed(0))
    return X, (X[:, 0] > 0).long(), torch.rand(n, generator=torch.Generator().manual_seed(1)) + 0.1


def gradients(network):
    return [p.grad.clone() for p in network.parameters()]


@pytest.mark.parametrize("micro_batch", [None, 7, 1])
def test_the_gradient_is_that_of_loss_and_penalty_written_out(micro_batch):
    X, y, w = rows()
    network, plain = Network(), Network()
    batch = Batch((X,), (y,), torch.arange(30).numpy(), w)
    penalty = Size()
    losses, _ = add_gradient(
        network, batch, CrossEntropy(), micro_batch=micro_batch, precision="fp32", seed=0, penalty=penalty
    )
    features = plain.trunk(X)
    scores = plain.head(features)
    wanted = functional.cross_entropy(scores, y, reduction="none")
    extra = 0.5 * (w * (features.square().sum(1) + scores.square().sum(1))).sum() / w.sum()
    ((wanted * w).sum() / w.sum() + extra).backward()
    torch.testing.assert_close(losses, wanted.detach())
    for a, b in zip(gradients(network), gradients(plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert penalty.seen[0][0] == (min(30, -(-30 // -(-30 // (micro_batch or 30)))), 4)
    assert not network.head._forward_pre_hooks


def test_a_matter_of_the_weights_alone_counts_once_in_parts():
    X, y, w = rows()
    found = []
    for micro_batch in (None, 4):
        network = Network()
        regulariser = L2SP(alpha=3.0, beta=2.0)
        regulariser.begin(network, {}, tensor_batches((X,), (y,), size=30))
        with torch.no_grad():
            network.trunk[0].weight += 0.5
        batch = Batch((X,), (y,), torch.arange(30).numpy(), w)
        options = {"micro_batch": micro_batch, "precision": "fp32", "seed": 0, "penalty": regulariser}
        add_gradient(network, batch, CrossEntropy(), **options)
        found.append(gradients(network))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_in_bf16_a_penalty_still_sees_float32():
    X, y, _ = rows()
    penalty, batch = Size(), Batch((X,), (y,), torch.arange(30).numpy())
    network = Network()
    add_gradient(network, batch, CrossEntropy(), micro_batch=10, precision="bf16", seed=0, penalty=penalty)
    assert {seen[1:] for seen in penalty.seen} == {(torch.float32, torch.float32)}
    rough = gradients(network)
    network.zero_grad()
    add_gradient(network, batch, CrossEntropy(), micro_batch=None, precision="fp32", seed=0, penalty=Size())
    for a, b in zip(rough, gradients(network), strict=True):
        torch.testing.assert_close(a, b, rtol=0.05, atol=0.02)


def test_a_penalty_of_zero_changes_nothing_and_recorded_losses_are_without_it():
    X, y, _ = rows()

    def run(penalty, epochs=3):
        network = Network()
        settings = TrainSettings(epochs=epochs)
        history = train(network, tensor_batches((X,), (y,), size=8), CrossEntropy(), settings=settings, penalty=penalty)
        return network.state_dict(), history

    plain, with_zero, moved = run(None)[0], run(Size(0.0))[0], run(Size(5.0))[0]
    for name, tensor in plain.items():
        torch.testing.assert_close(with_zero[name], tensor)
    assert not torch.equal(plain["head.weight"], moved["head.weight"])
    first = [run(penalty, 1)[1].epochs[0].train_loss for penalty in (None, Size(1e-6))]
    assert first[0] == pytest.approx(first[1], rel=1e-4)


def test_a_checkpoint_of_another_penalty_is_refused_and_one_of_the_same_is_gone_on_from(tmp_path):
    X, y, _ = rows()
    batches = tensor_batches((X,), (y,), size=8)

    def run(folder, penalty):
        network = Network()
        if penalty is not None:
            penalty.begin(network, {}, batches)
        settings = TrainSettings(epochs=2)
        train(network, batches, CrossEntropy(), settings=settings, penalty=penalty, checkpoint=Checkpoint(folder))
        return network.state_dict()

    first = run(tmp_path, L2SP())
    again = run(tmp_path, L2SP())
    assert all(torch.equal(first[name], again[name]) for name in first)
    for other in (None, L2SP(alpha=0.2), Size()):
        with pytest.raises(InputError, match="checkpoint|Checkpoint|run"):
            run(tmp_path, other)
    assert L2SP(alpha=0.2).identity() == {"name": "l2_sp", "alpha": 0.2, "beta": 0.01}


@pytest.mark.parametrize("name", REGULARISERS.names())
def test_every_regulariser_is_found_under_its_name(name):
    found = REGULARISERS.class_of(name)
    assert issubclass(found, Penalty)
    assert found.name == name


def test_settings_without_sense_are_refused():
    with pytest.raises(InputError, match="l2_sp needs alpha and beta of at least 0"):
        L2SP(alpha=-1)
    network = Network()
    with pytest.raises(InputError, match="Call begin"):
        L2SP().penalty(network, None, torch.zeros(1), torch.zeros(1))


class Pictures(nn.Module):
    """(b, 3, 8, 8) -> (b, 3), with tokens in its middle."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
            body = nn.Sequential(nn.Flatten(2), nn.Linear(9, 5), nn.ReLU(inplace=True))
            self.trunk = nn.Sequential(stem, body, nn.Flatten())
            self.head = nn.Linear(20, 3)

    def forward(self, x):
        return self.head(self.trunk(x))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", REGULARISERS.names())
def test_every_regulariser_goes_with_training_in_parts_and_leaves_the_network_as_it_was(name, precision):
    draw = torch.Generator().manual_seed(0)
    X, y = torch.randn(20, 3, 8, 8, generator=draw), torch.arange(20) % 3
    settings = {"co_tuning": {"source_head": nn.Linear(20, 4)}}.get(name, {})
    batches = tensor_batches((X,), (y,), size=10, weights=torch.rand(20, generator=draw) + 0.1)

    def run():
        regulariser, network = REGULARISERS.make(name, **settings), Pictures()
        before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
        generator = torch.get_rng_state()
        regulariser.begin(network, {"0": network.trunk[0], "1": network.trunk[1]}, batches)
        assert torch.equal(generator, torch.get_rng_state())
        assert network.training
        assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
        options = TrainSettings(epochs=2, micro_batch=5, precision=precision)
        history = train(network, batches, CrossEntropy(), settings=options, penalty=regulariser)
        assert history.n_steps == 4
        assert all(not part._forward_hooks for part in network.modules())
        return network.state_dict(), json.dumps(regulariser.identity())

    (first, told), (again, told_again) = run(), run()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert told == told_again
    assert f'"name": "{name}"' in told


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("lwf", {"temperature": 0}, "temperature above 0"),
        ("bss", {"k": 0}, "k of at least 1"),
        ("delta", {"attention": "none"}, "an attention of gradient, even"),
        ("co_tuning", {}, "either source_head or source_probabilities"),
        ("co_tuning", {"source_probabilities": [[1.0]], "relation": "x"}, "a relation of direct, reverse"),
    ],
)
def test_settings_without_sense_of_the_others_are_refused(name, settings, told):
    with pytest.raises(InputError, match=told):
        REGULARISERS.make(name, **settings)


@pytest.mark.parametrize("name", ["lwf", "delta", "co_tuning"])
def test_those_that_remember_say_when_they_never_began(name):
    settings = {"co_tuning": {"source_head": nn.Linear(20, 4)}}.get(name, {})
    batch = Batch((torch.zeros(2, 3, 8, 8),), (torch.zeros(2).long(),), torch.arange(2).numpy())
    with pytest.raises(InputError, match="Call begin before training"):
        REGULARISERS.make(name, **settings).penalty(Pictures(), batch, torch.zeros(2, 20), torch.zeros(2, 3))
    with pytest.raises(InputError, match="a network with a trunk and a head, got Linear"):
        REGULARISERS.make(name, **settings).begin(nn.Linear(2, 2), {}, tensor_batches(batch.inputs, (), size=2))


def test_co_tuning_refuses_targets_that_are_no_classes_and_strange_probabilities():
    X = torch.zeros(4, 3, 8, 8)
    wrong = REGULARISERS.make("co_tuning", source_probabilities=torch.full((4, 2), 0.3).numpy())
    with pytest.raises(InputError, match="class codes as targets"):
        wrong.begin(Pictures(), {}, tensor_batches((X,), (torch.zeros(4),), size=4))
    with pytest.raises(InputError, match="probabilities of sum 1"):
        wrong.begin(Pictures(), {}, tensor_batches((X,), (torch.zeros(4).long(),), size=4))
