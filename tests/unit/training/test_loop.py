"""The gradient loop against steps written out, and under everything that goes wrong."""

import math
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.training.batches import Batch, Batches, tensor_batches
from headstart.training.callback import Callback
from headstart.training.checkpoint import Checkpoint
from headstart.training.ema import Ema
from headstart.training.forward import mean_loss, outputs_of
from headstart.training.gradient import add_gradient, losses_at
from headstart.training.loop import PLAN_AT, train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.losses.mse import mse
from headstart.training.schedule import warmup_cosine
from headstart.training.settings import TrainSettings


def rows(n=60, d=5, seed=0):
    draw = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=draw)
    return X, (X[:, 0] + 0.5 * X[:, 1] > 0).long()


def network(dropout=0.0, d=5, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(d, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2))


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def written_out(module, X, y, batches, settings, sample_weights):
    """AdamW, clipping, warm-up and cosine by hand, in double precision; the averaged weights beside."""
    names = [name for name, _ in module.named_parameters()]
    first = {name: p.detach().double().clone() for name, p in module.named_parameters()}
    value = {name: tensor.clone() for name, tensor in first.items()}
    m, v, average = ({name: torch.zeros_like(value[name]) for name in names} for _ in range(3))
    average = {name: tensor.clone() for name, tensor in first.items()}
    n_steps, t = settings.epochs * len(batches.epoch(0)), 0
    for epoch in range(settings.epochs):
        for part in batches.epoch(epoch):
            leaves = {name: value[name].clone().requires_grad_() for name in names}
            scores = torch.func.functional_call(module.double(), leaves, (X[part].double(),))
            losses = functional.cross_entropy(scores, y[part], reduction="none")
            w = sample_weights[part].double()
            ((losses * w).sum() / w.sum()).backward()
            norm = math.sqrt(sum(float(leaf.grad.square().sum()) for leaf in leaves.values()))
            clip = min(1.0, settings.clip_norm / (norm + 1e-6))
            rate = settings.learning_rate * warmup_cosine(t, n_steps=n_steps, warmup=settings.warmup)
            t += 1
            decay = min(settings.ema_decay or 0.0, (1 + t) / (10 + t))
            for name in names:
                g = clip * leaves[name].grad
                m[name], v[name] = 0.9 * m[name] + 0.1 * g, 0.999 * v[name] + 0.001 * g * g
                if value[name].ndim > 1:
                    value[name] = value[name] * (1 - rate * settings.weight_decay)
                step = m[name] / (1 - 0.9**t) / ((v[name] / (1 - 0.999**t)).sqrt() + 1e-8)
                value[name] = value[name] - rate * step
                average[name] = decay * average[name] + (1 - decay) * value[name]
    return value, average


@pytest.mark.parametrize("micro_batch", [None, 3, 1])
@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_the_weights_are_those_of_the_steps_written_out(micro_batch, ema_decay):
    X, y = rows()
    w = torch.rand(60, generator=torch.Generator().manual_seed(3)) + 0.1
    batches = tensor_batches((X,), (y,), size=16, weights=w)
    settings = TrainSettings(
        epochs=4, learning_rate=0.02, weight_decay=0.3, clip_norm=0.05, micro_batch=micro_batch, ema_decay=ema_decay
    )
    module = network()
    history = train(module, batches, CrossEntropy(), settings=settings)
    plain, averaged = written_out(network(), X, y, batches, settings, w)
    for name, found in module.named_parameters():
        wanted = plain if ema_decay is None else averaged
        torch.testing.assert_close(found.detach().double(), wanted[name], rtol=1e-4, atol=1e-5)
    assert history.n_steps == 16
    assert history.stopped_by == "epochs"
    assert not module.training


def test_the_recorded_losses_are_weighted_means_over_the_rows():
    X, y = rows()
    w = torch.rand(60, generator=torch.Generator().manual_seed(3))
    batches = tensor_batches((X,), (y,), size=60, weights=w)
    module = network()
    before = functional.cross_entropy(module(X), y, reduction="none").detach()
    history = train(module, batches, CrossEntropy(), settings=TrainSettings(epochs=1))
    assert history.epochs[0].train_loss == pytest.approx(float((before * w).sum() / w.sum()), rel=1e-5)
    after = functional.cross_entropy(module(X), y, reduction="none").detach()
    wanted = float((after * w).sum() / w.sum())
    odd = tensor_batches((X,), (y,), size=7, weights=w)
    assert mean_loss(module, odd, CrossEntropy()) == pytest.approx(wanted, rel=1e-5)
    torch.testing.assert_close(outputs_of(module, odd), module(X).detach())


def test_the_same_seed_is_the_same_run_and_torch_s_generator_stays():
    X, y = rows()

    def run(seed):
        module = network(dropout=0.5)
        train(module, tensor_batches((X,), (y,), size=16), CrossEntropy(), settings=TrainSettings(random_state=seed))
        return weights(module)

    torch.manual_seed(99)
    before = torch.get_rng_state()
    first = run(0)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(7)
    assert_same(first, run(0))
    assert not torch.equal(first["0.weight"], run(1)["0.weight"])


def test_frozen_weights_stay_to_the_bit_and_rates_have_factors():
    X, y = rows()
    module = network()
    before = weights(module)
    module[0].weight.requires_grad_(False)
    train(
        module,
        tensor_batches((X,), (y,), size=16),
        CrossEntropy(),
        settings=TrainSettings(epochs=2),
        rate_of=lambda name: 0.0 if name == "3.weight" else 1.0,
    )
    assert torch.equal(module[0].weight, before["0.weight"])
    assert torch.equal(module[3].weight, before["3.weight"])
    assert not torch.equal(module[3].bias, before["3.bias"])
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(InputError, match="weight that may move"):
        train(module, tensor_batches((X,), (y,), size=16), CrossEntropy())


def test_the_best_weights_come_back_and_patience_ends_it():
    X, y = rows()
    seen, losses = [], iter([3.0, 1.0, 2.0, 2.0, 2.0, 0.1])

    def validate(module):
        assert not module.training
        seen.append(weights(module))
        return next(losses)

    module = network()
    history = train(
        module,
        tensor_batches((X,), (y,), size=16),
        CrossEntropy(),
        settings=TrainSettings(epochs=50, patience=3),
        validate=validate,
    )
    assert history.stopped_by == "patience"
    assert len(history.epochs) == 5
    assert history.best_epoch == 1
    assert_same(weights(module), seen[1])
    assert not torch.equal(seen[1]["0.weight"], seen[4]["0.weight"])


def test_with_an_average_it_is_the_average_that_is_validated_and_kept():
    X, y = rows()
    averages, own = [], []

    class Look(Callback):
        def on_step_end(self, state):
            own.append(weights(state.module))

    def validate(module):
        averages.append(weights(module))
        return -len(averages)

    module = network()
    settings = TrainSettings(epochs=3, ema_decay=0.99)
    batches = tensor_batches((X,), (y,), size=16)
    train(module, batches, CrossEntropy(), settings=settings, validate=validate, callbacks=[Look()])
    assert_same(weights(module), averages[-1])
    brute = {name: tensor.clone() for name, tensor in network().state_dict().items()}
    for step, taken in enumerate(own, start=1):
        d = min(0.99, (1 + step) / (10 + step))
        brute = {name: d * brute[name] + (1 - d) * taken[name] for name in brute}
    for name, tensor in brute.items():
        torch.testing.assert_close(averages[-1][name], tensor, rtol=1e-5, atol=1e-6)
    assert not torch.equal(averages[-1]["0.weight"], own[-1]["0.weight"])


def test_an_average_is_only_lent():
    module = network()
    ema = Ema(module, 0.5)
    before = weights(module)
    with torch.no_grad():
        module[0].bias.add_(1)
    moved = weights(module)
    with ema.applied(module):
        assert_same(weights(module), before)
    assert_same(weights(module), moved)


class Hungry(nn.Module):
    """Cannot take more than ``most`` examples at once."""

    def __init__(self, most, error):
        super().__init__()
        self.inner, self.most, self.error, self.refused = network(), most, error, 0
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        if len(x) > self.most:
            self.refused += 1
            raise self.error
        return self.inner(x)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "python"],
)
def test_without_memory_the_batch_is_halved_and_the_result_stays(error):
    X, y = rows()
    batches, settings = tensor_batches((X,), (y,), size=20), TrainSettings(epochs=3)
    hungry, plain = Hungry(6, error), network()
    history = train(hungry, batches, CrossEntropy(), settings=settings)
    train(plain, batches, CrossEntropy(), settings=settings)
    assert history.micro_batch == 5
    assert hungry.refused == 2
    assert hungry.calls == 4 * 9  # what a refused attempt counted is taken back
    for name, tensor in weights(plain).items():
        torch.testing.assert_close(hungry.inner.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)


def test_memory_for_not_even_one_example_is_told():
    X, y = rows()
    with pytest.raises(InputError, match="memory for one example"):
        train(Hungry(0, MemoryError()), tensor_batches((X,), (y,), size=20), CrossEntropy())


def test_other_errors_pass_through():
    X, y = rows()
    with pytest.raises(RuntimeError, match="of its own"):
        train(Hungry(0, RuntimeError("an error of its own")), tensor_batches((X,), (y,), size=20), CrossEntropy())


def test_accumulated_gradients_are_those_of_the_whole_batch():
    X, y = rows(11)
    batch = Batch((X,), (y,), np.arange(11), torch.linspace(0, 2, 11))
    gradients = []
    for micro_batch in (None, 4, 1):
        module = network()
        losses, _ = add_gradient(module, batch, CrossEntropy(), micro_batch=micro_batch, precision="fp32", seed=0)
        assert losses.shape == (11,)
        gradients.append(torch.cat([p.grad.ravel() for p in module.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1])
    torch.testing.assert_close(gradients[0], gradients[2])


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["inputs", "targets", "weights"])
def test_a_number_that_is_not_finite_names_its_example(number, where):
    X, _ = rows()
    y, w = X[:, 0].clone(), torch.ones(60)
    {"inputs": X[:, 2], "targets": y, "weights": w}[where][37] = number
    module = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
    with pytest.raises(InputError, match=rf"finite {where}, got .* in example 37 "):
        train(module, tensor_batches((X,), (y,), size=16, weights=w), mse)


def test_a_loss_that_is_not_finite_at_once_names_its_example():
    X, y = rows()

    def loss(outputs, codes):
        losses = CrossEntropy()(outputs, codes)
        return torch.where(codes == 7, torch.nan, losses)

    y[41] = 7
    with pytest.raises(InputError, match="got nan for example 41 "):
        train(nn.Linear(5, 8), tensor_batches((X,), (y,), size=60), loss)


def test_a_diverging_run_is_told_and_begun_anew_at_a_lower_rate():
    X, _ = rows()
    y = 3 * X[:, 0] + 1
    told = []

    class Listen(Callback):
        def on_diverged(self, state):
            told.append(state.retries[-1].learning_rate)

    def run(rate, **more):
        module = nn.Sequential(nn.Linear(5, 32), nn.Linear(32, 32), nn.Linear(32, 1), nn.Flatten(0))
        with torch.no_grad():
            for seed, p in enumerate(module.parameters()):
                p.copy_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)))
        settings = TrainSettings(epochs=10, learning_rate=rate, retry_factor=0.001, **more)
        return module, train(module, tensor_batches((X,), (y,), size=16), mse, settings=settings, callbacks=[Listen()])

    module, history = run(10.0)
    assert len(history.retries) == 1
    assert told == [10.0]
    assert history.epochs[-1].train_loss < 5
    calm, _ = run(0.01)
    with pytest.raises(InputError, match="a loss that falls, got .* with learning_rate=10"):
        run(10.0, n_retries=0)
    again, _ = run(10.0)
    assert_same(weights(module), weights(again))
    for name, tensor in weights(calm).items():  # the same run as one that began at the lower rate
        torch.testing.assert_close(weights(module)[name], tensor)


def test_a_first_batch_that_is_known_already_makes_no_run_diverge():
    X, _ = rows()
    y = 3 * X[:, 0] + 1
    module = nn.Sequential(nn.Linear(5, 1), nn.BatchNorm1d(1), nn.Flatten(0))
    with torch.no_grad():
        module[1].weight.fill_(1.0)
    batches = tensor_batches((X,), (y,), size=16)
    first = batches.epoch(0)[0]
    scale = torch.full((60,), 1e4)
    scale[torch.as_tensor(np.asarray(first))] = 0.0

    def loss(outputs, targets, scale):
        return scale * (outputs - targets) ** 2

    batches = tensor_batches((X,), (y, scale), size=16)
    seen = []

    class Look(Callback):
        def on_step_end(self, state):
            seen.append(state.watch.first)

    history = train(module, batches, loss, settings=TrainSettings(epochs=3), callbacks=[Look()])
    assert not history.retries
    assert seen[0] == 0
    assert seen[1] > 1e3, "the loss of the second batch with the weights of the first step"
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss


def test_losses_at_other_weights_change_nothing():
    X, y = rows()
    module = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train()
    other = {name: torch.ones_like(tensor) for name, tensor in module.state_dict().items()}
    batch, how = Batch((X[:20],), (y[:20],), np.arange(20)), {"precision": "fp32", "seed": 3}
    before = weights(module)
    losses = losses_at(other, module, batch, CrossEntropy(), micro_batch=None, **how)
    assert_same(weights(module), before)
    assert not any(p.grad is not None for p in module.parameters())
    module.load_state_dict(other)
    expected, _ = add_gradient(module, batch, CrossEntropy(), micro_batch=None, **how)
    torch.testing.assert_close(losses, expected, rtol=0, atol=0)


def test_a_deadline_ends_it_in_time_with_the_schedule_run_out():
    X, y = rows()

    def load(part, epoch):
        time.sleep(0.01)
        return Batch((X[part],), (y[part],), part)

    train(network(), tensor_batches((X,), (y,), size=10), CrossEntropy(), settings=TrainSettings(epochs=1))
    settings = TrainSettings(epochs=10_000, warmup=0.0)
    asked = []
    begun = time.monotonic()  # what the first step of a process loads is loaded
    history = train(
        network(),
        Batches(load, 60, 10),
        CrossEntropy(),
        settings=settings,
        deadline=Deadline.after(1.0),
        validate=lambda module: asked.append(1) or 1.0 / len(asked),
    )
    assert time.monotonic() - begun < 5
    assert history.stopped_by == "deadline"
    assert PLAN_AT < history.n_steps < 200
    assert history.epochs[-1].learning_rate < 0.3 * settings.learning_rate  # steps may slow down after the plan
    assert history.best_epoch == len(history.epochs) - 1


def test_a_slow_first_step_is_not_taken_for_what_a_step_takes():
    X, y = rows()
    loaded = []

    def load(part, epoch):
        time.sleep(0.005 if loaded else 1.0)
        loaded.append(1)
        return Batch((X[part],), (y[part],), part)

    train(network(), tensor_batches((X,), (y,), size=10), CrossEntropy(), settings=TrainSettings(epochs=1))
    settings = TrainSettings(epochs=10_000)
    history = train(network(), Batches(load, 60, 10), CrossEntropy(), settings=settings, deadline=Deadline.after(3.0))
    assert history.n_steps > 40  # 1 s and seven quick steps, taken for eight alike, leave some twenty


def test_a_deadline_that_is_over_still_gives_one_step():
    X, y = rows()
    history = train(network(), tensor_batches((X,), (y,), size=10), CrossEntropy(), deadline=Deadline.after(0))
    assert (history.n_steps, history.stopped_by, len(history.epochs)) == (1, "deadline", 1)


def test_hooks_come_in_order():
    X, y = rows(20)
    called = []

    class Listen(Callback):
        def __getattribute__(self, name):
            called.append(name)
            return super().__getattribute__(name)

    train(
        network(),
        tensor_batches((X,), (y,), size=10),
        CrossEntropy(),
        settings=TrainSettings(epochs=1),
        callbacks=[Listen()],
    )
    step = ["on_gradients", "on_step_end"]
    assert called == ["on_train_begin", "on_epoch_begin", *step, *step, "on_epoch_end", "on_train_end"]


def test_bf16_trains_and_is_told():
    X, y = rows()
    settings = TrainSettings(epochs=30, learning_rate=0.02, precision="bf16")
    module = network()
    history = train(module, tensor_batches((X,), (y,), size=16), CrossEntropy(), settings=settings)
    assert history.precision == "bf16"
    assert next(module.parameters()).dtype == torch.float32
    assert history.epochs[-1].train_loss < 0.5 * history.epochs[0].train_loss
    full = network()
    train(full, tensor_batches((X,), (y,), size=16), CrossEntropy(), settings=TrainSettings(30, 0.02))
    assert not torch.equal(weights(module)["0.weight"], weights(full)["0.weight"])


def test_no_examples_are_refused():
    with pytest.raises(InputError, match="at least 1 example"):
        train(network(), Batches(lambda part, epoch: None, 0, 4), CrossEntropy())


def test_a_finished_run_comes_back_from_its_checkpoint_and_others_are_refused(tmp_path):
    X, y = rows()
    batches, settings = tensor_batches((X,), (y,), size=16), TrainSettings(epochs=3, ema_decay=0.9)
    module, again = network(), network()
    first = train(module, batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(tmp_path))
    second = train(again, batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(tmp_path))
    assert_same(weights(module), weights(again))
    assert first.epochs == second.epochs
    assert second.n_steps == first.n_steps
    assert len(list(tmp_path.glob("*.safetensors"))) == 1
    for other in (
        {"settings": TrainSettings(epochs=4, ema_decay=0.9)},
        {"settings": settings, "seed": 1},
        {"settings": settings, "who": "b"},
        {"settings": settings, "rate_of": lambda name: 0.5},
        {"settings": settings, "frozen": True},
    ):
        module = network(seed=other.get("seed", 0))
        module[0].weight.requires_grad_("frozen" not in other)
        with pytest.raises(InputError, match="needs the run that wrote it"):
            train(
                module,
                batches,
                CrossEntropy(),
                settings=other["settings"],
                checkpoint=Checkpoint(tmp_path, {"who": other["who"]} if "who" in other else {}),
                rate_of=other.get("rate_of"),
            )


def test_a_damaged_checkpoint_is_refused(tmp_path):
    X, y = rows()
    batches, settings = tensor_batches((X,), (y,), size=16), TrainSettings(epochs=2)
    train(network(), batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(tmp_path))
    (file,) = tmp_path.glob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="whole files"):
        train(network(), batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(tmp_path))
    file.unlink()
    with pytest.raises(ValueError, match="whole files"):
        train(network(), batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(tmp_path))


class Killed(BaseException):
    pass


class KillAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, state):
        if state.step == self.step:
            raise Killed


@pytest.mark.parametrize("at", [[1], [4], [5], [2, 3, 9, 11], [12]])
def test_interrupted_at_any_step_the_weights_are_bit_identical(at, tmp_path):
    X, y = rows()
    batches = tensor_batches((X,), (y,), size=16)
    settings = TrainSettings(epochs=3, ema_decay=0.9, checkpoint_seconds=0.0, learning_rate=0.02)

    def validate(module):
        return mean_loss(module, batches, CrossEntropy())

    calm = network(dropout=0.5)
    wanted = train(calm, batches, CrossEntropy(), settings=settings, validate=validate)
    for step in at:
        keep = Checkpoint(tmp_path)
        with pytest.raises(Killed):
            train(
                network(dropout=0.5),
                batches,
                CrossEntropy(),
                settings=settings,
                validate=validate,
                checkpoint=keep,
                callbacks=[KillAt(step)],
            )
    done = network(dropout=0.5)
    history = train(
        done, batches, CrossEntropy(), settings=settings, validate=validate, checkpoint=Checkpoint(tmp_path)
    )
    assert_same(weights(done), weights(calm))
    assert history.epochs == wanted.epochs


def test_a_part_that_was_added_before_the_memory_ran_out_is_not_added_twice():
    X, y = rows(16)
    batch, calls = Batch((X,), (y,), np.arange(16)), []

    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x):
            calls.append(len(x))
            if len(calls) == 2:
                raise MemoryError
            return self.inner(x)

    hungry, plain = Fails(), network()
    _, taken = add_gradient(hungry, batch, CrossEntropy(), micro_batch=8, precision="fp32", seed=0)
    add_gradient(plain, batch, CrossEntropy(), micro_batch=None, precision="fp32", seed=0)
    assert calls == [8, 8, 4, 4, 4, 4]
    assert taken == 4
    for found, wanted in zip(hungry.inner.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, wanted.grad)


def test_each_step_draws_anew():
    X, y = rows()
    drawn = []

    class Draws(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x):
            drawn.append(float(torch.rand(())))
            return self.inner(x)

    train(Draws(), tensor_batches((X,), (y,), size=16), CrossEntropy(), settings=TrainSettings(epochs=5))
    assert len(set(drawn)) == 20


def test_the_best_weights_of_before_the_interruption_come_back(tmp_path):
    X, y = rows()
    batches, settings, seen = tensor_batches((X,), (y,), size=16), TrainSettings(epochs=4), []

    def validate(module):
        seen.append(weights(module))
        return float(len(seen))

    module = network()
    with pytest.raises(Killed):
        train(
            network(),
            batches,
            CrossEntropy(),
            settings=settings,
            validate=validate,
            checkpoint=Checkpoint(tmp_path),
            callbacks=[KillAt(7)],
        )
    history = train(
        module, batches, CrossEntropy(), settings=settings, validate=validate, checkpoint=Checkpoint(tmp_path)
    )
    assert history.best_epoch == 0
    assert len(seen) == 4
    assert_same(weights(module), seen[0])
