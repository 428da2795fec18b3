import numpy as np
import pytest

from headstart.data.read import read
from headstart.data.targets import find_targets
from headstart.errors import InputError, UnknownNameError
from headstart.tasks.registry import get_task

IDS = [f"row {i}" for i in range(200)]


def _targets(labels, **more):
    return find_targets(labels, IDS[: len(labels)], task=more.pop("task", None), **more)


def test_numbers_become_floats_and_missing_ones_stay_missing():
    found = _targets(["1.5", None, "2", "3,5"], task="regression")
    assert found.values == [1.5, None, 2.0, 3.5]
    assert found.classes == ()
    assert "1 of 4 rows carry no label" in found.notes[0]
    y = get_task("regression").encode([1.5, 2.0], ())
    assert y.dtype == np.float64


@pytest.mark.parametrize(
    ("label", "said"), [("wide", "got 'wide' in 'row 1'"), ("-inf", "finite numbers"), ("1,2,3", "1,2,3")]
)
def test_what_is_no_number_is_named_with_its_row(label, said):
    with pytest.raises(InputError, match=said):
        _targets(["1", label, "3"], task="regression")


def test_several_labels_become_tuples_and_none_of_them_is_a_label_too():
    found = _targets(['["b", "a"]', "[]", None], task="multi-label")
    assert found.values == [("b", "a"), (), None]
    assert found.classes == ("a", "b")
    y = get_task("multi_label").encode([("b", "a"), ()], found.classes)
    assert y.tolist() == [[1, 1], [0, 0]]
    assert y.dtype == np.uint8


def test_anomalies_are_whatever_is_not_normal():
    found = _targets(["good", "scratch", None, "dent"], task="anomaly")
    assert found.values == ["normal", "anomalous", None, "anomalous"]
    assert found.guesses[0].value == "good"
    most = _targets(["x", "x", "y"], task="anomaly")
    assert most.values == ["normal", "normal", "anomalous"]
    assert "most frequent" in most.guesses[0].why
    told = _targets(["x", "x", "y"], task="anomaly", normal="y")
    assert told.values == ["anomalous", "anomalous", "normal"]
    assert told.guesses == ()
    assert get_task("anomaly").encode(["normal", "anomalous"], ()).tolist() == [0, 1]


def test_without_labels_all_rows_are_normal_for_anomalies_and_unlabelled_otherwise():
    found = find_targets(None, IDS[:3], task="anomaly")
    assert found.values == ["normal"] * 3
    assert "taken for normal" in found.notes[0]
    assert find_targets(None, IDS[:3], task=None).values is None


def test_folders_called_like_numbers_are_classes():
    numbers = [str(i / 2) for i in range(60)]
    assert _targets(numbers, are_names=True).task == "classification"
    assert _targets(numbers).task == "regression"
    assert _targets(numbers, are_names=True, task="regression").values[1] == 0.5


def test_unknown_tasks_and_misplaced_normals_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'regression'"):
        _targets(["1"], task="regresion")
    with pytest.raises(InputError, match="needs task='anomaly'"):
        _targets(["1"], task="regression", normal="1")


def test_label_columns_must_hold_0_and_1():
    import pandas as pd

    frame = pd.DataFrame({"text": ["one two three", "four five six"] * 10, "a": [0, 1] * 10, "b": [True, False] * 10})
    assert read(frame, label=["a", "b"]).dataset.targets[0] == ("b",)
    frame["b"] = [0, 2] * 10
    with pytest.raises(InputError, match="got 2 in row 2 of 'b'"):
        read(frame, label=["a", "b"])


def test_a_table_of_0_and_1_beside_the_data_is_several_labels():
    import pandas as pd

    texts = ["one two three", "four five six", "seven eight nine"]
    table = np.array([[1, 0], [0, 0], [1, 1]])
    assert list(read(texts, table).dataset.targets) == [("label 0",), (), ("label 0", "label 1")]
    named = read(texts, pd.DataFrame(table, columns=["x", "y"])).dataset
    assert list(named.targets) == [("x",), (), ("x", "y")]
    with pytest.raises(InputError, match="got 2 in row 1 of 'label 0'"):
        read(texts, table + 1)


def test_json_lines_may_hold_lists_of_labels(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "one two three", "labels": ["x", "y"]}\n{"text": "four five six", "labels": []}\n')
    dataset = read(path).dataset
    assert dataset.task == "multi_label"
    assert list(dataset.targets) == [("x", "y"), ()]
