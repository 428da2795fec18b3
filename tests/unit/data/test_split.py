import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.split import joined_groups, split
from headstart.errors import InputError
from headstart.types import Dataset


def dataset(targets, **columns):
    names = tuple(sorted({t for t in targets if t is not None}))
    return Dataset([f"{i}.png" for i in range(len(targets))], targets, names, **columns)


def mixed(n=200, seed=0, n_classes=3):
    return np.random.default_rng(seed).choice([f"c{i}" for i in range(n_classes)], n).astype(object)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.integers(60, 150), st.integers(2, 40), st.integers(0, 20))
def test_parts_are_disjoint_whole_and_stable_under_permutation(seed, n, n_groups, n_unlabelled):
    rng = np.random.default_rng(seed)
    targets = mixed(n + n_unlabelled, seed)
    targets[n:] = None
    group = rng.integers(0, n_groups, len(targets)).astype(str)
    near = np.where(rng.random(len(targets)) < 0.1, 0, 1 + np.arange(len(targets)))
    data = dataset(targets, group=group)
    parts = split(data, near_group=near, random_state=seed)
    assert sorted([*parts.train, *parts.test]) == list(range(n))
    joined = joined_groups(group, near, len(targets))
    assert not set(joined[parts.train]) & set(joined[parts.test])
    assert set(targets[parts.test]) <= set(targets[parts.train])
    rows = rng.permutation(len(targets))
    moved = split(data.take(rows), near_group=near[rows], random_state=seed)
    assert set(rows[moved.test]) == set(parts.test)
    assert moved.rule == parts.rule


def test_balanced_by_class_and_of_the_wanted_size():
    targets = np.array(["a"] * 100 + ["b"] * 50 + ["c"] * 2, dtype=object)
    parts = split(dataset(targets), test_fraction=0.2)
    assert (targets[parts.test] == "a").sum() == 20
    assert (targets[parts.test] == "b").sum() == 10
    assert (targets[parts.train] == "c").sum() >= 1
    assert "drawn at random (seed 0), balanced by class" in parts.rule
    assert set(split(dataset(targets), random_state=1).test) != set(parts.test)


def test_a_class_that_lives_in_one_group_stays_in_train():
    targets = np.array(["a", "b"] * 40 + ["rare"] * 20, dtype=object)
    group = [str(i // 2) for i in range(80)] + ["g"] * 20
    parts = split(dataset(targets, group=group), test_fraction=0.9)
    assert "rare" in targets[parts.train]
    assert "groups kept together" in parts.rule


@pytest.mark.parametrize(
    ("targets", "group", "reason"),
    [
        (["a", "b"] * 20, None, "40 labelled rows are fewer than 60"),
        (["a", "b"] * 50, [str(i % 4) for i in range(100)], "4 independent groups are fewer than 5"),
        (["a"] * 100 + ["b"] * 3, None, "1 classes have 5 rows or more"),
    ],
)
def test_too_few_rows_for_a_test_part(targets, group, reason):
    parts = split(dataset(targets, group=group))
    assert len(parts.test) == 0
    assert len(parts.train) == len(targets)
    assert reason in parts.rule
    assert "repeated cross-validation" in parts.rule


def test_forward_in_time():
    targets, time = mixed(200), np.random.default_rng(0).integers(0, 50, 200)
    data = dataset(targets, time=time)
    parts = split(data, near_group=np.arange(200))
    assert time[parts.train].max() < time[parts.test].min()
    assert 0.1 < len(parts.test) / 200 < 0.3
    assert "forward in time" in parts.rule


def test_forward_in_time_leaves_straddling_groups_and_new_classes_out():
    targets = np.array(["a", "b"] * 50, dtype=object)
    targets[95] = "new"
    group = [str(i) for i in range(100)]
    group[90] = group[3] = "both"
    parts = split(dataset(targets, group=group, time=np.arange(100)))
    assert parts.train.tolist() == list(range(80))
    assert 90 not in parts.test
    assert 95 not in parts.test
    assert len(parts.test) == 18
    assert "1 later rows of earlier groups" in parts.rule
    assert "'new'" in parts.rule


def test_one_moment_only_falls_back_to_cross_validation():
    parts = split(dataset(mixed(100), time=np.zeros(100)))
    assert len(parts.test) == 0
    assert "repeated cross-validation" in parts.rule


def test_the_data_s_own_split_is_respected():
    targets = ["a", "b", "a", "b", "a", None]
    parts = split(
        dataset(targets, split=["train", "train", "val", "test", "test", "test"]), near_group=[0, 0, 0, 0, 1, 2]
    )
    assert parts.train.tolist() == [0, 1, 2]
    assert parts.test.tolist() == [3, 4]
    assert "came with the data; 1 rows marked val count as train" in parts.rule


def test_val_without_test_counts_as_train():
    parts = split(dataset(mixed(100), split=["train"] * 70 + ["val"] * 30))
    assert sorted([*parts.train, *parts.test]) == list(range(100))
    assert "val rows count as train" in parts.rule
    assert len(parts.test) == 20


def test_unlabelled_test_rows_make_no_test_part():
    targets = mixed(100)
    targets[80:] = None
    parts = split(dataset(targets, split=["train"] * 80 + ["test"] * 20))
    assert "without labelled test rows" in parts.rule
    assert 0 < len(parts.test) < 20


def test_errors():
    own = ["train", "train", "test"]
    with pytest.raises(InputError, match="every test class among the training rows, got 'c' in the test part only"):
        split(dataset(["a", "b", "c"], split=own))
    with pytest.raises(InputError, match="all marked test"):
        split(dataset(["a", "b"], split=["test", "test"]))
    with pytest.raises(InputError, match="between 0 and 1, got 1"):
        split(dataset(["a", "b"]), test_fraction=1)
    with pytest.raises(InputError, match="one near_group a row, got 1 for 2"):
        split(dataset(["a", "b"]), near_group=[0])
