"""TF-IDF with linear support vectors against the dense formula, and n-gram counts against a plain count."""

from collections import Counter
from zlib import crc32

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.svm import LinearSVC

from headstart.backbones import word_ngrams, word_vectors
from headstart.backbones.registry import open_backbone
from headstart.features.sparse import encode_sparse
from headstart.heads.tfidf_linear import TfidfLinear

TEXTS = ["Good food, good mood!", "bad food", "这家店 good", "!!! ...", "Bad, bad, BAD service"]


def counts(n=120, d=40, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    rates = rng.gamma(0.4, 1.0, (3, d))
    return rng.poisson(rates[codes]).astype(np.float32), codes


def test_equals_the_dense_formula():
    X, codes = counts()
    X[:, 5] = 0  # a column that no row has
    head = TfidfLinear().fit(csr_array(X), codes)
    rarity = np.log((1 + len(X)) / (1 + (X > 0).sum(0))) + 1
    Z = np.log1p(X.astype(float)) * rarity
    Z[:, 5] = 0
    Z /= np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), 1e-300)
    machine = LinearSVC(C=1.0, max_iter=1000, random_state=0).fit(Z, codes)
    values = head.factor_ * machine.decision_function(Z)
    expected = np.exp(values - values.max(1, keepdims=True))
    np.testing.assert_allclose(head.predict_proba(X), expected / expected.sum(1, keepdims=True), atol=2e-3)
    np.testing.assert_allclose(head.predict_proba(csr_array(X)), head.predict_proba(X), atol=1e-12)
    assert 5 not in head.columns_


def test_counts_are_of_words_and_pairs():
    rows = word_ngrams.encode(word_ngrams.cards()[0], TEXTS).toarray()

    def column(ngram):
        return crc32(ngram.encode()) % word_ngrams.DIM

    expected = Counter(["good", "good", "food", "mood", "!", "good food", "food good", "good mood", "mood !"])
    for ngram, n in expected.items():
        assert rows[0, column(ngram)] == n
    assert rows[0].sum() == expected.total()
    assert rows[2, column("家")] == rows[2, column("家 店")] == 1
    assert rows[4, column("bad")] == 3
    assert rows.dtype == np.float32


def test_unreadable_texts_are_empty_rows():
    backbone = open_backbone("word_ngrams")
    rows, problems = encode_sparse(backbone, ["a b", " ", "c"])
    assert list(problems) == [1]
    assert rows.shape == (3, word_ngrams.DIM)
    assert rows.sum(axis=1).tolist() == [3, 0, 1]
    assert encode_sparse(backbone, [])[0].shape == (0, word_ngrams.DIM)


def test_word_vectors_are_mean_and_maximum():
    card = word_vectors.cards()[0]
    if word_vectors.missing(card):
        pytest.skip(word_vectors.missing(card))
    place, vectors = word_vectors._table()
    rows = word_vectors.encode(card, ["The cat zzqqzz.", "zzqqzz"])
    known = vectors[[place["the"], place["cat"], place["."]]]
    np.testing.assert_allclose(rows[0], np.concatenate([known.mean(0), known.max(0)]), atol=1e-6)
    assert not rows[1].any()
