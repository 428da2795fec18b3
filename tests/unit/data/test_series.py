"""Series: arrays, files, rows of numbered columns, windows of steps in time."""

import numpy as np
import pandas as pd
import pytest

from headstart.data.audit import audit
from headstart.data.folds import blocked_folds
from headstart.data.raw_file import UnreadableError
from headstart.data.read import read
from headstart.data.series_file import UnreadableSeriesError, open_series
from headstart.errors import InputError


def test_gaps_are_filled_between_their_neighbours(tmp_path):
    found = open_series([1.0, np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(found[:, 0], [1, 2, 3, 3])
    np.save(tmp_path / "a.npy", np.arange(6).reshape(3, 2))
    assert open_series(tmp_path / "a.npy").shape == (3, 2)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ([], r"has shape \(0,\)"),
        ([1, np.inf], "infinite number at step 2"),
        ([np.nan, np.nan], "without a single number"),
        (["a", "b"], "other than numbers"),
        (np.zeros((2, 2, 2)), "shape"),
        ("nowhere.npy", "does not exist"),
        ("a.csv", "is no .npy file"),
    ],
)
def test_what_is_no_series_says_why(source, reason):
    with pytest.raises(UnreadableError, match=reason):
        open_series(source)


def test_pickled_arrays_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableSeriesError, match="no whole .npy"):
        open_series(tmp_path / "a.npy")


def test_a_folder_a_list_and_a_wide_table_are_series(tmp_path):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(12, 20))
    labels = ["a", "b"] * 6
    for number, (values, label) in enumerate(zip(series, labels, strict=True)):
        (tmp_path / "s" / label).mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "s" / label / f"{number}.npy", values)
    assert read(tmp_path / "s").dataset.modality == "series"
    listed = read(list(series), labels, modality="series").dataset
    frame = pd.DataFrame(series, columns=[f"t{i}" for i in range(20)]).assign(label=labels)
    wide = read(frame).dataset
    assert wide.modality == "series"
    assert list(audit(wide).digest) == list(audit(listed).digest)


def test_windows_are_labelled_by_most_of_their_steps():
    frame = pd.DataFrame({"x": np.arange(40.0), "time": range(40), "label": ["a"] * 20 + ["b"] * 20})
    data = read(frame, modality="series", window=8).dataset
    assert [len(window) for window in data.inputs] == [8] * 8
    np.testing.assert_array_equal(np.ravel(data.inputs[1]), np.arange(4, 12))
    assert list(data.targets) == ["a"] * 4 + ["b"] * 4
    assert list(data.time) == [7, 11, 15, 19, 27, 31, 35, 39]


def test_a_forecast_sees_the_past_alone():
    frame = pd.DataFrame({"sales": np.arange(60.0), "rain": np.arange(60.0) ** 2, "time": range(60)})
    data = read(frame, modality="series", label="sales", window=10, horizon=3).dataset
    assert data.inputs[0].shape == (10, 2)
    for window, target, time in zip(data.inputs, data.targets, data.time, strict=True):
        assert float(target) == window[-1, 0] + 3 == time


def test_several_series_are_cut_apart():
    frame = pd.DataFrame(
        {"x": np.tile(np.arange(10.0), 3), "time": list(range(10)) * 3, "who": np.repeat(list("abc"), 10)}
    )
    frame["label"] = np.repeat(["u", "v", "u"], 10)
    data = read(frame, modality="series", group="who", window=4).dataset
    assert sorted(set(data.group)) == ["a", "b", "c"]
    assert all(np.all(np.diff(window[:, 0]) == 1) for window in data.inputs)


def test_too_few_steps_are_refused():
    frame = pd.DataFrame({"x": range(5), "time": range(5), "label": list("aabba")})
    with pytest.raises(InputError, match="Give a shorter window"):
        read(frame, modality="series", window=8)


def test_blocked_folds_leave_a_gap_and_validate_every_row_once():
    times = np.random.default_rng(0).permutation(50)
    cut = blocked_folds(times, n_folds=5, overlap=3)
    assert sorted(np.concatenate([valid for _, valid in cut])) == list(range(50))
    for train, valid in cut:
        distance = np.abs(times[train][:, None] - times[valid][None])
        assert distance.min() == 4
    with pytest.raises(InputError, match="shorter window or fewer folds"):
        blocked_folds(range(10), n_folds=2, overlap=9)
