"""Texts and sounds go the same road as pictures: fit, report, save, load, predict."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import soundfile

import headstart as hs
from headstart.errors import InputError

RATE = 8000


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    things = ["the film", "this phone", "our hotel", "the soup", "that book", "a chair"]
    good = ["was wonderful", "made me happy", "is excellent", "deserves praise", "works beautifully"]
    bad = ["was terrible", "made me angry", "is useless", "deserves nothing", "broke at once"]
    rows = []
    for number in range(160):
        side = number % 2
        said = rng.choice(good if side else bad, 2)
        rows.append((f"{rng.choice(things)} {said[0]} and {said[1]}, take {number}", "good" if side else "bad"))
    return rows


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Rising and falling tones of differing length."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("clips")
    for number in range(80):
        name = ("rising", "falling")[number % 2]
        time = np.arange(int(rng.uniform(0.3, 1.4) * RATE)) / RATE
        sweep = rng.uniform(200, 400) * (1 if name == "rising" else -1) * time**2
        sound = 0.4 * np.sin(2 * np.pi * (rng.uniform(500, 900) * time + sweep)) + 0.01 * rng.normal(size=len(time))
        (folder / name).mkdir(exist_ok=True)
        soundfile.write(folder / name / f"{number}.wav", sound, RATE)
    return folder


@pytest.fixture(scope="module")
def text_run(texts, tmp_path_factory):
    table = tmp_path_factory.mktemp("texts") / "opinions.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("comment", "opinion"), *texts])
    out = table.parent / "run"
    return hs.fit(table, backbones=["all_minilm_l6_v2"], heads=["logistic"], out=out)


@pytest.fixture(scope="module")
def sound_run(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "tones"
    return hs.fit(clips, backbones=["whisper_tiny"], heads=["logistic"], out=out)


def headstart(*arguments):
    command = [sys.executable, "-m", "headstart", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("which", ["text_run", "sound_run"])
def test_a_run_says_what_it_read_and_shows_examples(which, request):
    run = request.getfixturevalue(which)
    page = (run.out / "report.html").read_text()
    assert run.result["guesses"][0]["value"] == {"text_run": "text", "sound_run": "audio"}[which]
    assert ('class="snippet"' if which == "text_run" else 'class="outline"') in page
    assert "nothing to show" not in page
    names = {row.name for row in run.leaderboard}
    assert any("@random" in name for name in names)
    classic = {"text_run": "word_ngrams / tfidf_linear", "sound_run": "audio_vector"}[which]
    assert any(classic in name for name in names)
    card = (run.out / "model_card.md").read_text()
    assert f"{run.result['guesses'][0]['value']}-classification" in card


def test_a_loaded_text_model_predicts_the_same_one_by_one(text_run, texts):
    examples = [text for text, _ in texts[:12]]
    model = hs.load(text_run.out)
    expected = model.predict_proba(examples)
    np.testing.assert_allclose(np.vstack([model.predict_proba([text]) for text in examples]), expected, atol=1e-5)
    found = model.predict_rows([examples[0], "  ", examples[1]])
    assert list(found.problems) == [1]
    assert found.labels[1] is None


@pytest.mark.parametrize("name", ["all_minilm_l6_v2", "whisper_tiny"])
def test_an_encoder_in_a_bundle_needs_no_package(name, texts, clips, tmp_path, monkeypatch):
    from headstart.backbones import registry, transformers_text, whisper
    from headstart.bundle.save import BundledEncoder, save_bundle
    from headstart.features.settings import EncoderSettings
    from headstart.heads.registry import make

    is_text = name == "all_minilm_l6_v2"
    examples = [text for text, _ in texts[:20]] if is_text else sorted(clips.glob("*/*.wav"))[:20]
    codes = np.arange(20) % 2
    features = hs.Encoder(name, runtime="openvino").transform(examples)
    head = make("logistic").fit(features, codes)
    encoder = BundledEncoder(registry.open_backbone(name), EncoderSettings(), "openvino", "fp32")
    about = {"modality": "text" if is_text else "audio"}
    save_bundle(
        tmp_path / "b", classes=("x", "y"), encoders=[encoder], head=head, calibration={"temperature": 1.0}, about=about
    )
    monkeypatch.setattr(transformers_text, "_embedded_folder", lambda: None)
    monkeypatch.setattr(whisper, "_embedded", lambda: None)
    np.testing.assert_allclose(hs.load(tmp_path / "b").predict_proba(examples), head.predict_proba(features), atol=1e-5)


def test_the_command_line_predicts_texts_documents_and_clips(text_run, sound_run, texts, clips, tmp_path):
    table, document = tmp_path / "new.csv", tmp_path / "note.txt"
    table.write_text('comment\n"this was excellent, truly"\n"it broke and made me angry"\n')
    document.write_text("made me happy, is excellent")
    done = headstart("predict", text_run.out, table, document.with_suffix(".md").name)
    assert done.returncode == 2
    document.rename(document.with_suffix(".md"))
    done = headstart("predict", text_run.out, table, document.with_suffix(".md"))
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[1] for line in done.stdout.splitlines()[1:]] == ["good", "bad", "good"]
    clip = next((clips / "rising").iterdir())
    done = headstart("predict", sound_run.out, clip, "--json")
    assert done.returncode == 0, done.stderr
    done = headstart("predict", sound_run.out, table)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_damaged_examples_are_set_aside_and_named(texts, clips, tmp_path):
    import shutil

    folder = tmp_path / "clips"
    shutil.copytree(clips, folder)
    (folder / "rising" / "torn.wav").write_bytes(b"RIFF\x00\x00")
    (folder / "rising" / "empty.wav").write_bytes(b"")
    run = hs.fit(folder, backbones=["whisper_tiny"], heads=["prototypes"], out=tmp_path / "sounds")
    assert set(run.result["unreadable"]) == {"rising/torn.wav", "rising/empty.wav"}
    rows, labels = [text for text, _ in texts], [label for _, label in texts]
    run = hs.fit(["", *rows], ["good", *labels], backbones=["glove_50d"], heads=["prototypes"], out=tmp_path / "t")
    assert set(run.result["unreadable"]) == {"row 1"}
    with pytest.raises(InputError, match="no readable file"):
        hs.fit([" "] * 4, ["a", "b"] * 2, modality="text", out=tmp_path / "none")
