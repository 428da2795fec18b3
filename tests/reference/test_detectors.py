"""Detectors against dense and scikit-learn's own values."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf
from sklearn.mixture import GaussianMixture

from headstart.heads.gaussian_mixture import GaussianMixtureDensity
from headstart.heads.mahalanobis import Mahalanobis
from headstart.heads.neighbour_distance import NeighbourDistance
from headstart.heads.tfidf_distance import TfidfDistance


def _rows(n=60, d=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 3


def _standard(X, of):
    return (X - of.mean(axis=0)) / of.std(axis=0)


@pytest.mark.parametrize("d", [6, 90])
def test_mahalanobis_is_the_dense_distance_in_ledoit_and_wolfs_covariance(d):
    X, new = _rows(d=d), _rows(n=25, d=d, seed=1)
    Z, queries = _standard(X, X), _standard(new, X)
    covariance, share = ledoit_wolf(Z, assume_centered=True)
    head = Mahalanobis().fit(X)
    assert head.shrinkage_ == pytest.approx(share, rel=1e-6)
    expected = np.einsum("ij,jk,ik->i", queries, np.linalg.inv(covariance), queries) / d
    np.testing.assert_allclose(head.anomaly_score(new), expected, rtol=1e-6)


def test_neighbour_distance_is_that_of_a_brute_search(monkeypatch):
    import headstart.heads.neighbour_distance as module

    X, new = _rows(), _rows(n=25, seed=1)
    head = NeighbourDistance(4).fit(X)
    distances = np.sort(cdist(_standard(new, X), _standard(X, X)), axis=1)[:, :4] / np.sqrt(6)
    np.testing.assert_allclose(head.anomaly_score(new), distances.mean(axis=1), rtol=1e-9)
    own = np.sort(cdist(_standard(X, X), _standard(X, X)), axis=1)[:, 1:5] / np.sqrt(6)
    assert -head.offset_ == pytest.approx(np.quantile(own.mean(axis=1), 0.95), rel=1e-5)
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 300)
    np.testing.assert_allclose(head.anomaly_score(new), distances.mean(axis=1), rtol=1e-9)


def test_the_mixture_has_scikit_learns_density_where_nothing_is_left_out():
    X, new = _rows(n=80), _rows(n=25, seed=1)
    head = GaussianMixtureDensity(n_mixtures=3, n_components=6).fit(X)
    Z = _standard(X, X)
    values, axes = np.linalg.eigh(Z.T @ Z / 80)
    inside = Z @ head.axes_
    np.testing.assert_allclose(np.abs(head.axes_.T @ axes[:, ::-1]), np.eye(6), atol=1e-7)
    model = GaussianMixture(3, covariance_type="diag", reg_covar=1e-2 * values.mean(), random_state=0).fit(inside)
    expected = -model.score_samples(_standard(new, X) @ head.axes_) - 3 * np.log(2 * np.pi)
    np.testing.assert_allclose(head.anomaly_score(new), expected, rtol=1e-6)


def test_what_lies_outside_the_axes_counts_against_a_row():
    rng = np.random.default_rng(0)
    X = np.hstack([rng.standard_normal((200, 2)) * 3, 0.5 * rng.standard_normal((200, 30))])
    inside = X.copy()
    inside[:, 2:] = 0
    head = GaussianMixtureDensity(n_components=2).fit(X)
    off = inside[:1] + np.eye(32)[[10]] * 5
    assert head.anomaly_score(off)[0] > head.anomaly_score(inside).max()


def test_strange_words_are_as_far_as_can_be():
    counts = np.zeros((12, 9))
    counts[np.arange(12), np.arange(12) % 3] = 2
    head = TfidfDistance(3).fit(counts)
    near, far = np.zeros((1, 9)), np.zeros((1, 9))
    near[0, 0], far[0, 8] = 5, 1
    assert head.anomaly_score(near)[0] == pytest.approx(0, abs=1e-12)
    assert head.anomaly_score(far)[0] == pytest.approx(1)
    half = near.copy()
    half[0, 8] = 5
    rare, common = np.log(13) + 1, head.rarity_[0]
    assert head.anomaly_score(half)[0] == pytest.approx(1 - common / np.hypot(common, rare))
