"""The command line compares files and folders."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image


def _run(*arguments):
    command = [sys.executable, "-m", "headstart", "diagnose", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("tables"), np.random.default_rng(0)
    for name, n, older in (("source", 160, 0), ("target", 130, 14)):
        ill = rng.integers(0, 2, n)
        frame = pd.DataFrame({"age": rng.normal(50 + 8 * ill + older, 6), "town": rng.choice(["u", "v", "w"], n)})
        frame["weight"] = np.where(rng.random(n) < 0.1, np.nan, rng.normal(70 + 6 * ill, 9))
        if name == "source":
            frame["disease"] = np.array(["no", "yes"])[ill]
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def test_two_tables_give_a_table_a_sentence_and_a_report(tables):
    report = tables / "report.md"
    done = _run(tables / "source.csv", tables / "target.csv", "--label", "disease", "--out", report)
    assert done.returncode == 0, done.stderr
    assert "area under curve" in done.stdout
    assert "This looks like covariate shift" in done.stdout
    assert "age" in done.stdout
    assert "| age | " in report.read_text()
    assert all(len(line) <= 400 for line in done.stdout.splitlines())


def test_json_is_the_same_figures(tables):
    report = tables / "report.json"
    done = _run(tables / "source.csv", tables / "target.csv", "--json", "--out", report)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert json.loads(report.read_text()) == found
    assert found["kind"] == "covariate_shift"
    assert found["expected_accuracy"]["low"] <= found["expected_accuracy"]["value"]
    assert found["feature_shifts"][0]["name"] == "age"


def test_two_folders_of_pictures(tmp_path):
    rng = np.random.default_rng(0)
    for domain, light in (("day", 150), ("night", 40)):
        for name, tint in (("red", [60, 0, 0]), ("blue", [0, 0, 60])):
            folder = tmp_path / domain / name
            folder.mkdir(parents=True)
            for place in range(15):
                pixels = np.clip(rng.normal(light, 25, (32, 32, 3)) + tint, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{place}.png")
    done = _run(tmp_path / "day", tmp_path / "night", "--backbone", "colour_histogram", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kind"] in ("covariate_shift", "concept_shift")
    assert found["family"] in ("feature", "parameter")  # no bright picture is like a dark one
    assert found["true_accuracy"] is not None
    assert found["measures"][0]["value"] == "30 and 30"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("source.csv", "nowhere.csv"), "needs a path that exists"),
        (("source.csv", "other.csv"), "same columns on both sides, got no 'weight' in the target"),
        (("source.csv", "target.csv", "--out", "report.pdf"), "--out with an ending of .json, .md, .txt"),
        (("source.csv", "empty.csv"), "needs a table with rows, got only a header in 'empty.csv'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tables, arguments, words):
    frame = pd.read_csv(tables / "target.csv")
    frame.drop(columns="weight").to_csv(tables / "other.csv", index=False)
    frame.head(0).to_csv(tables / "empty.csv", index=False)
    paths = [tables / name if name.endswith(".csv") else name for name in arguments]
    done = _run(*paths)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
