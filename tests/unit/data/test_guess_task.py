import numpy as np
import pytest

from headstart.data.guess_task import guess_task
from headstart.data.labels import as_text


def _guess(values):
    return guess_task(as_text(values)).value


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=60),
        np.random.default_rng(0).integers(18, 90, 400),
        [100 * i for i in range(25)],
        [1, 1.5, 2, 2.5, 3, 3.5, 4] * 10,
        [*np.random.default_rng(0).normal(size=40), None, "inf"],
        [-3, -2, -1, 0, 5, 9, 14, 17, 20, 21, 22, 40] * 2,
    ],
    ids=["fractions", "ages", "distinct", "ratings", "with an infinite one", "counts in few rows"],
)
def test_quantities_are_numbers(values):
    found = guess_task(as_text(list(values)))
    assert found.value == "regression"
    assert "classification" in found.override


@pytest.mark.parametrize(
    "values",
    [
        ["cat", "dog"] * 30,
        [0, 1] * 30,
        [*range(10)] * 6,
        [*range(1, 101)] * 5,
        [-1, 1] * 40,
        [0.5, 1.0] * 30,
        [1, 2, 3, 5, 8] * 30,
        np.random.default_rng(0).normal(size=12),
        ["0001", "0002", "x"] * 20,
        [],
        [None, None],
    ],
    ids=[
        "names",
        "0 and 1",
        "digits",
        "hundred codes",
        "signs",
        "halves",
        "few",
        "few rows",
        "one name",
        "none",
        "missing",
    ],
)
def test_classes_stay_classes(values):
    assert _guess(list(values)) == "classification"


@pytest.mark.parametrize(
    "values",
    [
        ["a;b", "b", "a", "c;a", "b;c"] * 4,
        ["red | round", "red", "round", "blue | round"] * 5,
        ['["a", "b"]', "[]", '["b"]'] * 4,
        [["a", "b"], [], ["b"]],
        [np.array(["a"]), {"b", "a"}, ("b",)],
    ],
    ids=["semicolons", "bars", "JSON", "lists", "arrays, sets and tuples"],
)
def test_cells_with_several_names_are_several_labels(values):
    assert _guess(values) == "multi_label"


def test_names_that_merely_hold_a_separator_are_classes():
    assert _guess(["smith; john", "doe; jane", "roe; richard", "poe; edgar"] * 5) == "classification"
    assert _guess(["either|or"] * 10 + ["neither"] * 10) == "classification"
