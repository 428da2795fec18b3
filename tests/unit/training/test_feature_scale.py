"""Features on a common scale; a dead feature does not count."""

import numpy as np
import torch
from torch import nn

import headstart as hs
from headstart.training.feature_scale import FeatureScale


def test_features_are_centred_and_divided():
    scale = FeatureScale(3)
    scale.set(np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.0, 1.0]))
    torch.testing.assert_close(scale(torch.tensor([[2.0, 4.0, 1.0]])), torch.tensor([[2.0, 1.0, -2.0]]))


def test_constant_and_dead_features_do_not_count():
    scale = FeatureScale(4)
    scale.set(np.zeros(4), np.array([1.0, np.inf, 1e-17, 2e-3]))
    assert scale.factor.tolist() == [1.0, 0.0, 0.0, 500.0], "a small one counts, what is rounding does not"


def test_nothing_counts_where_everything_is_constant():
    scale = FeatureScale(2)
    scale.set(np.zeros(2), np.full(2, np.inf))
    assert scale.factor.tolist() == [0.0, 0.0]


class WithDeadOutput(nn.Module):
    """Some published networks have outputs that their last norm multiplies by next to nothing."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.norm = nn.Linear(6, 16), nn.LayerNorm(16)
        with torch.no_grad():
            self.norm.weight[3], self.norm.bias[3] = 1e-33, -4e-33

    def forward(self, x):
        return self.norm(self.linear(x))


def test_a_network_with_a_dead_output_can_be_tuned():
    draw = np.random.default_rng(0)
    X = draw.normal(size=(160, 6)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = hs.FineTune(WithDeadOutput(), trainable="full", epochs=5, device="cpu").fit(list(X), y)
    assert model.history_.retries == ()
    assert np.isfinite(model.predict_proba(list(X))).all()
