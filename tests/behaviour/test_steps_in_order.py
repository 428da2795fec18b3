"""What tells the class only by its order, or only in one frame of many, over several seeds."""

import numpy as np
import pytest

from headstart.heads.registry import make

N, N_TRAIN, N_STEPS, D = 160, 100, 8, 120
BLOCKS = (D,) * N_STEPS


def _scores(X, codes, *names):
    """Share of right answers on rows held back: of a linear classifier on the mean of the steps, and of heads."""
    mean = X.reshape(N, N_STEPS, D).mean(axis=1)
    found = [_right(make("logistic"), mean, codes)]
    return found + [_right(make(name, blocks=BLOCKS), X, codes) for name in names]


def _right(head, X, codes):
    fitted = head.fit(X[:N_TRAIN], codes[:N_TRAIN])
    return float((fitted.predict(X[N_TRAIN:]) == codes[N_TRAIN:]).mean())


def _noise(draw):
    return 0.5 * draw.standard_normal((N, 1, D)) + 0.7 * draw.standard_normal((N, N_STEPS, D))


def one_before_the_other(seed):
    """Event A and then B, or B and then A, at a random place: the mean of the frames is the same."""
    draw = np.random.default_rng(seed)
    codes, events, X = draw.integers(0, 2, N), draw.standard_normal((2, D)), _noise(draw)
    for row, code in enumerate(codes):
        place = draw.integers(0, N_STEPS - 1)
        X[row, place] += events[code]
        X[row, place + 1] += events[1 - code]
    return X.reshape(N, -1).astype(np.float32), codes


def one_way_or_back(seed):
    """From one scene to another, or back."""
    draw = np.random.default_rng(seed)
    codes, scenes, X = draw.integers(0, 2, N), 0.6 * draw.standard_normal((2, D)), _noise(draw)
    share = np.linspace(0, 1, N_STEPS)
    share = np.where(codes[:, None] == 0, share, 1 - share)[:, :, None]
    X += share * scenes[0] + (1 - share) * scenes[1]
    return X.reshape(N, -1).astype(np.float32), codes


def one_frame_decides(seed):
    """One frame, at any place, shows a marked event of the class; the other frames are misleading at random."""
    draw = np.random.default_rng(seed)
    codes, events, X = draw.integers(0, 2, N), draw.standard_normal((2, D)), _noise(draw)
    X += 0.35 * draw.standard_normal((N, N_STEPS, 1)) * (events[0] - events[1])
    places = draw.integers(0, N_STEPS, N)
    X[np.arange(N), places] = events[codes] + events.sum(axis=0) + 0.7 * draw.standard_normal((N, D))
    return X.reshape(N, -1).astype(np.float32), codes, places


@pytest.mark.parametrize("planted", [one_before_the_other, one_way_or_back])
def test_the_temporal_head_solves_what_differs_in_order_only(planted):
    found = np.array([_scores(*planted(seed), "attention_pooling", "temporal") for seed in range(5)])
    mean, attention, temporal = found.mean(axis=0)
    assert mean < 0.65
    assert attention < 0.65
    assert temporal > 0.85
    assert (found[:, 2] > found[:, 0] + 0.1).all()


def test_attention_finds_the_frame_that_decides():
    gains, hits = [], []
    for seed in range(5):
        X, codes, places = one_frame_decides(seed)
        mean, attention = _scores(X, codes, "attention_pooling")
        gains.append(attention - mean)
        fitted = make("attention_pooling", blocks=BLOCKS).fit(X[:N_TRAIN], codes[:N_TRAIN])
        hits.append((fitted.attention(X[N_TRAIN:]).argmax(axis=1) == places[N_TRAIN:]).mean())
    assert min(gains) > 0.1
    assert np.mean(hits) > 0.9


def test_neither_does_harm_where_every_frame_tells_the_class():
    losses = []
    for seed in range(5):
        draw = np.random.default_rng(seed)
        codes = draw.integers(0, 2, N)
        X = (_noise(draw) + 0.5 * draw.standard_normal((2, 1, D))[codes]).reshape(N, -1).astype(np.float32)
        mean, *others = _scores(X, codes, "attention_pooling", "temporal")
        losses.append([mean - other for other in others])
    assert np.mean(losses, axis=0).max() < 0.03
