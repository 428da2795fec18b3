"""A trunk gives the features of the encoder, and a head trained by gradient the optimum of the closed form."""

import numpy as np
import pytest
import torch

from headstart.backbones.registry import get_card, is_ready
from headstart.features.encoder import Encoder
from headstart.heads.logistic import LogisticRegressionPath
from headstart.strategies.parameter._tuning_answers import features_of
from headstart.testing.raw_estimator_checks import raw_case
from headstart.training.batches import tensor_batches
from headstart.training.feature_scale import FeatureScale
from headstart.training.heads.linear import Linear
from headstart.training.loop import train
from headstart.training.losses.arc_margin import ArcMargin
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.penalty import Penalty
from headstart.training.settings import TrainSettings
from headstart.training.trunk import open_trunk
from headstart.training.tuned import Tuned


def examples(modality):
    """A few of a kind; of texts and sounds also some longer than a window."""
    X = raw_case(None, modality).X[:5]
    if modality == "text":
        return [*X, "warm and cold, " * 150]
    if modality == "audio":
        noise = np.random.default_rng(0).normal(0, 0.1, 16_000 * 33).astype(np.float32)
        return [*X[:3], (noise, 16_000)]
    return [*X, X[0][..., 0], X[1][:9]]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "all_minilm_l6_v2", "whisper_tiny"])
def test_features_are_the_encoders(name):
    card = get_card(name)
    if not is_ready(card):
        pytest.skip(f"{name} is not on this machine")
    X, trunk = examples(card.modality), open_trunk(name)
    wanted = Encoder(name, runtime="torch", cache=False).transform(X)
    network = Tuned(trunk.module, Linear(card.dim, 2)).eval()
    loader = trunk.loader(X)
    found = network.features(*loader(np.arange(len(X)), 0))
    assert np.abs(found.detach().numpy() - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert np.abs(features_of(trunk, X) - wanted).max() <= 1e-4 * np.abs(wanted).max()
    found.square().sum().backward()
    lowest = next(iter(trunk.blocks.values()))
    assert any(p.grad is not None and bool(p.grad.abs().max() > 0) for p in lowest.parameters())


def test_features_of_every_frame_are_averaged(tmp_path):
    av = pytest.importorskip("av")
    draw, paths = np.random.default_rng(0), []
    for number in range(2):
        paths.append(str(tmp_path / f"{number}.mp4"))
        with av.open(paths[-1], "w") as container:
            stream = container.add_stream("mpeg4", rate=5)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _ in range(10):
                frame = av.VideoFrame.from_ndarray(draw.integers(0, 255, (48, 64, 3), dtype=np.uint8), format="rgb24")
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
    trunk = open_trunk("frames/efficientnet_lite0")
    wanted = Encoder("frames/efficientnet_lite0", runtime="torch", cache=False).transform(paths)
    assert np.abs(features_of(trunk, paths) - wanted).max() <= 1e-4 * np.abs(wanted).max()


class Ridge(Penalty):
    """Half the squared length of the weights that meet the scaled features, as the closed form counts it."""

    name = "ridge"

    def __init__(self, strength):
        self.strength = strength

    def penalty(self, network, batch, features, scores):
        return self.strength * 0.5 * network.output.weight.square().sum()


def objective(coef, intercept, Z, codes, C):
    """What the closed form minimises, divided by C * n: dense, in double precision."""
    scores = Z @ coef.T + intercept
    logs = scores - np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1, keepdims=True))
    logs -= scores.max(1, keepdims=True)
    return -logs[np.arange(len(codes)), codes].mean() + 0.5 * np.square(coef).sum() / (C * len(codes))


def test_probe_by_gradient_reaches_the_optimum_of_the_closed_form():
    draw = np.random.default_rng(0)
    codes = np.arange(90) % 3
    features = (draw.normal(size=(90, 6)) * [1, 2, 0.5, 1, 3, 1] + codes[:, None]).astype(np.float32)
    C = 0.5
    closed = LogisticRegressionPath(C=C, tol=1e-9).fit(features, codes)
    Z = (features - closed.mean_) / closed.scale_
    best = objective(closed.coef_, closed.intercept_, Z, codes, C)
    head = Linear(6, 3)
    head.scale.set(closed.mean_, closed.scale_)
    start = objective(np.zeros((3, 6)), np.zeros(3), Z, codes, C)
    batches = tensor_batches((torch.from_numpy(features),), (torch.from_numpy(codes),), size=90)
    settings = TrainSettings(epochs=400, learning_rate=0.05, weight_decay=0.0, patience=None, clip_norm=None)
    train(head, batches, CrossEntropy(), settings=settings, penalty=Ridge(1 / (C * 90)))
    coef, intercept = (p.detach().double().numpy() for p in (head.output.weight, head.output.bias))
    reached = objective(coef, intercept, Z, codes, C)
    assert best <= reached + 1e-6
    assert reached - best < 1e-4 * (start - best)


def test_scale_is_that_of_the_closed_form():
    draw = np.random.default_rng(0)
    features = draw.normal(2, 3, (50, 4)).astype(np.float32)
    features[:, 2] = 7.0  # constant: it does not count
    probe = LogisticRegressionPath(C=1.0).fit(features, np.arange(50) % 2)
    scale = FeatureScale(4)
    scale.set(probe.mean_, probe.scale_)
    wanted = (features - probe.mean_) / probe.scale_
    assert np.allclose(scale(torch.from_numpy(features)).numpy(), wanted, atol=1e-5)
    assert not wanted[:, 2].any()


def test_margin_against_angles_written_out():
    draw = np.random.default_rng(0)
    cosines, codes = draw.uniform(-1, 1, (200, 4)), np.arange(200) % 4
    sharpness, margin = 8.0, 0.3
    wanted = sharpness * cosines
    for row, code in enumerate(codes):
        angle = np.arccos(cosines[row, code])
        beyond = cosines[row, code] - margin * np.sin(margin)
        wanted[row, code] = sharpness * (np.cos(angle + margin) if angle + margin < np.pi else beyond)
    losses = -(wanted - np.log(np.exp(wanted).sum(1, keepdims=True)))[np.arange(200), codes]
    found = ArcMargin(CrossEntropy(), sharpness=sharpness, margin=margin)
    scores = torch.tensor(sharpness * cosines, requires_grad=True)
    given = found(scores, torch.from_numpy(codes))
    assert np.allclose(given.detach().numpy(), losses, atol=1e-3)
    assert bool((given > CrossEntropy()(scores, torch.from_numpy(codes))).all())  # a margin makes it harder
    at_the_end = torch.tensor([[sharpness, -sharpness]], requires_grad=True)
    found(at_the_end, torch.tensor([0])).sum().backward()
    assert bool(torch.isfinite(at_the_end.grad).all())
