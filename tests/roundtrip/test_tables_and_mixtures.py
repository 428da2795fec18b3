"""Rows of tables, and rows of several kinds, go the same road as pictures."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import headstart as hs
from headstart.errors import InputError


@pytest.fixture(scope="module")
def patients():
    rng = np.random.default_rng(0)
    n = 240
    sick = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "age": rng.normal(50 + 8 * sick, 8),
            "town": np.where(rng.random(n) < 0.8, np.array(["u", "v"])[sick], "w"),
            "pressure": np.where(rng.random(n) < 0.15, np.nan, rng.normal(120 + 15 * sick, 12)),
            "seen": pd.date_range("2023-01-01", periods=n, freq="D")[rng.permutation(n)],
            "disease": np.array(["no", "yes"])[sick],
        }
    )
    return frame


@pytest.fixture(scope="module")
def table_run(patients, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "patients.csv"
    patients.to_csv(path, index=False)
    return hs.fit(path, label="disease", out=path.parent / "run"), path


def test_a_table_gives_a_report_a_bundle_and_an_honest_verdict(table_run):
    run, _ = table_run
    assert run.result["verdict"]["outcome"] == "alone"
    assert "Nothing was transferred" in run.verdict
    best = next(row for row in run.leaderboard if row.is_handed_over)
    majority = next(row for row in run.leaderboard if row.head == "majority")
    assert best.test.low > majority.test.value
    page = (run.out / "report.html").read_text()
    assert "Nothing to transfer" in page
    assert "2 numbers, 1 category, 1 date" in page


def test_a_loaded_table_model_predicts_frames_rows_and_files(table_run, patients, tmp_path):
    run, path = table_run
    model = hs.load(run.out)
    whole = model.predict_proba(patients)
    shuffled = patients[["seen", "pressure", "disease", "town", "age"]]
    np.testing.assert_array_equal(model.predict_proba(shuffled), whole)
    rows = pd.read_csv(path).drop(columns="disease").to_dict("records")
    np.testing.assert_allclose(model.predict_proba(rows), whole, atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(rows[:1]), whole[:1], atol=1e-5)
    done = subprocess.run(
        [sys.executable, "-m", "headstart", "predict", str(run.out), str(path), "--out", str(tmp_path / "p.csv")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = pd.read_csv(tmp_path / "p.csv")
    np.testing.assert_allclose(said["p(yes)"], whole[:, 1], atol=1e-5)


def test_a_missing_column_and_another_kind_are_named(table_run, patients):
    model = hs.load(table_run[0].out)
    with pytest.raises(InputError, match="has no column 'age'"):
        model.predict(patients.drop(columns="age"))
    odd = patients.head(3).astype({"age": object})
    odd.loc[1, "age"] = "old"
    found = model.predict_rows(odd)
    assert list(found.problems) == [1]
    assert "has 'old' in column 'age', which holds numbers" in found.problems[1]
    assert found.labels[1] is None
    assert found.labels[0] is not None


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """The kind is told by two bits: one by the picture or the text, one by the price; some parts are missing."""
    folder = tmp_path_factory.mktemp("items")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(160):
        warm, dear = rng.integers(0, 2, 2)
        name = f"{number}.png"
        pixels = rng.normal(110, 40, (48, 48, 3)) + np.array([35, 0, -35]) * (2 * warm - 1)
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name)
        text = ("a cold and icy winter thing", "a warm and sunny summer thing")[warm]
        rows.append(
            {
                "photo": name if number % 5 else None,
                "title": f"{text} number {number}" if number % 7 else None,
                "price": rng.normal(10 + 6 * dear, 2),
                "weight": rng.normal(3, 1),
                "shop": rng.choice(["x", "y"]),
                "kind": f"{'warm' if warm else 'cold'} {'dear' if dear else 'cheap'}",
            }
        )
    pd.DataFrame(rows).to_csv(folder / "items.csv", index=False)
    return folder / "items.csv"


@pytest.fixture(scope="module")
def mixed_run(items):
    return hs.fit(
        items, label="kind", out=items.parent / "run",
        backbones=["efficientnet_lite0", "all_minilm_l6_v2"], heads=["prototypes", "logistic"],
    )  # fmt: skip


def test_mixed_rows_are_fused_and_each_part_is_told(mixed_run):
    scores = {row.name: row.cv.value for row in mixed_run.leaderboard}
    fused = max(value for name, value in scores.items() if "fused" in name)
    alone = max(value for name, value in scores.items() if " + " not in name)
    assert fused > alone + 0.1
    assert {guess["what"]: guess["value"] for guess in mixed_run.result["guesses"]}["modality"] == "mixed"
    parts = mixed_run.result["parts"]
    assert {part["part"] for part in parts} == {"image", "table", "text"}
    table = next(part for part in parts if part["part"] == "table")
    assert table["lost_without"]["value"] > 0.1
    assert "What each part contributes" in (mixed_run.out / "report.html").read_text()


def test_a_loaded_mixed_model_predicts_with_parts_missing(mixed_run, items, monkeypatch):
    monkeypatch.chdir(items.parent)
    model = hs.load(mixed_run.out)
    frame = pd.read_csv(items)
    proba = model.predict_proba(frame)
    assert (np.array(model.classes)[proba.argmax(1)] == frame["kind"]).mean() > 0.8
    only_cells = frame.assign(photo=None, title=None)
    dear = [name.endswith("dear") for name in model.classes]
    said = model.predict_proba(only_cells)[:, dear].sum(axis=1) > 0.5
    assert (said == frame["kind"].str.endswith("dear")).mean() > 0.8
    with pytest.raises(InputError, match="path column 'photo'"):
        model.predict(frame.drop(columns="photo"))
