"""Clips of video go the same road: fit, report, load, predict; features are the mean of the frames'."""

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
