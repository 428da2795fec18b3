import csv
import dataclasses
import io
import json
import os

import pytest

from headstart.errors import StorageError
from headstart.selection.leaderboard import Leaderboard, LeaderboardRow
from headstart.types import Score


def row(name, value, **more):
    kept = {"kind": "transfer", "backbone": name, "head": "logistic", "settings": {"C": 1.0}} | more
    return LeaderboardRow(name=name, cv=Score(value, value - 0.1, value + 0.1, "honest: out of fold"), **kept)


BOARD = Leaderboard(
    "macro_f1",
    (
        row("pixels", 0.5, kind="baseline", encode_seconds=1.0, fit_seconds=0.25),
        row("net", 0.8, test=Score(0.75, 0.7, 0.8, "honest: test part, read once"), is_handed_over=True),
        row("undefined", float("nan")),
        row("majority", 0.2, kind="baseline"),
    ),
)


def test_the_best_stands_first_and_the_undefined_last():
    assert [line.name for line in BOARD] == ["net", "pixels", "majority", "undefined"]
    assert len(BOARD) == 4


def test_equal_scores_stand_by_name():
    assert [line.name for line in Leaderboard("accuracy", (row("b", 0.5), row("a", 0.5)))] == ["a", "b"]


def test_text_has_one_aligned_line_a_row():
    lines = str(BOARD).splitlines()
    assert len(lines) == 5
    assert "macro_f1 out of fold" in lines[0]
    assert lines[1].startswith("*  net")
    assert "0.800 [0.700, 0.900]" in lines[1]
    assert "0.750 [0.700, 0.800]" in lines[1]
    assert lines[1].index("0.800") == lines[2].index("0.500")
    assert lines[2].endswith("1.2")


def test_the_table_says_how_each_score_came_about(tmp_path):
    path = tmp_path / "out" / "leaderboard.csv"
    text = BOARD.to_csv(path)
    assert path.read_text() == text
    assert os.listdir(path.parent) == ["leaderboard.csv"]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["cv_rule"] == "honest: out of fold"
    assert rows[0]["test_rule"] == "honest: test part, read once"
    assert (rows[0]["test"], rows[1]["test"]) == ("0.75", "")
    assert rows[1]["kind"] == "baseline"


def test_a_table_that_cannot_be_written_is_said_in_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="needs free space"):
        BOARD.to_csv(tmp_path / "leaderboard.csv")
    assert os.listdir(tmp_path) == []


def test_it_is_a_frame_and_a_picture_of_one():
    frame = BOARD.to_frame()
    assert list(frame["model"]) == ["net", "pixels", "majority", "undefined"]
    assert frame["cv"][0] == 0.8
    assert "<table" in BOARD._repr_html_()
    assert BOARD._repr_html_().count("<tr") == 5


def test_names_are_not_markup():
    assert "<script>" not in Leaderboard("accuracy", (row("<script>", 0.5),))._repr_html_()


def test_records_and_back():
    board = Leaderboard("macro_f1", BOARD.rows[:3])
    assert Leaderboard.from_records(json.loads(json.dumps(board.to_records()))) == board


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError, match="metric"):
        BOARD.metric = "accuracy"
