"""Fine-tuning killed at ten random moments and begun again: are the final weights those of the undisturbed run?

    python benchmarks/exact_resume.py
    python benchmarks/exact_resume.py --small

A child tunes the two-convolution network with mixing, views and a moving average of the weights on drawn pictures.
"""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from _sides import arguments, child_environment, row, scratch, show

CHILD = "--tune"
SIDE, N, EPOCHS = 32, 96, 30


def tune(folder):
    """The child: tune, write the digest of all weights."""
    import torch

    from headstart import FineTune

    torch.set_num_threads(1)
    draw = np.random.default_rng(0)
    y = np.arange(N) % 3
    X = [draw.integers(0, 150, (SIDE, SIDE, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[8:20, 8:20, code] += 60
    print("ready", flush=True)
    model = FineTune(
        "two_convolutions",
        trainable="full",
        augmentation="crop_flip",
        ema_decay=0.9,
        epochs=EPOCHS,
        patience=None,
        head_first=False,
        cache=False,
        device="cpu",
        checkpoint=Path(folder) / "checkpoint",
    ).fit(X, y)
    _, arrays = model.to_state()
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    (Path(folder) / "digest").write_text(digest.hexdigest())


def run(folder, kills, moments, longest):
    """The digest of the final weights, and how often the child was killed on the way."""
    folder.mkdir()
    n_killed = 0
    while not (folder / "digest").exists():
        command = [sys.executable, __file__, CHILD, str(folder)]
        child = subprocess.Popen(command, env=child_environment(folder), stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        if n_killed < kills:
            time.sleep(moments.uniform(0.05, longest))
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                n_killed += 1
        child.wait()
        child.stdout.close()
    return (folder / "digest").read_text(), n_killed


def main():
    args = arguments(__doc__, rounds=1)
    kills = 2 if args.small else 10
    with scratch() as folder:
        started = time.perf_counter()
        calm, _ = run(folder / "calm", 0, None, 0.0)
        longest = max(0.2, (time.perf_counter() - started) / 4)
        killed, n_killed = run(folder / "killed", kills, random.Random(0), longest)
    is_same = calm == killed
    line = row(
        f"fine-tuning killed at {n_killed} random moments: the final weights",
        f"{'identical' if is_same else 'different'} (sha256 {killed[:12]})",
        f"sha256 {calm[:12]} (undisturbed)",
        "identical",
        is_met=is_same and n_killed == kills,
    )
    show({"n_killed": n_killed, "digests": {"calm": calm, "killed": killed}, "rows": [line]})


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        tune(sys.argv[2])
    else:
        main()
