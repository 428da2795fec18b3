"""Numbers, several labels and anomalies go the whole road: fit, report, save, load, predict, by hand and by command."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

import headstart as hs
from headstart.errors import InputError, UnknownNameError

ANIMALS = {"cat": "purrs and sleeps", "dog": "barks at the postman", "bird": "sings in the tree"}


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """Pictures of one disc each and a table with its width; one width is missing."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("discs")
    rows = [("file", "width", "site")]
    for number in range(120):
        width = float(np.round(rng.uniform(8, 60), 1))
        picture = Image.fromarray(rng.integers(0, 60, (64, 64, 3), dtype=np.uint8))
        ImageDraw.Draw(picture).ellipse([32 - width / 2, 32 - width / 2, 32 + width / 2, 32 + width / 2], fill="white")
        picture.save(folder / f"{number}.png")
        rows.append((f"{number}.png", "" if number == 5 else width, "ab"[number % 2]))
    with (folder / "widths.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """Sentences that tell of any of three animals, or of none."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(200):
        there = [name for name in ANIMALS if rng.random() < 0.4]
        said = [f"the {rng.choice(['small', 'big', 'old'])} {name} {ANIMALS[name]}" for name in there]
        rows.append((". ".join([f"day {number} at the house", *said]), json.dumps(there)))
    table = tmp_path_factory.mktemp("notes") / "notes.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "animals"), *rows])
    return table


@pytest.fixture(scope="module")
def plates(tmp_path_factory):
    """Plain plates, some of the test ones scratched."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("plates")
    for part, kind, n in (("train", "good", 60), ("test", "good", 24), ("test", "scratched", 20)):
        (folder / part / kind).mkdir(parents=True)
        for number in range(n):
            picture = Image.fromarray(rng.integers(110, 150, (64, 64, 3), dtype=np.uint8))
            if kind == "scratched":
                ends = rng.integers(0, 64, 8).tolist()
                ImageDraw.Draw(picture).line(ends, fill="black", width=3)
            picture.save(folder / part / kind / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def number_run(discs):
    return hs.fit(
        discs / "widths.csv", label="width", domain="site", backbones=["efficientnet_lite0"], out=discs / "run"
    )


@pytest.fixture(scope="module")
def label_run(notes):
    return hs.fit(notes, label="animals", backbones=["all_minilm_l6_v2"], out=notes.parent / "run")


@pytest.fixture(scope="module")
def alarm_run(plates, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "plates"
    return hs.fit(plates, task="anomaly", backbones=["efficientnet_lite0"], out=out)


def headstart(*arguments):
    command = [sys.executable, "-m", "headstart", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_run_of_numbers_tells_errors_as_errors(number_run):
    result = number_run.result
    assert result["task"] == "regression"
    assert any(guess["value"] == "regression" for guess in result["guesses"])
    assert "MAE" in number_run.verdict
    assert "less is better" in number_run.verdict
    assert 0 < result["metrics"]["mae"] < 6
    assert result["metrics"]["r2"] > 0.7
    assert 0.7 <= result["metrics"]["coverage"] <= 1
    assert result["n_unlabelled"] == 1
    assert {row["name"] for row in result["domains"]} == {"a", "b"}
    assert all(row["score"]["value"] > 0 for row in result["domains"])
    board = (number_run.out / "leaderboard.csv").read_text()
    rows = list(csv.DictReader(board.splitlines()))
    assert all(float(row["cv"]) > 0 for row in rows)
    assert float(rows[0]["cv"]) == min(float(row["cv"]) for row in rows)
    assert "constant" in {row["model"] for row in rows}
    assert "mae out of fold" in str(number_run.leaderboard)
    again = hs.fit(
        number_run.out.parent / "widths.csv",
        label="width",
        domain="site",
        backbones=["efficientnet_lite0"],
        out=number_run.out,
    )
    assert again.verdict == number_run.verdict


def test_the_page_and_the_card_of_numbers(number_run):
    page, card = (number_run.out / "report.html").read_text(), (number_run.out / "model_card.md").read_text()
    assert 'id="numbers"' in page
    assert "Further left is better" in page
    assert "The largest errors" in page
    assert "nothing to show" not in page
    assert "image-regression" in card
    assert "model.predict_interval" in card
    assert "Weakest domain" in card
    assert "classes" not in card.split("## Data")[0].split("---", 2)[2]


def test_a_model_of_numbers_predicts_numbers_with_intervals(number_run, discs, tmp_path):
    model = hs.load(number_run.out)
    files = [discs / f"{number}.png" for number in range(20)]
    truth = np.array(
        [float(row["width"] or "nan") for row in csv.DictReader((discs / "widths.csv").read_text().splitlines())][:20]
    )
    values = model.predict(files)
    assert values.dtype == np.float64
    assert np.nanmean(np.abs(values - truth)) < 6
    ends = model.predict_interval(files)
    assert ends.shape == (20, 2)
    np.testing.assert_allclose(ends.mean(axis=1), values)
    assert np.array_equal(number_run.predict(files), values)
    with pytest.raises(InputError, match="Call predict_interval"):
        model.predict_proba(files)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done = headstart("predict", number_run.out, files[0], tmp_path / "broken.png")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert list(rows[0]) == ["path", "value", "low", "high", "problem"]
    assert float(rows[0]["value"]) == pytest.approx(values[0], rel=1e-6)
    assert rows[1]["value"] == rows[1]["low"] == ""
    assert rows[1]["problem"]
    told = json.loads(headstart("predict", number_run.out, files[0], "--json").stdout)
    assert told[0]["low"] < told[0]["value"] < told[0]["high"]


def test_a_run_of_several_labels(label_run):
    result = label_run.result
    assert result["task"] == "multi_label"
    assert result["classes"] == ["bird", "cat", "dog"]
    assert result["metrics"]["mean_average_precision"] > 0.9
    assert set(result["thresholds"]) == {"bird", "cat", "dog"}
    page = (label_run.out / "report.html").read_text()
    assert "Scaling by label" in page
    assert 'id="classes"' in page
    assert "text-multi-label-classification" in (label_run.out / "model_card.md").read_text()
    names = {row.name for row in label_run.leaderboard}
    assert any("word_ngrams / tfidf_labels" in name for name in names)
    assert "label_frequencies" in names


def test_a_model_of_several_labels_says_any_number_of_them(label_run):
    model = hs.load(label_run.out)
    texts = ["the old cat purrs and sleeps. the big dog barks at the postman", "a day at the house"]
    said = model.predict(texts)
    assert set(said[0]) == {"cat", "dog"}
    assert said[1] == ()
    proba = model.predict_proba(texts)
    assert proba.shape == (2, 3)
    assert proba[0, 1:].min() > proba[0, 0]
    table = label_run.out.parent / "new.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *[[text] for text in texts]])
    rows = list(csv.DictReader(headstart("predict", label_run.out, table).stdout.splitlines()))
    assert list(rows[0]) == ["path", "labels", "p(bird)", "p(cat)", "p(dog)", "problem"]
    assert set(rows[0]["labels"].split(";")) == {"cat", "dog"}


def test_columns_of_0_and_1_and_separators_say_the_same(notes):
    from headstart.data.read import read

    whole = read(notes, label="animals").dataset
    table = {name: [int(name in target) for target in whole.targets] for name in whole.classes}
    import pandas as pd

    frame = pd.DataFrame({"text": list(whole.inputs), **table})
    by_columns = read(frame, label=["bird", "cat", "dog"])
    assert by_columns.dataset.task == "multi_label"
    assert [set(a) == set(b) for a, b in zip(by_columns.dataset.targets, whole.targets, strict=True)].count(False) == 0
    assert by_columns.dataset.classes == whole.classes


def test_a_run_of_anomalies(alarm_run, plates):
    result = alarm_run.result
    assert result["task"] == "anomaly"
    assert any(guess["what"] == "normal" and guess["value"] == "good" for guess in result["guesses"])
    assert result["metrics"]["roc_auc"] > 0.9
    assert result["metrics"]["false_alarms"] < 0.3
    page = (alarm_run.out / "report.html").read_text()
    assert 'id="alarms"' in page
    assert "The strangest" in page
    assert "nothing to show" not in page
    model = hs.load(alarm_run.out)
    good, bad = (sorted((plates / "test" / kind).iterdir()) for kind in ("good", "scratched"))
    flags = model.predict([*good, *bad])
    assert flags.dtype == bool
    assert flags[: len(good)].mean() < 0.3
    assert flags[len(good) :].mean() > 0.6
    assert model.anomaly_score(bad).mean() > model.anomaly_score(good).mean()
    rows = list(csv.DictReader(headstart("predict", alarm_run.out, *bad[:2]).stdout.splitlines()))
    assert list(rows[0]) == ["path", "is_anomalous", "score", "threshold", "problem"]
    assert rows[0]["is_anomalous"] in ("0", "1")


def test_normal_pictures_alone_are_learnt_from_and_the_verdict_says_what_is_not_known(plates, tmp_path):
    run = hs.fit(plates / "train" / "good", task="anomaly", backbones=["efficientnet_lite0"], out=tmp_path / "run")
    assert run.result["verdict"]["outcome"] == "unknown"
    assert "Nothing can be measured" in run.verdict
    assert "efficientnet" in run.result["handed_over"]
    assert (
        hs.fit(plates / "train" / "good", task="anomaly", backbones=["efficientnet_lite0"], out=run.out).result[
            "handed_over"
        ]
        == run.result["handed_over"]
    )
    assert (run.out / "report.html").exists()
    scratched = sorted((plates / "test" / "scratched").iterdir())
    assert run.predict(scratched).mean() > 0.6


def test_what_cannot_be_is_refused_in_one_line(discs, notes, tmp_path):
    table = tmp_path / "bad.csv"
    lines = (discs / "widths.csv").read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[1], "wide")
    table.write_text("\n".join([lines[0], *(f"{discs}/{line}" for line in lines[1:])]))
    with pytest.raises(InputError, match=r"got 'wide' in '.*2\.png'"):
        hs.fit(table, task="regression", label="width", out=tmp_path / "a")
    table.write_text(table.read_text().replace("wide", "inf"))
    with pytest.raises(InputError, match=r"finite numbers .* got 'inf' in '.*2\.png'"):
        hs.fit(table, label="width", out=tmp_path / "a")
    with pytest.raises(UnknownNameError, match="metric of regression"):
        hs.fit(discs / "widths.csv", label="width", metric="macro_f1", out=tmp_path / "a")
    with pytest.raises(InputError, match="fit needs heads for regression, got 'logistic'"):
        hs.fit(discs / "widths.csv", label="width", heads=["logistic"], out=tmp_path / "a")
    with pytest.raises(UnknownNameError, match="Did you mean 'regression'"):
        hs.fit(discs / "widths.csv", label="width", task="regresion", out=tmp_path / "a")
    with pytest.raises(InputError, match="needs normal to be one of the labels"):
        hs.fit(notes, label="animals", task="anomaly", normal="horse", out=tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_bundle_from_before_there_were_tasks_still_loads(tmp_path):
    from headstart.backbones.registry import open_backbone
    from headstart.bundle.manifest import canonical, write_manifest
    from headstart.bundle.save import BundledEncoder, save_bundle
    from headstart.features.settings import EncoderSettings
    from headstart.heads.registry import make

    pictures = [np.full((16, 16, 3), shade, dtype=np.uint8) for shade in range(0, 240, 20)]
    features = hs.Encoder("colour_histogram", cache=False).transform(pictures)
    head = make("ridge").fit(features, np.arange(12) // 6)
    encoder = BundledEncoder(open_backbone("colour_histogram"), EncoderSettings(), "numpy", "fp32")
    about = {"modality": "image", "task": "classification"}
    folder = tmp_path / "bundle"
    save_bundle(
        folder, classes=("x", "y"), encoders=[encoder], head=head, calibration={"temperature": 1.5}, about=about
    )
    now = hs.load(folder).predict_proba(pictures)
    description = json.loads((folder / "bundle.json").read_text())
    assert description["temperature"] == 1.5
    del description["calibration"], description["about"]["task"]
    (folder / "bundle.json").write_bytes(canonical(description))
    write_manifest(folder)
    before = hs.load(folder)
    assert before.task == "classification"
    assert np.array_equal(before.predict_proba(pictures), now)


def test_a_table_of_numbers_learns_from_columns_as_various_as_the_label(tmp_path):
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"area": rng.normal(size=150), "kind": rng.choice(["x", "y"], 150)})
    frame["price"] = 1000 * frame.area + 300 * (frame.kind == "x") + 20 * rng.normal(size=150)
    frame["cents"] = 100 * frame.price
    run = hs.fit(frame, label="price", out=tmp_path / "run")
    assert run.result["metrics"]["r2"] > 0.95
    notes = run.result["findings"], (run.out / "report.html").read_text()
    assert "&#x27;cents&#x27; tells the label by itself" in notes[1]
    assert "&#x27;area&#x27; tells" not in notes[1]


def test_the_command_takes_the_task_the_metric_without_its_sign_and_several_label_columns(tmp_path):
    rng = np.random.default_rng(0)
    rows = [("size", "age", "is_red", "is_round", "price")]
    for _ in range(90):
        size, age = rng.normal(size=2).round(3)
        rows.append((size, age, int(size > 0), int(age > 0.3), round(float(size - age), 3)))
    with (tmp_path / "things.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    things = tmp_path / "things.csv"
    done = headstart("fit", things, "--label", "price", "--metric", "rmse", "--out", tmp_path / "a", "--json")
    result = json.loads(done.stdout)
    assert (result["task"], result["metric"]) == ("regression", "neg_rmse")
    assert result["metrics"]["rmse"] < 0.3
    told = headstart("fit", things, "--label", "is_red", "--label", "is_round", "--out", tmp_path / "b").stdout
    assert "task: multi_label" in told
    assert "mean_average_precision out of fold" in told
    wrong = headstart("fit", things, "--label", "price", "--task", "anomally", "--out", tmp_path / "c")
    assert wrong.returncode == 2
    assert "Did you mean 'anomaly'" in wrong.stderr
