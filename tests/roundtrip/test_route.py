"""From a folder of photographs to a saved model and back, as a user does it."""

import csv
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import headstart as hs
from headstart.errors import InputError, IntegrityError, MissingPathError, OutputExistsError

FAST = {"backbones": ["efficientnet_lite0"], "heads": ["logistic"]}


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    return hs.fit(photos, out=tmp_path_factory.mktemp("runs") / "photos", **FAST)


@pytest.fixture(scope="module")
def files(photos):
    return sorted(str(path) for path in photos.glob("*/*.png"))


def headstart(*arguments):
    command = [sys.executable, "-m", "headstart", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_run_leaves_everything(run):
    left = {path.name for path in run.out.iterdir()}
    assert left == {"bundle", "leaderboard.csv", "model_card.md", "report.html", "run.json", "run.jsonl"}
    result = json.loads((run.out / "run.json").read_text())
    assert result["verdict"]["sentence"] == run.verdict
    assert result["rule"].startswith("honest")
    names = {row.name for row in run.leaderboard}
    assert {"majority", "efficientnet_lite0 / logistic"} <= names
    assert any("@random" in name for name in names)
    assert any("colour_histogram" in name for name in names)
    handed = [row for row in run.leaderboard if row.is_handed_over]
    assert [row.name for row in handed] == [result["handed_over"]]


def test_the_loaded_model_predicts_the_same_without_cache_and_package(run, files, tmp_path, monkeypatch):
    from headstart.backbones import embedded

    expected = run.predict_proba(files)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "no cache"))
    monkeypatch.setattr(embedded, "_path", lambda card: None)
    model = hs.load(run.out)
    np.testing.assert_array_equal(model.predict_proba(files), expected)
    assert not (tmp_path / "no cache").exists()
    assert set(model.predict(files)) <= set(model.classes)
    np.testing.assert_allclose(expected.sum(1), 1.0)
    one = np.concatenate([model.predict_proba([path]) for path in files[:3]])
    np.testing.assert_allclose(one, expected[:3], atol=1e-5)


def test_the_same_run_again_is_read_back_and_another_is_refused(run, photos):
    again = hs.fit(photos, out=run.out, **FAST)
    assert again.result == json.loads((run.out / "run.json").read_text())
    assert [row.name for row in again.leaderboard] == [row.name for row in run.leaderboard]
    with pytest.raises(OutputExistsError, match="random_state"):
        hs.fit(photos, out=run.out, random_state=1, **FAST)


def test_unreadable_examples_are_reported_in_place(run, files, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    found = run.model.predict_rows([files[0], bad, files[1]])
    assert found.labels[1] is None
    assert list(found.problems) == [1]
    assert np.isnan(found.proba[1]).all()
    assert not np.isnan(found.proba[[0, 2]]).any()
    with pytest.raises(InputError, match="position 1"):
        run.predict([files[0], bad])


def test_every_changed_byte_is_found(run, tmp_path):
    import shutil

    for name in sorted(path.name for path in (run.out / "bundle").iterdir()):
        broken = tmp_path / name
        shutil.copytree(run.out / "bundle", broken)
        content = bytearray((broken / name).read_bytes())
        content[len(content) // 2] ^= 1
        (broken / name).write_bytes(content)
        with pytest.raises(IntegrityError, match="Bundle"):
            hs.load(broken)
    added = tmp_path / "added"
    shutil.copytree(run.out / "bundle", added)
    (added / "extra.pkl").write_bytes(b"x")
    with pytest.raises(IntegrityError, match="extra"):
        hs.load(added)


def test_an_archive_of_a_bundle_loads_and_a_hostile_one_does_not(run, files, tmp_path):
    whole, hostile = tmp_path / "model.zip", tmp_path / "hostile.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        for path in (run.out / "bundle").iterdir():
            archive.write(path, f"bundle/{path.name}")
    np.testing.assert_array_equal(hs.load(whole).predict_proba(files[:2]), run.predict_proba(files[:2]))
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr("../outside.txt", "x")
    with pytest.raises(IntegrityError, match="plain file names"):
        hs.load(hostile)
    assert not (tmp_path.parent / "outside.txt").exists()
    with pytest.raises(MissingPathError, match="no such path"):
        hs.load(tmp_path / "nothing")


def write_manifest(path, photos, flip_test_labels):
    """A table with the split in it; the test rows' labels are as they are, or the other way round."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        for number, picture in enumerate(sorted(photos.glob("*/*.png"))):
            label, part = picture.parent.name, "test" if number % 4 == 0 else "train"
            if part == "test" and flip_test_labels:
                label = "ants" if label == "bees" else "bees"
            writer.writerow([picture, label, part])
    return path


def test_test_labels_do_not_reach_the_model(photos, tmp_path):
    runs = []
    for flipped in (False, True):
        table = write_manifest(tmp_path / f"{flipped}.csv", photos, flipped)
        runs.append(hs.fit(table, out=tmp_path / f"run {flipped}", **FAST))
    heads = [(run.out / "bundle" / "head.safetensors").read_bytes() for run in runs]
    assert heads[0] == heads[1]
    scores = [[(row.name, row.cv.value) for row in run.leaderboard] for run in runs]
    assert scores[0] == scores[1]
    assert runs[0].result["temperature"] == runs[1].result["temperature"]
    assert runs[0].result["metrics"]["accuracy"] == pytest.approx(1 - runs[1].result["metrics"]["accuracy"])


def test_few_rows_are_judged_by_repeated_cross_validation(photos, tmp_path):
    files = sorted(str(path) for path in photos.glob("*/*.png"))[::4]
    labels = [path.split("/")[-2] for path in files]
    run = hs.fit(files, labels, out=tmp_path / "few", **FAST)
    assert "repeated cross-validation" in run.result["rule"]
    assert len(run.predict(files)) == len(files)


def test_missing_labels_and_bad_files_are_set_aside_and_counted(photos, tmp_path):
    import shutil

    own = tmp_path / "照片 photos"
    shutil.copytree(photos, own)
    (own / "ants" / "torn.png").write_bytes((own / "ants" / "ant 1.png").read_bytes()[:900])
    (own / "bees" / "empty.png").write_bytes(b"")
    run = hs.fit(own, out=tmp_path / "run", **FAST)
    assert set(run.result["unreadable"]) == {"ants/torn.png", "bees/empty.png"}
    files = sorted(str(path) for path in photos.glob("*/*.png"))
    labels = [None if number % 10 == 0 else path.split("/")[-2] for number, path in enumerate(files)]
    run = hs.fit(files, labels, out=tmp_path / "unlabelled", **FAST)
    assert run.result["n_unlabelled"] == 8


def test_the_command_line_from_end_to_end(photos, tmp_path):
    out = tmp_path / "cli"
    done = headstart("fit", photos, "--out", out, "--backbone", "efficientnet_lite0", "--head", "logistic")
    assert done.returncode == 0, done.stderr
    assert "macro_f1 out of fold" in done.stdout
    assert "report.html" in done.stdout
    assert done.stderr == ""
    table = tmp_path / "predictions.csv"
    (tmp_path / "bad.png").write_bytes(b"x")
    done = headstart("predict", out, photos, tmp_path / "bad.png", "--out", table)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 81
    assert rows[-1]["problem"]
    assert rows[-1]["label"] == ""
    assert all(row["label"] in ("ants", "bees") for row in rows[:-1])
    done = headstart("predict", out, photos / "ants" / "ant 1.png", "--json")
    found = json.loads(done.stdout)
    assert set(found[0]["proba"]) == {"ants", "bees"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "{tmp}/nothing"], "nothing"),
        (["fit", "{tmp}/hollow"], "hollow"),
        (["fit", "{photos}/ants"], "label"),
        (["fit", "{photos}", "--backbone", "efficientnet_lite9"], "efficientnet_lite"),
        (["fit", "{photos}", "--budget", "soon"], "budget"),
        (["fit", "{photos}", "--metric", "f1"], "metric"),
        (["fit", "{tmp}/table.csv", "--label", "kind"], "kind"),
        (["fit", "{tmp}/bad"], "readable"),
        (["fit", "{tmp}/unseen.csv"], "'x' in the test part only"),
        (["fit", "{tmp}/lonely.csv"], "not enough rows to split"),
        (["fit", "{tmp}/single.csv"], "one class only"),
        (["fit", "{tmp}/missing.csv", "--label", "label"], "all labels are missing"),
        (["predict", "{tmp}/nothing", "{photos}"], "nothing"),
        (["predict", "{photos}", "{photos}"], "bundle"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(photos, tmp_path, arguments, words):
    (tmp_path / "hollow").mkdir()
    for name in ("a", "b"):
        (tmp_path / "bad" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "bad" / name / f"{number}.png").write_bytes(b"no picture")
    (tmp_path / "table.csv").write_text("path,label\na.png,x\nb.png,y\n")
    pictures = sorted(photos.glob("*/*.png"))
    tables = {
        "unseen": [(path, "x" if n == 0 else path.parent.name, "test" if n % 4 == 0 else "train") for n, path in
                   enumerate(pictures)],
        "lonely": [(pictures[0], "x", ""), (pictures[-1], "y", "")],
        "single": [(path, "x", "") for path in pictures[:9]],
        "missing": [(path, "", "") for path in pictures[:9]],
    }  # fmt: skip
    for name, rows in tables.items():
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            columns = 3 if name == "unseen" else 2
            csv.writer(file).writerows([("path", "label", "split")[:columns], *(row[:columns] for row in rows)])
    arguments = [argument.format(tmp=tmp_path, photos=photos) for argument in arguments]
    out = [] if arguments[0] == "predict" else ["--out", str(tmp_path / "out")]
    done = headstart(*arguments, *out)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("headstart: ")
    assert words in done.stderr
    assert not (tmp_path / "out").exists()
