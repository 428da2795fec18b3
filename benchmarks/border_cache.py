"""Tuning from the border cache, and a frozen head from the feature cache, against PyTorch loops without a cache.

    python benchmarks/border_cache.py
    python benchmarks/border_cache.py --small

Ants and bees, EfficientNet-Lite0, 20 epochs; every side in a fresh process whose start counts. The border cache is
empty when ours begins, and the feature cache once empty and once filled by an earlier process: both are told.

Last stage: both train the last stage, what follows it and a linear head on the same fixed random views of each
photograph (a view an epoch, three in turn), with AdamW, a cosine schedule, batches of 32, and are scored on the plain
validation photographs after the last epoch. The peer is a ``DataLoader`` with two workers and a model of which the
lower part needs no gradient and stays in evaluation mode.

Frozen head: ours takes the features from the cache, or encodes once where it is empty, solves for the head, and reads
the validation photographs once; the peer is the loop of PyTorch's tutorial with a frozen backbone, which looks at them
after every epoch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np

from _sets import AbsentError, hymenoptera
from _sides import arguments, by_turns, child_environment, middle, rounded, row, scratch, show, timed, told
from tutorial import ARCHITECTURE, BACKBONE, save_weights, their_side

FOLDER = Path(__file__).parent
BLOCK, EPOCHS, VIEWS, SIZE = "blocks.6", 20, 3, 32
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.01
SMALL_PER_CLASS = {"train": 8, "val": 4}


def part(pictures, name, *, is_small):
    """Paths and codes of one part; a few of each class for a quick look."""
    classes = sorted(set(pictures.labels))
    rows = [row for row, own in enumerate(pictures.split) if own == name]
    if is_small:
        rows = [
            row
            for label in classes
            for row in [row for row in rows if pictures.labels[row] == label][: SMALL_PER_CLASS[name]]
        ]
    return {"paths": [pictures.paths[row] for row in rows], "codes": [classes.index(pictures.labels[r]) for r in rows]}


def windows(paths, views):
    """For each photograph and view: the part of it that is taken, and whether it is mirrored."""
    from headstart.backbones.registry import get_card
    from headstart.data.image_file import open_image
    from headstart.data.modalities.modality import get_modality
    from headstart.features.pixels import View, _random_window, _window

    spec, digest = get_card(BACKBONE).input, get_modality("image").digest
    found = []
    for path in paths:
        size, own = open_image(path).size, digest(path)
        random = (_random_window(size, spec, View("crop_flip", 0, view), own) if view else None for view in views)
        found.append([window or (_window(size, spec), False) for window in random])
    return found


def write_job(folder, pictures, *, is_small):
    """All that both sides are told."""
    epochs, n_views = (2, 2) if is_small else (EPOCHS, VIEWS)
    train, valid = (part(pictures, name, is_small=is_small) for name in ("train", "val"))
    job = {
        "backbone": BACKBONE,
        "architecture": ARCHITECTURE,
        "weights": str(save_weights(folder / "weights.safetensors")),
        "block": BLOCK,
        "below": blocks_below(),
        "epochs": epochs,
        "n_views": n_views,
        "size": SIZE,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "n_classes": len(set(pictures.labels)),
        "train": train | {"windows": windows(train["paths"], range(1, n_views + 1))},
        "valid": valid | {"windows": windows(valid["paths"], [0])},
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path, job


def blocks_below():
    """Names of the blocks that stay frozen."""
    from headstart.backbones.registry import open_backbone

    names = list(open_backbone(BACKBONE).open().blocks)
    return names[: names.index(BLOCK)]


def write_folder(folder, job, pictures):
    """The photographs as the tutorial's loop wants them: train/CLASS/* and val/CLASS/*."""
    classes = sorted(set(pictures.labels))
    for name, where in (("train", "train"), ("valid", "val")):
        for path, code in zip(job[name]["paths"], job[name]["codes"], strict=True):
            place = folder / where / classes[code] / Path(path).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(Path(path).resolve())
    return folder


def child(script, *words, cache, python=sys.executable):
    """Seconds of a fresh process, and what it printed."""
    command = [python, str(FOLDER / script), *map(str, words)]
    run = {"env": child_environment(cache), "capture_output": True, "text": True}
    seconds, done = timed(lambda: subprocess.run(command, **run))
    if done.returncode:
        sys.exit(f"{script} failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return {"seconds": seconds, **json.loads(done.stdout)}


def measure(folder, pictures, args):
    """Every side in every round; seeds go up from round to round."""
    path, job = write_job(folder, pictures, is_small=args.small)
    data = write_folder(folder / "data", job, pictures)
    peer = os.environ.get("HEADSTART_PEER_PYTHON") or sys.executable
    turns = {name: iter(range(args.rounds)) for name in ("stage_ours", "stage_peer", "head_ours", "head_peer")}

    def stage():
        seed = next(turns["stage_ours"])
        return child("_border_side.py", "stage", path, "--seed", seed, cache=folder / f"cache-stage-{seed}")

    def heads():
        seed = next(turns["head_ours"])
        run = partial(child, "_border_side.py", "head", path, "--seed", seed, cache=folder / f"cache-head-{seed}")
        return {"first_seconds": run()["seconds"]} | run()

    def loop():
        words = (path, "--seed", next(turns["stage_peer"]))
        return child("peers/border_loop.py", *words, cache=folder / "none", python=peer)

    sides = {
        "stage_ours": stage,
        "stage_peer": loop,
        "head_ours": heads,
        "head_peer": lambda: their_side(data, job["weights"], job["epochs"], next(turns["head_peer"])),
    }
    return by_turns(sides, args.rounds), job


def accuracy_difference(runs, codes):
    """Ours less the peer's over the same photographs of all rounds, with its interval; photographs are drawn whole."""
    from headstart.evaluation.intervals import paired_difference

    n_rounds, n_classes = len(runs["stage_ours"]), max(codes) + 1
    sides = [
        np.eye(n_classes)[np.concatenate([run["predicted"] for run in runs[name]])]
        for name in ("stage_ours", "stage_peer")
    ]
    groups = np.tile([f"photograph {number}" for number in range(len(codes))], n_rounds)
    return paired_difference("accuracy", np.tile(codes, n_rounds), *sides, groups=groups)


def table(runs, job):
    """The lines of BENCHMARKS.md."""
    seconds = {name: middle([run["seconds"] for run in found]) for name, found in runs.items()}
    reached = {name: middle([run["accuracy"] for run in runs[name]]) for name in ("stage_ours", "stage_peer")}
    head = middle([run["accuracy"] for run in runs["head_ours"]])
    head_peer = middle([run["accuracy_last"] for run in runs["head_peer"]])
    difference = accuracy_difference(runs, np.array(job["valid"]["codes"]))
    stage, frozen = (rounded(seconds[f"{name}_peer"] / seconds[f"{name}_ours"]) for name in ("stage", "head"))
    first = middle([run["first_seconds"] for run in runs["head_ours"]])
    tutorial = f"{seconds['head_peer']:.3g} s, accuracy {head_peer:.3f}"
    plan, epochs = runs["stage_ours"][0]["plan"], job["epochs"]
    return [
        row(
            f"last-stage tuning from the border cache, ants and bees, {epochs} epochs, the same {job['n_views']} views",
            f"{seconds['stage_ours']:.3g} s, accuracy {reached['stage_ours']:.3f} ({told(difference)}); "
            f"told first: {plan}",
            f"{seconds['stage_peer']:.3g} s, accuracy {reached['stage_peer']:.3f} (lower part frozen)",
            "at least 4x, accuracy no worse",
            ratio=stage,
            is_met=stage >= 4 and difference.high >= 0,
        ),
        row(
            f"frozen head from the cache, ants and bees, against the PyTorch tutorial's loop, {epochs} epochs",
            f"{seconds['head_ours']:.3g} s, accuracy {head:.3f} (features kept by an earlier process)",
            tutorial,
            "at least 30x",
            ratio=frozen,
            is_met=frozen >= 30,
        ),
        row(
            f"the same with a cache that is empty at first, {epochs} epochs",
            f"{first:.3g} s, accuracy {head:.3f} (every photograph is encoded once)",
            tutorial,
            "for information",
            ratio=rounded(seconds["head_peer"] / first),
        ),
    ]


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=3)
    try:
        pictures = hymenoptera()
    except AbsentError as reason:
        show({"absent": {"hymenoptera": str(reason)}, "rows": []})
        return
    with scratch() as folder:
        runs, job = measure(folder, pictures, args)
    show({"rounds": args.rounds, "epochs": job["epochs"], "runs": runs, "rows": table(runs, job)})


if __name__ == "__main__":
    main()
