"""Clips of video go the same road: fit, report, load, predict; features are the frames' mean, or all in order."""

import json
import subprocess
import sys

import numpy as np
import pytest

import headstart as hs
from headstart.data.video_file import open_frames

av = pytest.importorskip("av", reason="PyAV is not installed")


def write_clip(path, pictures):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Stripes that wander, and blobs that grow."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("clips")
    y, x = np.mgrid[:64, :80]
    for number in range(64):
        name = ("blobs", "stripes")[number % 2]
        pictures = []
        place, pace = rng.uniform(20, 44, 2), rng.uniform(0.2, 0.6)
        for frame in range(12):
            wave = np.sin(pace * (x + 2 * frame)) if name == "stripes" else np.exp(
                -((x - place[0]) ** 2 + (y - place[1]) ** 2) / (40 + 20 * frame)
            )  # fmt: skip
            picture = 110 + 70 * wave[..., None] + rng.normal(0, 25, (64, 80, 3))
            pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
        (folder / name).mkdir(exist_ok=True)
        write_clip(folder / name / f"{number}.mp4", pictures)
    return folder


def test_features_are_the_mean_of_the_frames(clips):
    files = sorted(clips.glob("*/*.mp4"))[:3]
    found = hs.Encoder("frames/efficientnet_lite0", runtime="openvino", cache=False).transform(files)
    pictures = hs.Encoder("efficientnet_lite0", runtime="openvino", cache=False)
    for row, path in zip(found, files, strict=True):
        frames = [np.asarray(frame) for frame in open_frames(path, n_frames=8)]
        np.testing.assert_allclose(row, pictures.transform(frames).mean(axis=0), atol=1e-5)


def test_features_in_order_are_those_of_the_frames_and_share_their_cache(clips, tmp_path):
    files = sorted(clips.glob("*/*.mp4"))[:5]
    settings = {"runtime": "torch", "cache": tmp_path}
    in_order = hs.Encoder("frames_in_order/efficientnet_lite0", **settings).encode(files)
    assert in_order.features.shape == (5, 8 * 1280)
    assert in_order.n_computed == 5
    pictures = hs.Encoder("efficientnet_lite0", runtime="torch", cache=False)
    for row, path in zip(in_order.features[:2], files, strict=False):
        frames = [np.asarray(frame) for frame in open_frames(path, n_frames=8)]
        np.testing.assert_allclose(row.reshape(8, 1280), pictures.transform(frames), atol=1e-5)
    mean = hs.Encoder("frames/efficientnet_lite0", **settings).encode(files)
    assert mean.n_computed == 0
    np.testing.assert_allclose(mean.features, in_order.features.reshape(5, 8, 1280).mean(axis=1), atol=1e-6)
    layer = hs.Encoder("frames_in_order/efficientnet_lite0", layer="blocks.1", **settings).transform(files[:2])
    of_frames = hs.Encoder("frames/efficientnet_lite0", layer="blocks.1", **settings).transform(files[:2])
    np.testing.assert_allclose(layer.reshape(2, 8, -1).mean(axis=1), of_frames, atol=1e-6)
    colours = hs.Encoder("frames_in_order/colour_histogram", cache=False).transform(files[:2])
    mean_colours = hs.Encoder("frames/colour_histogram", cache=False).transform(files[:2])
    np.testing.assert_allclose(colours.reshape(2, 8, -1).mean(axis=1), mean_colours, atol=1e-6)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_clips_of_few_frames_give_some_of_them_more_than_once(n_frames, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (n_frames, 64, 80, 3), dtype=np.uint8)
    write_clip(tmp_path / "short.mp4", list(pictures))
    encoder = hs.Encoder("frames_in_order/efficientnet_lite0", runtime="torch", cache=False)
    row = encoder.transform([tmp_path / "short.mp4"]).reshape(8, 1280)
    shown = {1: [0] * 8, 3: [0, 0, 0, 1, 1, 2, 2, 2]}[n_frames]
    apart = np.abs(row[:, None] - row[None]).max(axis=2)  # (8, 8)
    np.testing.assert_array_equal(apart < 1e-4, np.equal.outer(shown, shown))


@pytest.fixture(scope="module")
def turns(tmp_path_factory):
    """A warm scene turns into a cold one, or back: only the order of the frames tells which."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("turns")
    scenes = rng.integers(40, 216, (2, 8, 10, 3)).repeat(8, axis=1).repeat(8, axis=2)
    for number in range(48):
        name = ("back", "there")[number % 2]
        share = np.linspace(0, 1, 12) if name == "there" else np.linspace(1, 0, 12)
        shift = rng.normal(0, 30, 3)
        pictures = [
            np.clip((1 - s) * scenes[0] + s * scenes[1] + shift + rng.normal(0, 15, (64, 80, 3)), 0, 255)
            for s in share
        ]  # fmt: skip
        (folder / name).mkdir(exist_ok=True)
        write_clip(folder / name / f"{number}.mp4", [picture.astype(np.uint8) for picture in pictures])
    return folder


@pytest.mark.slow
def test_a_run_whose_classes_differ_in_order_takes_the_head_that_sees_it(turns, tmp_path):
    out = tmp_path / "run"
    names = ["frames/efficientnet_lite0", "frames_in_order/efficientnet_lite0"]
    run = hs.fit(turns, backbones=names, out=out)
    rows = {(row.backbone, row.head): row for row in run.leaderboard}
    handed_over = next(row for row in rows.values() if row.is_handed_over)  # such scenes need no pretraining
    assert handed_over.head == "temporal"
    assert handed_over.test.value > 0.9
    assert rows[names[1], "temporal"].test.value > 0.9
    assert (names[1], "attention_pooling") in rows
    assert (f"{names[1]}@random", "temporal") in rows
    assert max(row.cv.value for (backbone, _), row in rows.items() if backbone == names[0]) < 0.75
    files = sorted(turns.glob("*/*.mp4"))
    model = hs.load(out)
    np.testing.assert_allclose(model.predict_proba(files[:6]), run.predict_proba(files[:6]), atol=1e-6)
    features = hs.Encoder(handed_over.backbone, cache=False, runtime=model.encoders[0]._runtime_name).transform(
        files[:6]
    )
    np.testing.assert_allclose(model.encoders[0].encode(files[:6])[0], features, atol=1e-5)
    done = subprocess.run(
        [sys.executable, "-m", "headstart", "predict", str(out), str(files[0]), str(files[-1]), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.dumps(json.loads(done.stdout))
    assert said.index("back") < said.index("there")


def test_a_run_from_clips_to_predictions(clips, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"x" * 50)
    run = hs.fit(clips, backbones=["frames/efficientnet_lite0"], heads=["logistic"], out=tmp_path / "run")
    assert run.result["guesses"][0]["value"] == "video"
    names = {row.name for row in run.leaderboard}
    assert any("@random" in name for name in names)
    assert any("frames/colour_histogram" in name for name in names)
    assert "data:image/jpeg" in (run.out / "report.html").read_text()
    files = sorted(clips.glob("*/*.mp4"))[:6]
    model = hs.load(run.out)
    np.testing.assert_allclose(model.predict_proba(files), run.predict_proba(files), atol=1e-6)
    found = model.predict_rows([files[0], tmp_path / "broken.mp4", files[1]])
    assert list(found.problems) == [1]
    assert np.isfinite(found.proba[[0, 2]]).all()
