"""Clips of video: frames spread in time, and clips that are none."""

import numpy as np
import pytest

from headstart.data.audit import audit
from headstart.data.read import read
from headstart.data.video_file import UnreadableVideoError, open_frames, probe_video

av = pytest.importorskip("av", reason="PyAV is not installed")


def write_clip(path, pictures, rate=10, codec="mpeg4"):
    """(n, h, w, 3) uint8 pictures as a file."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def brightening(n, first=0, height=48, width=64):
    """Frame number k is grey of brightness ``first`` + 5 k."""
    return [np.full((height, width, 3), min(255, first + 5 * k), np.uint8) for k in range(n)]


@pytest.mark.parametrize("kind", ["mp4", "avi", "mkv", "mov"])
def test_frames_come_from_the_middles_of_equal_parts(tmp_path, kind):
    path = write_clip(tmp_path / f"a.{kind}", brightening(40))
    frames = open_frames(path, n_frames=4)
    found = [float(np.asarray(frame).mean()) for frame in frames]
    np.testing.assert_allclose(found, [5 * k for k in (5, 15, 25, 35)], atol=6)
    assert {frame.mode for frame in frames} == {"RGB"}
    assert frames[0].size == (64, 48)
    facts = probe_video(path)
    assert facts.seconds == pytest.approx(4.0, abs=0.2)
    assert (facts.width, facts.height) == (64, 48)
    assert facts.rate == pytest.approx(10)


def test_a_long_clip_is_jumped_through(tmp_path):
    pictures = [np.full((32, 32, 3), k // 8, np.uint8) for k in range(1600)]
    path = write_clip(tmp_path / "long.mp4", pictures, rate=20)
    found = [float(np.asarray(frame).mean()) for frame in open_frames(path, n_frames=4)]
    np.testing.assert_allclose(found, [25, 75, 125, 175], atol=6)


def test_a_clip_of_one_frame_gives_it_as_often_as_wanted(tmp_path):
    path = write_clip(tmp_path / "one.mp4", brightening(1, first=100))
    frames = open_frames(path.read_bytes(), n_frames=3)
    assert len(frames) == 3
    assert abs(float(np.asarray(frames[2]).mean()) - 100) < 6


@pytest.mark.parametrize(("n", "shown"), [(3, [0, 0, 0, 1, 1, 2, 2, 2]), (8, range(8)), (16, range(1, 16, 2))])
def test_a_short_clip_gives_the_frames_shown_at_each_time(tmp_path, n, shown):
    path = write_clip(tmp_path / "short.mp4", [np.full((48, 64, 3), 12 * k, np.uint8) for k in range(n)])
    found = [float(np.asarray(frame).mean()) for frame in open_frames(path, n_frames=8)]
    np.testing.assert_allclose(found, [12 * k for k in shown], atol=5)


def test_clips_that_are_none(tmp_path):
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = write_clip(tmp_path / "whole.mp4", brightening(20)).read_bytes()
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video at all, only words " * 20)
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    reasons = {"sound": "holds no video", "empty": "is empty", "text": "damaged or no video", "cut": "damaged|no frame"}
    for name, reason in reasons.items():
        with pytest.raises(UnreadableVideoError, match=reason):
            open_frames(tmp_path / f"{name}.mp4", n_frames=2)
    with pytest.raises(UnreadableVideoError, match="does not exist"):
        open_frames(tmp_path / "nothing.mp4", n_frames=2)


def test_a_folder_of_clips_is_read_and_audited(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(4):
        folder = tmp_path / ("calm", "wild")[number % 2]
        folder.mkdir(exist_ok=True)
        noise = rng.integers(0, 256, (6, 12, 16, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
        write_clip(folder / f"{number}.mp4", list(noise))
        if number == 0:
            write_clip(folder / "copy.avi", list(noise))
    (tmp_path / "calm" / "broken.mp4").write_bytes(b"x" * 100)
    found = read(tmp_path)
    assert found.dataset.modality == "video"
    assert found.dataset.classes == ("calm", "wild")
    seen = audit(found.dataset)
    names = dict(zip(found.dataset.ids, range(len(found.dataset)), strict=True))
    assert not seen.readable[names["calm/broken.mp4"]]
    assert seen.near_group[names["calm/0.mp4"]] == seen.near_group[names["calm/copy.avi"]]
    assert len(set(seen.near_group)) == 5
    assert any(finding.kind == "sizes" for finding in seen.findings())
