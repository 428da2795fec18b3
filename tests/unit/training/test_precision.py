"""What training computes in: decided by the module and the processor, once, and told; the rest stays float32."""

import logging

import pytest
import torch
from torch import nn

from headstart.training import loop, precision
from headstart.training.attention_pooled import PositionAttention
from headstart.training.batches import tensor_batches
from headstart.training.callback import Callback
from headstart.training.checkpoint import Checkpoint
from headstart.training.forward import mean_loss, outputs_of
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.losses.mse import mse
from headstart.training.precision import has_bf16_instructions, precision_for
from headstart.training.settings import TrainSettings

CPU = torch.device("cpu")


class Attentive(nn.Module):
    """(b, t, 8) -> (b, 2); books what its layers give, training or not."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.output = nn.Linear(8, 2)
        self.seen = []

    def forward(self, x):
        scores = self.output(self.attention(x, x, x, need_weights=False)[0].mean(dim=1))
        self.seen.append((self.training, scores.dtype))
        return scores


def attentive(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Attentive()


def sequences(n=48, seed=0):
    X = torch.randn(n, 5, 8, generator=torch.Generator().manual_seed(seed))
    return X, (X[:, :, 0].mean(dim=1) > 0).long()


def processor(monkeypatch, *, has_bf16):
    monkeypatch.setattr(precision, "has_bf16_instructions", lambda: has_bf16)


@pytest.mark.parametrize("has_bf16", [True, False])
def test_auto_on_a_processor_is_bf16_for_attention_where_it_has_the_instructions(monkeypatch, has_bf16):
    processor(monkeypatch, has_bf16=has_bf16)
    convolutions = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    assert precision_for(attentive(), CPU) == ("bf16" if has_bf16 else "fp32")
    assert precision_for(convolutions, CPU) == "fp32"
    assert precision_for(nn.ModuleList([convolutions, PositionAttention(4)]), CPU) == "fp32"
    for asked in ("fp32", "bf16"):
        assert precision_for(attentive(), CPU, asked) == precision_for(convolutions, CPU, asked) == asked


@pytest.mark.parametrize("has_bf16", [True, False])
def test_auto_on_an_accelerator_asks_the_accelerator(monkeypatch, has_bf16):
    processor(monkeypatch, has_bf16=not has_bf16)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    for module in (attentive(), nn.Conv2d(3, 4, 3)):
        assert precision_for(module, torch.device("cuda")) == ("bf16" if has_bf16 else "fp32")
    assert precision_for(attentive(), torch.device("meta")) == "fp32"


def test_either_kind_of_instruction_does_and_a_torch_without_the_question_has_none(monkeypatch):
    dots, matrices = precision._ASKED
    for answers in ((True, False), (False, True), (True, True), (False, False)):
        for question, answer in zip((dots, matrices), answers, strict=True):
            monkeypatch.setattr(torch.cpu, question, lambda answer=answer: answer)
        assert has_bf16_instructions() == any(answers)
    for question in (dots, matrices):
        monkeypatch.delattr(torch.cpu, question)
    assert not has_bf16_instructions()


def test_what_was_taken_is_told_and_only_training_computes_in_it(monkeypatch, caplog):
    processor(monkeypatch, has_bf16=True)
    X, y = sequences()
    module, batches, losses = attentive(), tensor_batches((X,), (y,), size=16), []

    def loss(outputs, codes):
        losses.append(outputs.dtype)
        return CrossEntropy()(outputs, codes)

    caplog.set_level(logging.INFO, logger="headstart")
    history = train(
        module, batches, loss, settings=TrainSettings(epochs=1), validate=lambda m: mean_loss(m, batches, loss)
    )
    assert history.precision == "bf16"
    assert caplog.messages == ["Attentive is trained in bf16"]
    assert outputs_of(module, batches).dtype == torch.float32
    assert set(module.seen) == {(True, torch.bfloat16), (False, torch.float32)}
    assert set(losses) == {torch.float32}
    assert {p.dtype for p in module.parameters()} == {torch.float32}


def test_a_loss_without_a_cast_of_its_own_is_float32_too():
    X, _ = sequences()
    y = X.mean(dim=(1, 2))[:, None].expand(-1, 2).contiguous()
    kept = []

    def loss(outputs, numbers):
        kept.append(mse(outputs, numbers))
        return kept[-1]

    train(attentive(), tensor_batches((X,), (y,), size=16), loss, settings=TrainSettings(epochs=1, precision="bf16"))
    assert {losses.dtype for losses in kept} == {torch.float32}


class Killed(BaseException):
    pass


class KillAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, state):
        if state.step == self.step:
            raise Killed


@pytest.mark.parametrize("at", [2, 4, 7])
def test_killed_in_bf16_and_begun_again_the_weights_are_bit_identical(monkeypatch, tmp_path, at):
    processor(monkeypatch, has_bf16=True)
    X, y = sequences()
    batches, settings = tensor_batches((X,), (y,), size=16), TrainSettings(epochs=3, checkpoint_seconds=0.0)
    calm, done = attentive(), attentive()
    train(calm, batches, CrossEntropy(), settings=settings)
    again = {"settings": settings, "checkpoint": Checkpoint(tmp_path)}
    with pytest.raises(Killed):
        train(attentive(), batches, CrossEntropy(), callbacks=[KillAt(at)], **again)
    processor(monkeypatch, has_bf16=False)  # it goes on elsewhere: in what it began with, a retry as well
    history = train(done, batches, CrossEntropy(), **again)
    assert history.precision == "bf16"
    for name, tensor in calm.state_dict().items():
        assert torch.equal(tensor, done.state_dict()[name]), name


def test_a_run_that_diverged_after_it_went_on_keeps_its_precision(monkeypatch, tmp_path):
    processor(monkeypatch, has_bf16=True)
    X, y = sequences()
    batches, settings = tensor_batches((X,), (y,), size=16), TrainSettings(epochs=2, checkpoint_seconds=0.0)
    with pytest.raises(Killed):
        train(
            attentive(),
            batches,
            CrossEntropy(),
            settings=settings,
            checkpoint=Checkpoint(tmp_path),
            callbacks=[KillAt(2)],
        )
    processor(monkeypatch, has_bf16=False)
    n_asked = 0

    def once_infinite(outputs, codes):
        nonlocal n_asked
        n_asked += 1
        return CrossEntropy()(outputs, codes) * (float("inf") if n_asked == 1 else 1.0)

    history = train(attentive(), batches, once_infinite, settings=settings, checkpoint=Checkpoint(tmp_path))
    assert len(history.retries) == 1
    assert history.precision == "bf16"


def test_it_is_decided_once(monkeypatch):
    asked = []
    monkeypatch.setattr(loop, "precision_for", lambda *given: asked.append(given) or "fp32")
    X, y = sequences()
    n_asked = 0

    def once_infinite(outputs, codes):
        nonlocal n_asked
        n_asked += 1
        return CrossEntropy()(outputs, codes) * (float("inf") if n_asked == 2 else 1.0)

    history = train(attentive(), tensor_batches((X,), (y,), size=16), once_infinite, settings=TrainSettings(epochs=1))
    assert len(history.retries) == len(asked) == 1
