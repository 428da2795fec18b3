import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression, RidgeClassifier

import headstart as hs
from headstart.errors import InputError, MissingPathError


def _domains(n=120, m=100, shift=0.6, seed=0):
    rng = np.random.default_rng(seed)
    y, z = rng.integers(0, 2, n), rng.integers(0, 2, m)
    S, T = (rng.standard_normal((len(c), 3)) + 1.2 * np.outer(2 * c - 1, [1, 0, 0]) for c in (y, z))
    return S, y, T + [0, shift, 0], z


@pytest.fixture(scope="module")
def found():
    S, y, T, _ = _domains()
    return hs.diagnose(S, T, y_source=y)


def test_a_diagnosis_says_what_it_measured(found):
    names = [measure.name for measure in found.measures]
    assert {"rows", "area under curve", "energy distance", "kernel mean distance", "proxy A-distance"} < set(names)
    assert {"target inside the source", "effective sample size", "predicted labels", "classes matched"} < set(names)
    assert found.kind == "covariate_shift"
    assert found.family == "instance"
    assert found.feature_shifts[0].name == "column 1"
    assert found.expected_accuracy.low <= found.expected_accuracy.value <= found.expected_accuracy.high
    assert found.true_accuracy is None
    assert any("concept shift cannot be tested" in note for note in found.notes)
    assert found.sentence in str(found)
    assert found.sentence in found.to_markdown()
    assert "column 1" in str(found)


def test_it_is_plain_values_and_the_same_again(found):
    S, y, T, _ = _domains()
    before = S.copy(), y.copy(), T.copy()
    again = hs.diagnose(S, T, y_source=y)
    assert again == found
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["kind"] == "covariate_shift"
    for array, kept in zip((S, y, T), before, strict=True):
        assert np.array_equal(array, kept)


def test_lists_sparse_rows_and_other_names_of_labels_say_the_same(found):
    S, y, T, _ = _domains()
    other = hs.diagnose(csr_array(S), T.tolist(), y_source=np.array(["a", "b"])[y])
    assert other.expected_accuracy == found.expected_accuracy
    assert other.kind == found.kind
    assert other.measures[1] == found.measures[1]


def test_labels_of_the_target_change_nothing_but_the_concept_and_the_true_accuracy(found):
    S, y, T, z = _domains()
    told = hs.diagnose(S, T, y_source=y, y_target=z)
    assert told.expected_accuracy == found.expected_accuracy
    assert [m for m in told.measures if m.name != "concept"] == list(found.measures)
    turned = hs.diagnose(S, T, y_source=y, y_target=1 - z)
    assert turned.kind == "concept_shift"
    assert turned.family == "parameter"
    assert turned.true_accuracy.value == pytest.approx(1 - told.true_accuracy.value)


def test_without_labels_of_the_source_the_kind_is_unknown():
    S, _, T, _ = _domains()
    found = hs.diagnose(S, T)
    assert (found.kind, found.expected_accuracy) == ("unknown", None)
    assert any("no labels" in note for note in found.notes)
    numbers = hs.diagnose(S, T, y_source=S[:, 0] * 1.5)
    assert numbers.expected_accuracy is None
    assert any("no classes" in note for note in numbers.notes)


def test_an_estimator_of_ones_own_is_not_changed():
    S, y, T, _ = _domains()
    model = LogisticRegression(C=0.01)
    hs.diagnose(S, T, y_source=y, estimator=model)
    assert not hasattr(model, "coef_")
    with pytest.raises(InputError, match="an estimator with predict_proba, got RidgeClassifier"):
        hs.diagnose(S, T, y_source=y, estimator=RidgeClassifier())


def test_a_class_that_only_the_target_has_is_told():
    S, y, T, z = _domains()
    labels = np.array(["a", "b"], dtype=object)[z]
    labels[:20] = "new"
    found = hs.diagnose(S, T, y_source=np.array(["a", "b"])[y], y_target=labels)
    assert any("classes that the source lacks (new)" in note for note in found.notes)


def test_frames_are_read_by_name_with_gaps_and_categories():
    rng = np.random.default_rng(0)
    y = np.array(["no", "yes"])[rng.integers(0, 2, 150)]
    frame = pd.DataFrame(
        {"age": rng.normal(50, 8, 150) + 9 * (y == "yes"), "town": rng.choice(["u", "v"], 150), "ill": y}
    )
    other = pd.DataFrame({"town": ["v"] * 90, "age": rng.normal(60, 8, 90)})
    other.loc[::5, "age"] = np.nan
    found = hs.diagnose(frame, other, label="ill", cache=False)
    assert {shift.name for shift in found.feature_shifts} == {"age", "town"}
    assert found.kind == "covariate_shift"
    labelled = hs.diagnose(frame, other.assign(ill=["yes"] * 45 + ["no"] * 45), label="ill", cache=False)
    assert labelled.expected_accuracy == found.expected_accuracy
    assert labelled.true_accuracy is not None
    with pytest.raises(InputError, match="same columns on both sides, got no 'town' in the target"):
        hs.diagnose(frame, other[["age"]], label="ill", cache=False)


def test_bad_input_is_one_line(tmp_path):
    S, y, T, _ = _domains()
    with pytest.raises(InputError, match="as many columns in the target as in the source, got 2 and 3"):
        hs.diagnose(S, T[:, :2], y_source=y)
    with pytest.raises(InputError, match="in the target, got shape"):
        hs.diagnose(S, T[:0], y_source=y)
    with pytest.raises(InputError, match="5 rows or more in the target, got 3"):
        hs.diagnose(S, T[:3], y_source=y)
    with pytest.raises(InputError, match="finite numbers in the target, got NaN"):
        hs.diagnose(S, np.where(T > 1, np.nan, T), y_source=y)
    with pytest.raises(InputError, match="a column that varies, got 3 constant ones"):
        hs.diagnose(np.ones_like(S), np.ones_like(T), y_source=y)
    with pytest.raises(InputError, match="2 classes or more in the source, got 'a' alone"):
        hs.diagnose(S, T, y_source=["a"] * len(S))
    with pytest.raises(InputError, match="one label a row of the source, got 3 for 120 rows"):
        hs.diagnose(S, T, y_source=[0, 1, 0])
    with pytest.raises(MissingPathError, match="needs a path that exists"):
        hs.diagnose(tmp_path / "nowhere.csv", tmp_path)
    constant = np.column_stack([S, np.ones(len(S))]), np.column_stack([T, np.ones(len(T))])
    assert any("1 of 4 columns are the same" in note for note in hs.diagnose(*constant, y_source=y).notes)
