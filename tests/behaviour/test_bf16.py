"""Training in bf16 ends where training in float32 does, for a small module with attention."""

import numpy as np
import pytest
import torch
from torch import nn

from headstart.strategies.parameter.fine_tune import FineTune

N, T = 400, 6
SETTINGS = {
    "trainable": "full",
    "learning_rate": 3e-3,
    "epochs": 12,
    "cache": False,
    "device": "cpu",
    "head_first": False,
}


class Positions(nn.Module):
    """(n, t) -> (n, 16): numbers that look at one another."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 16)
        self.second = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)

    def forward(self, x):
        return self.second(self.first(x[:, :, None])).mean(dim=1)


def sequences(seed):
    """Rows whose largest number says the class, so that positions must be compared."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(2 * N, T)).astype(np.float32)
    y = (X.max(axis=1) > 1.3).astype(int)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        trunk = Positions()
    return trunk, X[:N], y[:N], X[N:], y[N:]


@pytest.mark.parametrize("seed", range(3))
def test_both_precisions_end_at_the_same_loss(seed):
    trunk, X, y, X_new, y_new = sequences(seed)
    both = [
        FineTune(trunk, precision=precision, random_state=seed, **SETTINGS).fit(X, y, X_valid=X_new, y_valid=y_new)
        for precision in ("fp32", "bf16")
    ]
    fp32, bf16 = both
    assert [model.history_.precision for model in both] == ["fp32", "bf16"]
    assert fp32.start_loss_ == bf16.start_loss_
    gain = fp32.start_loss_ - fp32.valid_loss_
    assert gain > 0.15
    assert bf16.valid_loss_ == pytest.approx(fp32.valid_loss_, abs=0.1 * gain)
    assert bf16.valid_loss_ != fp32.valid_loss_
    assert (bf16.predict(X_new) == fp32.predict(X_new)).mean() > 0.95
