"""Skip-gram against autograd and sums written out, and on a text whose neighbours are known."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from headstart.backbones._word_vectors.skip_gram import SkipGram, _step, pair_gradients
from headstart.deadline import Deadline


def test_the_gradients_are_those_of_the_loss_written_out():
    draw = torch.Generator().manual_seed(0)
    v, u = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in ((9, 6), (9, 4, 6)))
    v.requires_grad_()
    u.requires_grad_()
    loss = torch.zeros((), dtype=torch.float64)
    for b in range(9):
        loss = loss - torch.log(torch.sigmoid(u[b, 0] @ v[b]))
        for k in range(1, 4):
            loss = loss - torch.log(torch.sigmoid(-(u[b, k] @ v[b])))
    loss.backward()
    to_v, to_u, value = pair_gradients(v.detach().numpy(), u.detach().numpy())
    np.testing.assert_allclose(to_v, v.grad, rtol=1e-10)
    np.testing.assert_allclose(to_u, u.grad, rtol=1e-10)
    assert value == pytest.approx(float(loss.detach()), rel=1e-10)


def test_large_scores_stay_finite():
    v, u = np.full((1, 4), 50.0), np.full((1, 2, 4), -50.0)
    assert all(np.isfinite(part).all() for part in pair_gradients(v, u))


def test_a_step_is_adagrad_on_dense_tables():
    draw = np.random.default_rng(0)
    dense = draw.random((5, 8)) * (draw.random((5, 8)) < 0.5) + np.eye(5, 8)
    dense /= dense.sum(axis=1, keepdims=True)
    vectors, contexts = draw.normal(size=(8, 3)), draw.normal(size=(5, 3))
    seen = draw.random(8), draw.random(5)
    centre, targets = np.array([0, 3, 3, 1]), np.array([[1, 2], [0, 0], [4, 1], [3, 1]])
    wanted_v, wanted_c, rate = vectors.copy(), contexts.copy(), 0.3
    V, C = (torch.tensor(part, requires_grad=True) for part in (vectors, contexts))
    rows = torch.tensor(dense)[centre] @ V
    scores = (rows[:, None] * C[torch.tensor(targets)]).sum(dim=2)
    (-torch.log(torch.sigmoid(scores[:, 0])) - torch.log(torch.sigmoid(-scores[:, 1]))).sum().backward()
    for table, tensor, before in ((wanted_v, V, seen[0].copy()), (wanted_c, C, seen[1].copy())):
        gradient = tensor.grad.numpy()
        table -= rate * gradient / np.sqrt(before + (gradient**2).mean(axis=1) + 1e-8)[:, None]
    _step(vectors, contexts, csr_array(dense)[centre], targets, seen, rate)
    np.testing.assert_allclose(vectors, wanted_v, rtol=1e-9)
    np.testing.assert_allclose(contexts, wanted_c, rtol=1e-9)


def test_pairs_are_all_neighbours_within_reach_and_never_cross_a_text():
    texts = [np.arange(0, 6), np.arange(6, 10)]
    model = SkipGram(window=3, sample=0, batch=7)
    found = {}
    for seed in range(60):
        for centre, context in model._pairs(texts, np.ones(10, dtype=int), np.random.default_rng(seed)):
            assert len(centre) <= 7
            for pair in zip(centre.tolist(), context.tolist(), strict=True):
                found[pair] = found.get(pair, 0) + 1
    wanted = {(a, b) for text in texts for a in text.tolist() for b in text.tolist() if a != b and abs(a - b) <= 3}
    assert found.keys() == wanted
    share = {gap: np.mean([n / 60 for (a, b), n in found.items() if abs(a - b) == gap]) for gap in (1, 2, 3)}
    assert share[1] == 1  # every reach includes the next word
    assert share[2] == pytest.approx(2 / 3, abs=0.12)
    assert share[3] == pytest.approx(1 / 3, abs=0.12)


def test_frequent_words_are_left_out_at_the_rate_of_the_paper():
    words = np.r_[np.zeros(9000, dtype=np.int64), np.arange(1, 1001)]
    counts = np.bincount(words)
    model = SkipGram(window=1, sample=0.01, batch=10**9)
    mixed = np.random.default_rng(0).permutation(words)
    ((centre, _),) = model._pairs([mixed], counts, np.random.default_rng(1))
    share = 0.9
    kept = np.sqrt(0.01 / share) + 0.01 / share
    n_frequent, n_rare = (centre == 0).sum() / 2, (centre > 0).sum() / 2
    assert n_frequent == pytest.approx(9000 * kept, rel=0.1)
    assert n_rare == pytest.approx(1000, rel=0.02)


def planted(seed=0, n=600):
    """Words 0..9 keep company with each other, and so do 10..19."""
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 10, 8) + 10 * (row % 2) for row in range(n)]


@pytest.mark.parametrize("seed", range(3))
def test_words_in_the_same_company_are_near(seed):
    model = SkipGram(dim=8, sample=0, epochs=5, random_state=seed)
    parts = csr_array(np.eye(20, dtype=np.float32))
    vectors, contexts = model.fit(planted(seed), parts)
    assert vectors.dtype == contexts.dtype == np.float32
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = unit @ unit.T
    together = np.add.outer(np.arange(20) // 10, np.arange(20) // 10) != 1
    assert near[together].min() > near[~together].max()
    assert np.array_equal(vectors, model.fit(planted(seed), parts)[0])


def test_nothing_is_learnt_after_the_deadline_and_from_single_words():
    parts = csr_array(np.eye(20, dtype=np.float32))
    over, _ = SkipGram(dim=4).fit(planted(), parts, deadline=Deadline.after(0))
    single, _ = SkipGram(dim=4).fit([np.array([1])] * 5, parts)
    none, _ = SkipGram(dim=4).fit([], parts)
    assert np.array_equal(over, single)
    assert np.array_equal(over, none)
