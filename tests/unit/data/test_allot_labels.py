import numpy as np
import pytest

from headstart.data.allot import allot
from headstart.data.folds import folds


def _labels(n=300, k=6, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n, k)) < [0.02, 0.05, 0.1, 0.3, 0.6, 0.9]).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_every_part_has_its_share_of_every_label(seed):
    y = _labels(seed=seed)
    part = allot(y, np.arange(300), [0.2] * 5, np.random.default_rng(seed).permutation(300))
    for label in range(6):
        counts = np.bincount(part, weights=y[:, label], minlength=5)
        assert np.ptp(counts) <= max(2, 0.1 * counts.mean())
    assert np.ptp(np.bincount(part, minlength=5)) <= 3


def test_groups_stay_together_and_every_row_has_a_part():
    y, groups = _labels(), np.arange(300) // 7
    part = allot(y, groups, [0.8, 0.2], np.random.default_rng(0).permutation(300))
    assert all(len(set(part[groups == group])) == 1 for group in np.unique(groups))
    assert 0.15 <= (part == 1).mean() <= 0.25


def test_the_parts_follow_the_rows_and_not_their_places():
    y, order = _labels(), np.random.default_rng(1).permutation(300)
    shuffled = np.random.default_rng(2).permutation(300)
    plain = allot(y, np.arange(300), [0.5, 0.5], order)
    assert np.array_equal(allot(y[shuffled], shuffled, [0.5, 0.5], order[shuffled]), plain[shuffled])


def test_rows_without_any_label_fill_up():
    part = allot(np.zeros((50, 3)), np.arange(50), [0.2] * 5, np.arange(50))
    assert np.bincount(part).tolist() == [10] * 5


def test_folds_validate_every_row_once():
    cut = folds(_labels(), n_folds=5)
    assert np.array_equal(np.sort(np.concatenate([valid for _, valid in cut])), np.arange(300))
    assert all(len(np.intersect1d(train, valid)) == 0 for train, valid in cut)
