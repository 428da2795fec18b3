"""What each row is for."""

import numpy as np
import pandas as pd
import pytest

from headstart.data.problem import SOURCE, TARGET, UNLABELLED, joined_problem, plain_problem, split_problem
from headstart.data.read import read
from headstart.errors import InputError, UnknownNameError

FRAME = pd.DataFrame(
    {
        "height": [1.0, 2, 3, 4, 5, 6],
        "label": ["a", "b", "a", "b", None, "c"],
        "domain": ["new", "new", "old", "old", "new", "old"],
    }
)


def _read(frame=FRAME, **roles):
    return read(frame, label=roles.pop("label", "label"), domain="domain", modality="table", **roles)


def test_a_target_alone_has_no_source():
    problem = plain_problem(_read())
    assert set(problem.role) == {TARGET}
    assert not problem.has_source
    assert problem.identity() == {}


def test_other_domains_are_sources_and_rows_without_a_label_are_unlabelled():
    problem = split_problem(_read(), "new")
    assert list(problem.role) == [TARGET, TARGET, SOURCE, SOURCE, UNLABELLED, SOURCE]
    assert problem.is_labelled
    assert problem.main == TARGET


def test_source_rows_of_a_class_that_the_target_lacks_are_left_out_and_told():
    problem = split_problem(_read(), "new")
    assert problem.found.dataset.classes == ("a", "b")
    assert problem.found.dataset.targets[5] is None
    assert any("1 source rows of classes that the target lacks (c)" in note for note in problem.found.notes)


def test_labels_for_judging_are_not_readable():
    problem = split_problem(_read(), "new", labels="judge")
    assert not problem.found.dataset.labelled[problem.role != SOURCE].any()
    assert list(problem.hidden[:2]) == ["a", "b"]
    assert all(problem.hidden[row] is None for row in range(2, 6))
    assert problem.main == SOURCE
    assert not problem.is_labelled


def test_rows_from_elsewhere_are_joined_by_the_columns_that_all_have():
    target = read(FRAME[["height", "label"]].iloc[:2], label="label", modality="table")
    source = read(FRAME.assign(age=1.0)[["age", "height", "label"]].iloc[2:4], label="label", modality="table")
    more = read(FRAME[["height", "label"]].iloc[4:], label=False, modality="table")
    problem = joined_problem(target, source=source, unlabelled=more)
    assert list(problem.role) == [TARGET, TARGET, SOURCE, SOURCE, UNLABELLED, UNLABELLED]
    assert all(set(row) <= {"height", "label"} for row in problem.found.dataset.inputs)
    assert list(problem.found.dataset.domain[:3]) == ["target", "target", "source"]
    assert np.array_equal(problem.found.dataset.labelled, [True] * 4 + [False] * 2)


def test_what_does_not_go_together_is_told():
    with pytest.raises(UnknownNameError, match="new"):
        split_problem(_read(), "nwe")
    with pytest.raises(InputError, match="a column of domains"):
        split_problem(read(FRAME[["height", "label"]], label="label", modality="table"), "new")
    with pytest.raises(InputError, match="of one kind"):
        joined_problem(_read(), source=read(["a text", "another"], ["a", "b"], modality="text"))
    with pytest.raises(InputError, match="labels in the source"):
        joined_problem(_read(), source=read(FRAME[["height"]], label=False, modality="table"))
    with pytest.raises(InputError, match="target_labels 'learn' or 'judge'"):
        split_problem(_read(), "new", labels="peek")
