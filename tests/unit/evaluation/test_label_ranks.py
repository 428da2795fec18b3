import numpy as np
import pytest

from headstart.errors import InputError
from headstart.evaluation import label_audit
from headstart.evaluation.label_audit import outliers, suspicious_labels


def problem(seed=0, n=300, n_classes=3):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    proba = rng.dirichlet(np.ones(n_classes) * 0.3, n) * 0.4
    proba[np.arange(n), truth] += 0.6
    codes = truth.copy()
    flipped = rng.permutation(n)[:15]
    codes[flipped] = (codes[flipped] + 1) % n_classes
    return codes, proba, set(flipped.tolist())


def test_the_score_is_the_normalised_margin_written_out():
    codes, proba, flipped = problem()
    rows, quality = suspicious_labels(codes, proba)
    for row, found in zip(rows, quality, strict=True):
        others = np.delete(proba[row], codes[row])
        assert found == pytest.approx((proba[row, codes[row]] - others.max() + 1) / 2, abs=1e-9)
    assert (np.diff(quality) >= 0).all()
    assert set(rows.tolist()) <= flipped
    assert len(rows) >= 10


def test_at_most_so_many_and_the_first_are_the_same():
    codes, proba, _ = problem()
    all_rows, _ = suspicious_labels(codes, proba)
    few, quality = suspicious_labels(codes, proba, n_most=4)
    assert few.tolist() == all_rows[:4].tolist()
    assert len(quality) == 4


def test_rows_never_predicted_are_not_judged_and_numbers_stay_those_of_the_input():
    codes, proba, _ = problem()
    holed, kept = proba.copy(), np.arange(300) % 5 > 0
    holed[~kept] = np.nan
    rows, quality = suspicious_labels(codes, holed)
    own, same = suspicious_labels(codes[kept], proba[kept])
    assert rows.tolist() == np.flatnonzero(kept)[own].tolist()
    np.testing.assert_array_equal(quality, same)


def test_classes_without_a_label_and_classes_of_one_row_are_no_trouble():
    codes, proba, _ = problem(n_classes=4)
    codes[codes == 3] = 2
    codes[0] = 3
    assert len(suspicious_labels(codes, proba)[0]) > 0
    codes[0] = 0
    assert len(suspicious_labels(codes, proba)[0]) > 0


def test_one_class_or_no_rows_have_nothing_suspicious():
    assert suspicious_labels(np.zeros(4, dtype=int), np.full((4, 2), 0.5))[0].tolist() == []
    assert suspicious_labels(np.empty(0, dtype=int), np.empty((0, 2)))[0].tolist() == []


def test_shapes_that_do_not_match_are_refused():
    with pytest.raises(InputError, match=r"got \(3,\) and \(2, 2\)"):
        suspicious_labels(np.zeros(3, dtype=int), np.full((2, 2), 0.5))


@pytest.mark.parametrize("block_cells", [1, 900, 10**6])
def test_outliers_are_those_of_the_dense_distances(monkeypatch, block_cells):
    monkeypatch.setattr(label_audit, "BLOCK_CELLS", block_cells)
    features = np.random.default_rng(0).normal(size=(90, 8)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    distance = 1.0 - unit @ unit.T
    np.fill_diagonal(distance, np.inf)
    dense = np.sort(distance, axis=1)[:, :10].mean(1)
    rows, found = outliers(features, n_most=90)
    np.testing.assert_allclose(found, dense[rows], atol=1e-6)
    np.testing.assert_allclose(found, np.sort(dense)[::-1], atol=1e-6)


def test_the_odd_one_out_comes_first():
    features = np.random.default_rng(1).normal(size=(60, 5)) * 0.1 + 3.0
    features[17] *= -1
    assert outliers(features, n_most=1)[0].tolist() == [17]


def test_few_rows_and_empty_rows_are_no_trouble():
    assert outliers(np.ones((2, 3)))[0].tolist() == []
    rows, distance = outliers(np.vstack([np.zeros((1, 3)), np.ones((4, 3))]), n_neighbours=10)
    assert rows[0] == 0
    assert distance[0] == pytest.approx(1.0)
    assert len(rows) == 5
