import numpy as np
import pytest

from headstart.tasks.multi_label import label_set
from headstart.tasks.registry import get_task


def test_bins_of_numbers_hold_about_as_many_rows_each():
    y = np.random.default_rng(0).lognormal(size=200)
    bins = get_task("regression").strata(y)
    assert np.bincount(bins).tolist() == [20] * 10
    assert all(y[bins == k].max() < y[bins == k + 1].min() for k in range(9))
    assert len(np.unique(get_task("regression").strata(np.ones(50)))) == 1
    assert len(np.unique(get_task("regression").strata(np.arange(25.0)))) == 2


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (" a ;; b|", ("a", "b")),
        ("['a', 'b']", ("a", "b")),
        ("[1, 2]", ("1", "2")),
        (";", ()),
        ("[ ]", ()),
    ],
)
def test_labels_of_a_cell(text, labels):
    assert label_set(text) == labels


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("classification", ["a", "a", "b", "b"], ["a", "a", "b"]),
        ("regression", [float(i) for i in range(10)], [1.0] * 20),
        ("multi_label", [("a",), ()] * 5, [("a",)] * 20),
        ("anomaly", ["normal"] * 10, ["anomalous"] * 20),
    ],
)
def test_a_task_objects_to_targets_from_which_nothing_can_be_learnt(name, good, bad):
    objection = get_task(name).objection
    assert objection(good) == ""
    assert objection(bad).startswith("fit needs")
