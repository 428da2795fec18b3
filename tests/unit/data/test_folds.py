import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.folds import folds
from headstart.errors import InputError


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=4, max_size=80), st.integers(2, 6))
def test_folds_partition_the_rows_and_never_part_a_group(rows, n_folds):
    codes, groups = np.array(rows).T
    if len(set(groups)) < 2:
        return
    cut = folds(codes, groups=groups, n_folds=n_folds)
    assert sorted(np.concatenate([valid for _, valid in cut]).tolist()) == list(range(len(codes)))
    for train, valid in cut:
        assert not set(groups[train]) & set(groups[valid])
        assert sorted([*train, *valid]) == list(range(len(codes)))
    again = folds(codes, groups=groups, n_folds=n_folds)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(cut, again, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 30), min_size=2, max_size=5), st.integers(2, 8), st.integers(0, 50))
def test_every_class_is_in_every_training_fold_and_spread_evenly(counts, n_folds, seed):
    codes = np.repeat(np.arange(len(counts)), counts)
    cut = folds(codes, n_folds=n_folds, random_state=seed)
    assert len(cut) == min(n_folds, len(codes))
    for train, _ in cut:
        assert set(codes[train]) == set(range(len(counts)))
    for code, count in enumerate(counts):
        n_each = [int((codes[valid] == code).sum()) for _, valid in cut]
        assert sum(n_each) == count
        assert max(n_each) - min(n_each) <= 1


@pytest.mark.parametrize("n_rare", [1, 2, 3])
def test_a_rare_class_does_not_lower_the_number_of_folds(n_rare):
    codes = np.array([0] * 20 + [1] * 20 + [2] * n_rare)
    cut = folds(codes, n_folds=5)
    assert len(cut) == 5
    assert all((2 in codes[train]) == (n_rare > 1 or 2 not in codes[valid]) for train, valid in cut)


def test_the_seed_matters():
    codes = np.arange(60) % 2
    first, other = folds(codes, random_state=0), folds(codes, random_state=1)
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))


def test_groups_are_balanced_by_class():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), rng.integers(1, 12, 100))
    codes = (groups % 4 == 0).astype(int)
    for _, valid in folds(codes, groups=groups):
        assert abs(codes[valid].mean() - codes.mean()) < 0.02
        assert abs(len(valid) - len(codes) / 5) < 0.05 * len(codes)


def test_errors():
    with pytest.raises(InputError, match="n_folds of at least 2, got 1"):
        folds([0, 1], n_folds=1)
    with pytest.raises(InputError, match="at least 2 groups, got 1"):
        folds([0, 1, 0], groups=["a", "a", "a"])
    with pytest.raises(InputError, match="at least 2 rows, got 1"):
        folds([0])
    with pytest.raises(InputError, match="got 2 for 3 rows"):
        folds([0, 1, 1], groups=[1, 2])
