"""Peak anonymous memory of encoding 2,000 and 50,000 distinct images: mapped pages are not counted.

    python benchmarks/memory.py
    python benchmarks/memory.py --small

A parent reads RssAnon of /proc/PID/status every 20 ms. The files, 64 px PNG and JPEG by turns, are made on the fly.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from _sides import by_turns, child_environment, middle, rounded, row, scratch, show

SIDE = 64
EVERY_SECONDS = 0.02
TARGET_SHARE, TARGET_BYTES = 1.10, 2e9
CHILD = "--encode"


def make_images(folder, n):
    """``n`` distinct small pictures: coarse noise with a number of its own in the seed."""
    from PIL import Image

    folder.mkdir()
    for number in range(n):
        coarse = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        image.save(folder / f"{number:06}.{'jpg' if number % 2 else 'png'}")
    return folder


def encode(folder):
    """The child: encode every file of the folder once, cache on."""
    import headstart as hs

    paths = sorted(str(path) for path in Path(folder).iterdir())
    encoded = hs.Encoder("efficientnet_lite0", resolution=SIDE).encode(paths)
    print(json.dumps({"rows": len(encoded.features), "computed": encoded.n_computed, "finite": _is_finite(encoded)}))


def _is_finite(encoded):
    blocks = range(0, len(encoded.features), 1000)
    return all(bool(np.isfinite(encoded.features[begin : begin + 1000]).all()) for begin in blocks)


def peak(folder, cache):
    """Largest RssAnon in bytes of a child that encodes ``folder``, what it said, and its seconds."""
    command = [sys.executable, __file__, CHILD, str(folder)]
    started = time.perf_counter()
    child = subprocess.Popen(command, env=child_environment(cache), stdout=subprocess.PIPE, text=True)
    most, samples = 0, 0
    while child.poll() is None:
        most, samples = max(most, _anonymous_bytes(child.pid)), samples + 1
        time.sleep(EVERY_SECONDS)
    if child.returncode:
        sys.exit(f"memory needs a child that encodes, got exit code {child.returncode}.")
    told = json.loads(child.stdout.read())
    return told | {"peak_bytes": most, "samples": samples, "seconds": time.perf_counter() - started}


def _anonymous_bytes(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def measure(sizes, rounds):
    """Number of images -> its runs, by turns, each with an empty cache."""
    with scratch() as folder:
        made = {n: make_images(folder / f"images-{n}", n) for n in sizes}
        turn = iter(range(10_000))
        sides = {n: lambda images=images: peak(images, folder / f"cache-{next(turn)}") for n, images in made.items()}
        return by_turns(sides, rounds)


def main():
    """Measure and print."""
    from _sides import arguments

    args = arguments(__doc__, rounds=3)
    few, many = (300, 3_000) if args.small else (2_000, 50_000)
    runs = measure((few, many), args.rounds)
    bytes_few, bytes_many = (middle([run["peak_bytes"] for run in runs[n]]) for n in (few, many))
    ratio = bytes_many / bytes_few
    line = row(
        f"peak anonymous memory of encoding {many:,} distinct images, against {few:,}",
        f"{bytes_many / 1e6:.0f} MB ({many:,})",
        f"{bytes_few / 1e6:.0f} MB ({few:,})",
        "equal within 10 %, under 2 GB",
        ratio=ratio,
        is_met=ratio <= TARGET_SHARE and bytes_many < TARGET_BYTES,
    )
    last = {str(n): runs[n][-1] | {"seconds": rounded(runs[n][-1]["seconds"])} for n in runs}
    peaks = {str(n): [run["peak_bytes"] for run in runs[n]] for n in runs}
    show({"rounds": args.rounds, "peaks_bytes": peaks, "last": last, "ratio": rounded(ratio), "rows": [line]})


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        encode(sys.argv[2])
    else:
        main()
