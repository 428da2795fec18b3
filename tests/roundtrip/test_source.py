"""A source beside a target: from two tables to a saved model."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import headstart as hs
from headstart.errors import InputError
from headstart.run import target_domain


def domain(n, shift, seed, informative=True):
    """Two classes along two of six columns; another domain lies elsewhere."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, 6))
    X[:, 0] += 1.6 * (2 * y - 1) * informative
    X[:, 1] -= 1.2 * (2 * y - 1) * informative
    frame = pd.DataFrame(X + shift, columns=[f"c{i}" for i in range(6)])
    return frame.assign(label=np.where(y, "ill", "well"))


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    domain(500, 0.0, 0).to_csv(folder / "source.csv", index=False)
    domain(80, 0.3, 1).to_csv(folder / "target.csv", index=False)
    domain(300, 0.3, 2).drop(columns="label").to_csv(folder / "more.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def few_labels(tables):
    out = tables / "few"
    return hs.fit(tables / "target.csv", source=tables / "source.csv", unlabelled=tables / "more.csv", out=out)


def test_strategies_stand_beside_the_target_alone(few_labels):
    rows = {row.head: row for row in few_labels.leaderboard}
    assert {"source_only", "pooled", "coral", "kmm", "logistic"} <= set(rows)
    assert rows["pooled"].cv.value > rows["majority"].cv.value + 0.2
    assert few_labels.result["source"]["sentence"].startswith("The source ")
    assert rows["source_only"].test is not None


def test_the_saved_model_takes_rows_of_the_target(few_labels):
    fresh = domain(400, 0.3, 7)
    said = hs.load(few_labels.out).predict(fresh.drop(columns="label"))
    assert np.mean(said == fresh["label"].to_numpy()) > 0.85


def test_the_report_shows_it(few_labels):
    page = (few_labels.out / "report.html").read_text()
    assert "What the other domain gives" in page


def test_a_source_that_knows_nothing_is_not_said_to_help(tmp_path):
    source = domain(400, 0.0, 3, informative=False)
    run = hs.fit(domain(200, 0.0, 4), source=source, out=tmp_path / "run", label="label")
    assert "helps" not in run.result["source"]["sentence"]
    winner = next(row for row in run.leaderboard if row.is_handed_over)
    assert winner.test.value > 0.8


@pytest.fixture(scope="module")
def both():
    return pd.concat([domain(400, 0.0, 5).assign(place="old"), domain(300, 0.8, 6).assign(place="new")])


def _judged(frame, folder):
    return hs.fit(frame, label="label", domain="place", target="new", target_labels="judge", out=folder)


def test_a_target_without_labels_is_adapted_to_and_its_accuracy_told(both, tmp_path):
    run = _judged(both, tmp_path / "run")
    rows = {row["name"]: row for row in run.result["source"]["rows"]}
    assert "expected accuracy" in rows["source_only"]["note"]
    assert rows["source_only"]["score"]["rule"] == "labels of the target, read once, for judging alone"
    assert rows["oracle: trained on the target"]["score"]["value"] > 0.8
    assert "For the target, whose labels were not learnt from" in run.verdict


def test_hidden_labels_change_nothing_but_the_judgement(both, tmp_path):
    other = both.copy()
    is_new = (other["place"] == "new").to_numpy()
    drawn = np.random.default_rng(0).permutation(other.loc[is_new, "label"].to_numpy())
    other.loc[is_new, "label"] = drawn
    first, second = _judged(both, tmp_path / "a"), _judged(other, tmp_path / "b")
    saved = [
        {p.name: p.read_bytes() for p in sorted((run.out / "bundle").iterdir()) if p.name != "manifest.json"}
        for run in (first, second)
    ]
    descriptions = [json.loads(files.pop("bundle.json")) for files in saved]
    assert saved[0] == saved[1]
    for description in descriptions:
        description["about"]["data"].pop("fingerprint")
    assert descriptions[0] == descriptions[1]
    assert first.result["source"]["rows"] != second.result["source"]["rows"]


def moved(n, shift, seed):
    """Three classes in a row, moved along a column that tells them: two borders are wrong then, one proves nothing."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 3, n) - 1
    X = rng.normal(size=(n, 6))
    X[:, 0] += 3 * place + shift
    X[:, 1] -= 3 * place
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(6)])
    return frame.assign(label=np.array(["ill", "recovering", "well"])[place + 1])


@pytest.mark.parametrize("seed", [10, 20])
def test_an_adapted_model_is_saved_with_what_it_learnt_of_the_target(tmp_path, monkeypatch, seed):
    made = {}

    def remembered(data, field, *rest):
        model = target_domain.target_model(data, field, *rest)
        rows = data.elsewhere.unlabelled
        made.update(model=model, features=field.library.features(rest[0].recipe.backbones, rows), field=field)
        return model

    monkeypatch.setattr("headstart.run.route.target_model", remembered)
    target = moved(600, 3.0, seed + 1)
    frame = pd.concat([moved(400, 0.0, seed).assign(place="old"), target.assign(place="new")])
    run = _judged(frame, tmp_path / "run")
    assert made["model"].head is not None, run.verdict
    loaded = hs.load(run.out)
    outputs = made["model"].head.outputs(made["features"], made["field"].n_outputs)
    expected = made["model"].calibration.transform(outputs)
    rows = target.drop(columns="label")
    np.testing.assert_allclose(loaded.predict_proba(rows), expected, atol=1e-6)
    fresh, source = moved(400, 3.0, seed + 2), moved(400, 0.0, seed)
    plain = LogisticRegression().fit(source.drop(columns="label"), source["label"])
    right = np.mean(loaded.predict(fresh.drop(columns="label")) == fresh["label"].to_numpy())
    assert right > plain.score(fresh.drop(columns="label"), fresh["label"]) + 0.05


def test_from_the_command_line(tables, tmp_path):
    words = ["fit", str(tables / "more.csv"), "--source", str(tables / "source.csv"), "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-m", "headstart", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is handed over" in done.stdout
    assert hs.load(tmp_path / "run").predict(pd.read_csv(tables / "more.csv")).shape == (300,)


def test_contradicting_arguments_are_told(tables):
    with pytest.raises(InputError, match="either target"):
        hs.fit(tables / "target.csv", source=tables / "source.csv", target="new")
    with pytest.raises(InputError, match="a source for target_labels"):
        hs.fit(tables / "target.csv", target_labels="judge")
