import numpy as np
import pytest

from headstart.errors import InputError
from headstart.evaluation import feature_plane as module
from headstart.evaluation.feature_plane import feature_plane


def clusters(n, n_classes=3, d=20):
    rng = np.random.default_rng(0)
    codes = np.arange(n) % n_classes
    return (rng.normal(size=(n_classes, d))[codes] * 4 + rng.normal(size=(n, d))).astype(np.float32), codes


def test_few_rows_lie_on_their_principal_components():
    X, codes = clusters(20)
    xy, rows, method = feature_plane(X, codes)
    assert method == "PCA"
    assert rows.tolist() == list(range(20))
    centred = X - X.mean(0)
    axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)[2][:2]
    np.testing.assert_allclose(np.abs(xy), np.abs(centred @ axes.T), atol=1e-4)


def test_neighbours_in_the_plane_are_of_one_class():
    X, codes = clusters(120)
    xy, rows, method = feature_plane(X, codes)
    assert method == "t-SNE"
    assert xy.shape == (120, 2)
    distance = ((xy[:, None] - xy[None]) ** 2).sum(2)
    np.fill_diagonal(distance, np.inf)
    assert (codes[rows][distance.argmin(1)] == codes[rows]).mean() > 0.95


def test_the_same_seed_gives_the_same_plane():
    X, codes = clusters(40)
    np.testing.assert_array_equal(feature_plane(X, codes)[0], feature_plane(X, codes)[0])


def test_of_many_rows_each_class_gives_its_share_and_at_least_one(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 25)
    codes = np.array([0] * 150 + [1] * 49 + [2])
    _, rows, _ = feature_plane(np.random.default_rng(0).normal(size=(200, 4)), codes)
    assert len(rows) == 25
    assert (np.diff(rows) > 0).all()
    counts = np.bincount(codes[rows])
    assert counts[2] == 1
    assert abs(counts[0] - 18.5) <= 1.5


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (5, 1), (50, 1), (50, 2)])
def test_little_data_still_has_a_plane(shape):
    xy, rows, _ = feature_plane(np.random.default_rng(0).normal(size=shape), np.zeros(shape[0], dtype=int))
    assert xy.shape == (len(rows), 2) == (shape[0], 2)
    assert np.isfinite(xy).all()


def test_rows_that_are_all_alike_lie_on_one_point():
    xy, _, method = feature_plane(np.ones((40, 6)), np.zeros(40, dtype=int))
    assert method == "PCA"
    assert np.abs(xy).max() == 0.0


def test_one_code_a_row_is_needed():
    with pytest.raises(InputError, match="one code a row, got 2 for 3"):
        feature_plane(np.ones((3, 2)), np.zeros(2, dtype=int))
