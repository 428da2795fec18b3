"""Splitters that know the domains."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from headstart.errors import InputError
from headstart.evaluation.domain_splits import DomainStratifiedKFold, LeaveOneDomainOut, SourceFolds

ROWS = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from(["a", "b", "c"])), min_size=8, max_size=60)


def _parted(rows):
    domains, labels = (np.array(column) for column in zip(*rows, strict=True))
    return np.zeros((len(rows), 1)), labels, domains


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_each_domain_is_held_out_once(rows):
    X, y, domains = _parted([*rows, ("x", "a"), ("y", "a")])
    found = list(LeaveOneDomainOut().split(X, y, domains))
    assert len(found) == LeaveOneDomainOut().get_n_splits(X, y, domains) == len(set(domains))
    for (train, valid), name in zip(found, sorted(set(domains)), strict=True):
        assert set(domains[valid]) == {name}
        assert name not in domains[train]
        assert sorted([*train, *valid]) == list(range(len(y)))


@given(ROWS, st.integers(2, 5), st.integers(0, 3))
@settings(max_examples=50, deadline=None)
def test_every_fold_has_its_share_of_each_class_of_each_domain(rows, n_splits, seed):
    X, y, domains = _parted(rows)
    splitter = DomainStratifiedKFold(n_splits, random_state=seed)
    found = list(splitter.split(X, y, domains))
    assert len(found) == splitter.get_n_splits()
    assert sorted(np.concatenate([valid for _, valid in found])) == list(range(len(y)))
    for kind, count in Counter(zip(domains, y, strict=True)).items():
        for train, valid in found:
            inside = sum((d, c) == kind for d, c in zip(domains[valid], y[valid], strict=True))
            assert count // n_splits <= inside <= -(-count // n_splits)
            assert not set(train) & set(valid)
    again = list(splitter.split(X, y, domains))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(found, again, strict=True))


@given(ROWS, st.integers(2, 3))
@settings(max_examples=50, deadline=None)
def test_target_rows_are_in_neither_part_and_their_labels_are_not_read(rows, n_splits):
    X, y, domains = _parted([*rows, ("y", "a"), ("y", "b"), ("z", "a"), ("x", "c")])
    splitter = SourceFolds("x", n_splits)
    found = list(splitter.split(X, y, domains))
    source = np.flatnonzero(domains != "x")
    for train, valid in found:
        assert sorted([*train, *valid]) == source.tolist()
    hidden = y.astype(object)
    hidden[domains == "x"] = "unknown"
    other = list(splitter.split(X, hidden, domains))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(found, other, strict=True))


def test_missing_target_labels_may_be_none():
    y = np.array(["a", "b"] * 4 + [None] * 4, dtype=object)
    domains = ["s"] * 8 + ["target"] * 4
    found = list(SourceFolds(n_splits=2).split(np.zeros((12, 1)), y, domains))
    assert [sorted(y[valid].tolist()) for _, valid in found] == [["a", "a", "b", "b"]] * 2
    several = SourceFolds(["s", "target"], n_splits=2)
    with pytest.raises(InputError, match="needs n_splits from 2 to 0, the source rows, got 2"):
        next(several.split(np.zeros((12, 1)), y, domains))


def test_numbers_are_spread_by_domain():
    domains = np.repeat(["u", "v"], [30, 10])
    for _, valid in DomainStratifiedKFold(5).split(np.zeros((40, 1)), np.linspace(0, 1, 40), domains):
        assert Counter(domains[valid].tolist()) == {"u": 6, "v": 2}


def test_searches_pass_the_domains_as_groups():
    rng = np.random.default_rng(0)
    X, domains = rng.standard_normal((90, 2)), np.repeat(["p", "q", "r"], 30)
    y = (X[:, 0] > 0).astype(int)
    for splitter, n in ((LeaveOneDomainOut(), 3), (DomainStratifiedKFold(4), 4), (SourceFolds("r", 2), 2)):
        assert len(cross_val_score(LogisticRegression(), X, y, groups=domains, cv=splitter)) == n
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=splitter)
        assert search.fit(X, y, groups=domains).best_score_ > 0.8


def test_only_named_domains_are_held_out():
    splitter = LeaveOneDomainOut(["q"])
    found = list(splitter.split(np.zeros((4, 1)), None, ["p", "q", "r", "q"]))
    assert [valid.tolist() for _, valid in found] == [[1, 3]]
    assert splitter.get_n_splits() == 1


@pytest.mark.parametrize(
    ("splitter", "groups", "y", "word"),
    [
        (LeaveOneDomainOut(), None, [0, 1, 0], "the domain of each row as groups, got None"),
        (LeaveOneDomainOut(), ["a", "b"], [0, 1, 0], r"one domain for each of 3 rows, got shape \(2,\)"),
        (LeaveOneDomainOut(), ["a", "a", "a"], [0, 1, 0], r"two domains or more.*got \['a'\]"),
        (LeaveOneDomainOut(["z"]), ["a", "b", "a"], [0, 1, 0], r"\['z'\] among them, got \['a', 'b'\]"),
        (DomainStratifiedKFold(4), ["a", "b", "a"], [0, 1, 0], "n_splits from 2 to 3, the source rows, got 4"),
        (DomainStratifiedKFold(2), ["a", "b", "a"], None, r"one label for each of 3 rows, got shape \(\)"),
        (SourceFolds("a", 2), ["a", "b", "a"], [0, 1, 0], "n_splits from 2 to 1, the source rows, got 2"),
    ],
)
def test_what_cannot_be_split_gets_one_line(splitter, groups, y, word):
    with pytest.raises(InputError, match=word) as told:
        next(splitter.split(np.zeros((3, 1)), y, groups))
    assert "\n" not in str(told.value)
