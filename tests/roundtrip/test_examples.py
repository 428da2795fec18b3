"""The classic recipes in ``examples/`` run from the shell, offline, and say what they compared."""

import csv
import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"
LINE = re.compile(r"^(.+?) {2,}(\d\.\d{3}) \[[\d., ]+\] +(\d\.\d{3}) \[[\d., ]+\] +\d+$", re.MULTILINE)


def told_by(name, *words, folder):
    """Accuracy of each model in the table that the script prints, and all that it printed."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "KERAS_HOME": str(folder / "keras"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), "--small", *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return {found[1].strip(): float(found[2]) for found in LINE.finditer(done.stdout)}, done.stdout


@pytest.mark.slow
def test_fine_tuning_against_features_on_a_folder_of_photographs(photos, tmp_path):
    accuracy, said = told_by("fine_tuning_against_features", photos, folder=tmp_path)
    assert list(accuracy) == ["feature extraction", "fine-tuning"]
    assert accuracy["feature extraction"] >= 0.9, "stripes and blobs are easily told apart"
    assert "fine-tuning is " in said


@pytest.mark.slow
def test_keras_resnet50_with_random_weights_where_there_are_no_others(photos, tmp_path):
    accuracy, said = told_by("keras_resnet50", photos, folder=tmp_path)
    assert list(accuracy) == ["frozen", "last blocks tuned"]
    assert "random weights" in said
    assert "2048 pooled features, Dense(1024), 2 classes" in said


def test_two_convolutions_are_carried_from_printed_to_handwritten_digits(tmp_path):
    accuracy, said = told_by("two_convolutions_across_domains", "--source", "printed", folder=tmp_path)
    assert list(accuracy) == ["source only", "from scratch", "carried over"]
    assert all(0 < value < 1 for value in accuracy.values())
    assert "on 1747 examples" in said, "all digits but five of each are tested on"


def test_the_lstm_takes_word_vectors_from_everywhere(tmp_path):
    draw = random.Random(0)
    words = {"water": "river lake fish boat shore rain".split(), "road": "engine wheel car truck brake tyre".split()}
    with (tmp_path / "texts.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(160):
            label = sorted(words)[number % 2]
            writer.writerow([" ".join([*draw.choices(words[label], k=8), "near", str(number)]), label])
    accuracy, _ = told_by("word_vector_lstm", tmp_path / "texts.csv", folder=tmp_path)
    assert list(accuracy) == ["GloVe, frozen", "GloVe, tuned", "drawn vectors", "own vectors"]
    assert max(accuracy.values()) >= 0.9, "every word tells its class"


def test_flowers_as_published_keep_their_parts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("pictures", EXAMPLES / "pictures.py")
    pictures = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pictures", pictures)  # its dataclass looks itself up
    spec.loader.exec_module(pictures)
    (tmp_path / "jpg").mkdir()
    draw = np.random.default_rng(0)
    for number in range(1, 13):
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / f"jpg/image_{number:05}.jpg")
    codes = np.arange(12) % 3 + 1
    savemat(tmp_path / "imagelabels.mat", {"labels": codes[None]})
    savemat(tmp_path / "setid.mat", {"trnid": [[1, 2, 3]], "valid": [[4, 5, 6]], "tstid": [[7, 8, 9, 10, 11, 12]]})
    found = pictures.pictures(tmp_path)
    tested = {
        int(Path(path).stem.removeprefix("image_")): label
        for path, label in zip(found.X_test, found.y_test, strict=True)
    }
    assert tested == {number: f"flower {codes[number - 1]:03}" for number in range(7, 13)}
    assert {Path(path).stem for path in found.X} == {f"image_{number:05}" for number in range(1, 7)}


def test_every_demo_of_the_makefile_is_a_script():
    lines = (REPOSITORY / "Makefile").read_text().replace("\\\n", " ")
    demos = re.search(r"^DEMOS := (.+)$", lines, re.MULTILINE)[1].split()
    assert all((EXAMPLES / f"{name}.py").is_file() for name in demos)
    assert {"fine_tuning_against_features", "two_convolutions_across_domains", "word_vector_lstm"} < set(demos)


def _hospital(folder, name, shift, n=90):
    draw = np.random.default_rng(len(name))
    sick = draw.random(n) < 0.5
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "pulse", "disease"])
        for row in range(n):
            age, pulse = draw.normal([50 + 15 * sick[row], 80 + 10 * sick[row] + shift], 5)
            writer.writerow([round(age), round(pulse, 1), "yes" if sick[row] else "no"])


def test_a_domain_is_told_from_the_others_with_and_without_its_labels(tmp_path):
    (tmp_path / "heart").mkdir()
    for name, shift in (("berlin", 0), ("kyoto", 1), ("lima", 2)):
        _hospital(tmp_path / "heart", name, shift)
    _, said = told_by("across_domains", "hospitals", tmp_path / "heart", "--target", "lima", folder=tmp_path)
    assert "For the target, whose labels were not learnt from," in said
    assert "Judged by its labels: macro-F1" in said
    assert "The source" in said.split("--target-labels judge")[1]
    assert (tmp_path / "runs/across-domains/hospitals-to-lima-with-labels/report.html").is_file()
    command = [sys.executable, EXAMPLES / "across_domains.py", "hospitals", tmp_path / "heart", "--target", "rome"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "no domain 'rome'; there are berlin, kyoto, lima" in refused.stderr


def test_an_emoji_is_in_the_source_or_in_the_target(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("across_domains", EXAMPLES / "across_domains.py")
    across = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "across_domains", across)
    spec.loader.exec_module(across)
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "domain", "emoji", "subcategory"])
        for vendor in ("google", "twitter"):
            writer.writerows([f"{vendor}/{n}.png", "Symbols", vendor, f"emoji {n}", "none"] for n in range(40))
    lines = across.emoji(tmp_path, "twitter")
    sides = {vendor: {line["emoji"] for line in lines if line["domain"] == vendor} for vendor in ("google", "twitter")}
    assert min(map(len, sides.values())) >= 10
    assert not sides["google"] & sides["twitter"]
    assert len(lines) == 40
