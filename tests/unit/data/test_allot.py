import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.allot import allot


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=60), st.integers(0, 99))
def test_groups_stay_whole_and_positions_do_not_matter(rows, seed):
    codes, groups = np.array(rows).T
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(codes))
    part = allot(codes, groups, (0.8, 0.2), order)
    assert set(part) <= {0, 1}
    for group in np.unique(groups):
        assert len(set(part[groups == group])) == 1
    mixed = rng.permutation(len(codes))
    np.testing.assert_array_equal(allot(codes[mixed], groups[mixed], (0.8, 0.2), order[mixed]), part[mixed])


def test_single_rows_are_stratified_exactly():
    codes = np.repeat([0, 1, 2], [50, 30, 20])
    part = allot(codes, np.arange(100), (0.8, 0.2), np.random.default_rng(0).permutation(100))
    assert np.bincount(codes[part == 1]).tolist() == [10, 6, 4]


def test_pairs_are_balanced():
    codes = np.repeat([0, 0, 0, 1], 50)
    groups = np.concatenate([np.arange(75).repeat(2), 100 + np.arange(25).repeat(2)])
    part = allot(codes, groups, (0.8, 0.2), np.random.default_rng(0).permutation(200))
    assert np.bincount(codes[part == 1]).tolist() == [30, 10]
