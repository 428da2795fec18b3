"""Heads on steps in order of time, against loops over steps and finite differences."""

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.heads._attention_network import AttentionNetwork
from headstart.heads._small_network import softmax_loss
from headstart.heads._temporal_network import TemporalNetwork
from headstart.heads.attention_pooling import AttentionPooling
from headstart.heads.temporal import Temporal

NETWORKS = [AttentionNetwork(4), TemporalNetwork(4)]


def _case(network, n_steps=5, seed=0):
    draw = np.random.default_rng(seed)
    steps = draw.standard_normal((6, n_steps, 3))
    weights = [w + 0.3 * draw.standard_normal(w.shape) for w in network.start(3, 2, draw)]
    return steps, weights


def _attention_loop(steps, weights):
    V, b, v, W, c = weights
    rows, shares = [], []
    for row in steps:
        scores = [sum(v[j, 0] * np.tanh(step @ V[:, j] + b[j]) for j in range(len(b))) for step in row]
        share = [np.exp(s) / sum(np.exp(other) for other in scores) for s in scores]
        rows.append(sum(a * step for a, step in zip(share, row, strict=True)) @ W + c)
        shares.append(share)
    return np.array(rows), np.array(shares)


def _temporal_loop(steps, weights):
    first, first_shift, second, second_shift, W, c = weights

    def layer(row, kernel, shift, pace):
        out, width = [], row.shape[1]
        for t in range(len(row)):
            total = shift.copy()
            for place, other in enumerate((t - pace, t, t + pace)):
                if 0 <= other < len(row):
                    total += row[other] @ kernel[place * width : (place + 1) * width]
            out.append(np.tanh(total))
        return np.array(out)

    rows = []
    for row in steps:
        hidden = layer(layer(row, first, first_shift, 1), second, second_shift, 2)
        time = np.arange(len(row)) - np.arange(len(row)).mean()
        time = time / time.std() if len(row) > 1 else time
        rows.append(np.concatenate([row.mean(0), (time[:, None] * row).mean(0), hidden.mean(0)]) @ W + c)
    return np.array(rows)


@pytest.mark.parametrize("n_steps", [1, 2, 5, 9])
def test_attention_is_what_a_loop_over_steps_says(n_steps):
    network = AttentionNetwork(4)
    steps, weights = _case(network, n_steps)
    scores, shares = _attention_loop(steps, weights)
    np.testing.assert_allclose(network.forward(weights, steps)[0], scores, atol=1e-12)
    np.testing.assert_allclose(network.attention(weights, steps), shares, atol=1e-12)


@pytest.mark.parametrize("n_steps", [1, 2, 5, 9])
def test_convolution_is_what_a_loop_over_steps_says(n_steps):
    network = TemporalNetwork(4)
    steps, weights = _case(network, n_steps)
    np.testing.assert_allclose(network.forward(weights, steps)[0], _temporal_loop(steps, weights), atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
@pytest.mark.parametrize("n_steps", [1, 5])
def test_gradients_are_those_of_finite_differences(network, n_steps):
    steps, weights = _case(network, n_steps)
    loss = softmax_loss(np.array([0, 1, 1, 0, 1, 0]), np.array([1.0, 2, 1, 1, 3, 1]))
    scores, way = network.forward(weights, steps)
    found = network.backward(weights, steps, way, loss(scores)[1])
    for number, weight in enumerate(weights):
        for place in np.ndindex(weight.shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = [w.copy() for w in weights]
                moved[number][place] += step
                sides.append(loss(network.forward(moved, steps)[0])[0])
            assert found[number][place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


def _rows(n=60, n_steps=4, d=6, seed=0):
    draw = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    steps = draw.standard_normal((n, n_steps, d)) + 1.5 * draw.standard_normal((3, 1, d))[codes]
    return steps.reshape(n, -1).astype(np.float32), codes, (d,) * n_steps


@pytest.mark.parametrize("head", [AttentionPooling, Temporal])
def test_a_head_is_its_network_on_components_of_the_steps(head):
    X, codes, blocks = _rows()
    fitted = head(blocks=blocks, n_components=3).fit(X, codes)
    steps = X.reshape(60, 4, 6).astype(np.float64)
    steps = ((steps - fitted.mean_) / fitted.scale_) @ fitted.axes_
    assert steps.shape == (60, 4, 3)
    loop = _attention_loop(steps, fitted.network_)[0] if head is AttentionPooling else _temporal_loop(
        steps, fitted.network_
    )  # fmt: skip
    proba = np.exp(loop) / np.exp(loop).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(X), proba, atol=1e-9)


def test_attention_does_not_see_the_order_and_the_convolution_does():
    X, codes, blocks = _rows()
    turned = X.reshape(60, 4, 6)[:, ::-1].reshape(60, -1)
    pooled, temporal = (head(blocks=blocks).fit(X, codes) for head in (AttentionPooling, Temporal))
    np.testing.assert_allclose(pooled.predict_proba(turned), pooled.predict_proba(X), atol=1e-9)
    np.testing.assert_allclose(pooled.attention(X).sum(axis=1), 1, atol=1e-12)
    assert np.abs(temporal.predict_proba(turned) - temporal.predict_proba(X)).max() > 1e-4


@pytest.mark.parametrize("head", [AttentionPooling, Temporal])
def test_steps_of_differing_width_are_refused(head):
    X, codes, _ = _rows()
    for blocks in ((12, 6, 6), (6, 6)):
        with pytest.raises(InputError, match="blocks of one width that add up to 24 columns"):
            head(blocks=blocks).fit(X, codes)
