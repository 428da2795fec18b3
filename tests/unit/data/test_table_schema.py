"""What columns hold, and rows read accordingly."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from headstart.data.audit import audit
from headstart.data.modalities import table as modality
from headstart.data.read import read
from headstart.data.table_schema import Column, Schema, UnreadableRowError, schema_of
from headstart.errors import InputError

N = 30
COLUMNS = {
    "number": [str(value) for value in np.linspace(-2, 5, N)],
    "with gaps": ["?" if i % 7 == 0 else str(i) for i in range(N)],
    "code": [str(i % 3) for i in range(N)],
    "town": [("Bonn", "北京", "Lyon ")[i % 3] for i in range(N)],
    "flag": [bool(i % 2) for i in range(N)],
    "day": [f"2024-02-{1 + i % 28:02d}" for i in range(N)],
    "moment": [datetime(2024, 1, 1 + i % 28, i % 24) for i in range(N)],
    "story": [f"a long sentence about thing number {i}" for i in range(N)],
    "nothing": ["" for _ in range(N)],
    "one": ["same"] * N,
    "id": [str(1000 + i) for i in range(N)],
    "key": [f"k{i}x" for i in range(N)],
}


def rows(columns=COLUMNS):
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def test_kinds_are_guessed_from_what_stands_there():
    schema = schema_of(rows())
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "number": "number", "with gaps": "number", "code": "number", "town": "category", "flag": "category",
        "day": "date", "moment": "date", "story": "text",
    }  # fmt: skip
    assert dict(schema.left_out) == {
        "nothing": "all its cells are missing",
        "one": "all its cells are the same",
        "id": "it names the row",
        "key": "its cells are all different and no texts",
    }
    assert schema.summary() == "3 numbers, 2 categories, 2 dates, 1 text"


def test_a_measured_index_is_no_name_of_the_row():
    found = schema_of([{"body_mass_index": f"{20 + i / 7:.2f}", "id": f"{i / 7:.2f}"} for i in range(N)])
    assert [column.name for column in found.columns] == ["body_mass_index", "id"]


def test_a_row_is_read_by_name_in_any_order():
    schema = Schema((Column("a", "number"), Column("b", "category"), Column("c", "date")))
    cells = schema.read({"c": "1970-01-03", "z": "ignored", "b": 1.0, "a": "2.5"})
    assert cells == (2.5, "1", 2.0)
    assert schema.read({"a": "n/a", "b": None, "c": date(1970, 1, 2)}) == (None, None, 1.0)
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"a": 1}, "has no column 'b'"),
        ({"a": "x", "b": "y"}, "has 'x' in column 'a', which holds numbers"),
        ({"a": "inf", "b": "y"}, "has an infinite number in column 'a'"),
    ],
)
def test_a_row_of_other_columns_or_kinds_says_so(row, reason):
    schema = Schema((Column("a", "number"), Column("b", "category")))
    with pytest.raises(UnreadableRowError, match=reason):
        schema.read(row)


def test_the_order_of_the_columns_is_not_content():
    assert modality.digest({"a": 1, "b": None}) == modality.digest({"b": float("nan"), "a": 1})
    assert modality.digest({"a": 1}) != modality.digest({"a": 2})


def test_rows_with_infinite_numbers_are_named_and_set_aside():
    frame = pd.DataFrame({"u": [1.0, 2, 3, 4], "v": [1.5, np.inf, 2, 3], "label": list("abab")})
    found = read(frame)
    assert found.dataset.modality == "table"
    seen = audit(found.dataset)
    assert list(seen.problem) == [None, "has an infinite number in column 'v'", None, None]
    assert any("'row 2'" in finding.text for finding in seen.findings())


def test_what_is_left_out_is_told():
    found = read(pd.DataFrame(COLUMNS | {"label": [str(i % 2) for i in range(N)]}), modality="table")
    assert any("'nothing' is left out: all its cells are missing" in note for note in found.notes)
    assert {guess.what for guess in found.guesses} >= {"columns", "label"}
    findings = audit(found.dataset).findings()
    assert any(f.kind == "missing_cells" for f in findings)


def test_texts_beside_several_columns_are_mixed_unless_said():
    many = {name: COLUMNS[name] for name in ("story", "number", "code", "town")} | {"label": ["x", "y"] * (N // 2)}
    assert read(pd.DataFrame(many)).dataset.modality == "mixed"
    assert read(pd.DataFrame(many), modality="text").dataset.modality == "text"
    few = {name: many[name] for name in ("story", "number", "label")}
    found = read(pd.DataFrame(few))
    assert found.dataset.modality == "text"
    assert any("Not used beside the texts: 'number'" in note for note in found.notes)
    mixed = read(pd.DataFrame(few), modality="mixed").dataset
    assert mixed.inputs[0] == {"text": few["story"][0], "table": {"number": few["number"][0]}}


def test_a_part_that_is_missing_in_a_row_is_none():
    frame = pd.DataFrame({"story": ["a fine story", None] * 15, "u": range(N), "label": ["x", "y"] * 15})
    data = read(frame, text="story", modality="mixed").dataset
    assert data.inputs[1]["text"] is None
    seen = audit(data)
    assert seen.readable.all()
    assert len(set(seen.digest)) == N
    assert any("'text' is missing in 15 of 30 rows" in finding.text for finding in seen.findings())


def test_mixed_needs_two_kinds_of_columns():
    with pytest.raises(InputError, match="needs columns for mixed examples"):
        read(pd.DataFrame({"u": range(6), "label": list("ababab")}), modality="mixed")
