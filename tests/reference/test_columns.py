"""The encoding of columns against pandas and scikit-learn."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from headstart import Encoder
from headstart.backbones.registry import open_backbone
from headstart.errors import InputError


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 60
    return pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.2, np.nan, rng.normal(5, 2, n)),
            "town": rng.choice(["a", "b", "c", "d"], n),
            "grade": rng.integers(1, 5, n),
            "day": pd.date_range("2024-01-01", periods=n),
        }
    )


def encoded(frame, rows=None):
    records = frame.to_dict("records")
    backbone = open_backbone("columns").learn(records)
    encoder = Encoder(backbone, cache=False)
    names = backbone.provider.feature_names(backbone.card)
    return pd.DataFrame(encoder.transform(records if rows is None else rows), columns=names), backbone


def test_categories_are_one_hot(frame):
    found, _ = encoded(frame)
    wanted = OneHotEncoder(sparse_output=False).fit(frame[["town"]])
    columns = [f"town={name}" for name in wanted.categories_[0]]
    np.testing.assert_array_equal(found[columns], wanted.transform(frame[["town"]]))
    grades = OneHotEncoder(sparse_output=False).fit(frame[["grade"]])
    columns = [f"grade={grade}" for grade in grades.categories_[0]]
    np.testing.assert_array_equal(found[columns], grades.transform(frame[["grade"]]))


def test_numbers_are_centred_and_gaps_are_the_median(frame):
    found, _ = encoded(frame)
    known = frame["size"].fillna(frame["size"].median())
    scale = known[frame["size"].notna()].std(ddof=0)
    np.testing.assert_allclose(found["size"], (known - frame["size"].median()) / scale, atol=1e-5)
    np.testing.assert_array_equal(found["size is missing"], frame["size"].isna())


def test_dates_turn_with_the_year_and_the_week(frame):
    found, _ = encoded(frame)
    days = (frame["day"] - pd.Timestamp("1970-01-01")).dt.days
    np.testing.assert_allclose(found["day year sin"], np.sin(2 * np.pi * days / 365.2425), atol=1e-5)
    np.testing.assert_allclose(found["day week cos"], np.cos(2 * np.pi * days / 7), atol=1e-4)
    assert "day day sin" not in found


def test_unknown_categories_and_far_numbers_stay_in_bounds(frame):
    rows = [{"size": 1e30, "town": "never seen", "grade": 99, "day": None}]
    found, _ = encoded(frame, rows)
    assert found.filter(like="town=").to_numpy().sum() == 0
    assert found["size"].item() == 10
    assert np.isfinite(found.to_numpy()).all()


def test_what_was_learnt_survives_its_files(frame):
    found, backbone = encoded(frame)
    files = backbone.provider.saved_files(backbone.card)
    json.loads(files["columns"])
    again = open_backbone("columns").provider.from_files(files)
    assert again.card == backbone.card
    records = frame.to_dict("records")
    np.testing.assert_array_equal(Encoder(again, cache=False).transform(records), found)


def test_an_encoder_learns_in_fit(frame):
    records = frame.to_dict("records")
    encoder = Encoder("columns", cache=False)
    with pytest.raises(InputError, match="learnt from examples first"):
        encoder.transform(records)
    np.testing.assert_array_equal(encoder.fit(records).transform(records), encoded(frame)[0])


def test_columns_that_say_nothing_are_refused():
    with pytest.raises(InputError, match="columns needs a column of numbers, categories or dates, got none"):
        open_backbone("columns").learn([{"a": "x"}, {"a": "x"}])
