"""``headstart fit`` against PyTorch's transfer-learning tutorial loop: its data (ants and bees), seconds and accuracy.

    python benchmarks/tutorial.py
    python benchmarks/tutorial.py --small

Both learn from the tutorial's training part and are scored on its 153 validation photographs, EfficientNet-Lite0, each
in a fresh process whose start counts. Ours reads those photographs once; the tutorial looks at them after every epoch
and reports the best. Ours also audits the files, fits baselines and writes the report in these seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from _sets import ROOT, SHARED_DATA, AbsentError, PictureSet, hymenoptera
from _sides import arguments, by_turns, headstart, middle, rounded, row, scratch, show, timed

BACKBONE, ARCHITECTURE = "efficientnet_lite0", "tf_efficientnet_lite0"
PEER = Path(__file__).parent / "peers" / "tutorial_loop.py"


def save_weights(path):
    """The backbone's weights in a file that the peer can read."""
    from safetensors.torch import save_file

    from headstart.backbones.registry import open_backbone

    save_file(open_backbone(BACKBONE).open().module.state_dict(), path)
    return path


def their_side(data, weights, epochs, seed):
    """Seconds of the peer's process, and its accuracies."""
    python = os.environ.get("HEADSTART_PEER_PYTHON") or sys.executable
    words = [str(data), "--weights", str(weights), "--architecture", ARCHITECTURE, "--epochs", str(epochs)]
    command = [python, str(PEER), *words, "--seed", str(seed)]
    seconds, done = timed(lambda: subprocess.run(command, capture_output=True, text=True))
    if done.returncode:
        sys.exit(f"The peer failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    reached = json.loads(done.stdout)["accuracy_by_epoch"]
    return {"seconds": seconds, "accuracy_last": reached[-1], "accuracy_best_epoch": max(reached)}


def our_side(manifest, folder, seed, *backbones):
    """Seconds of our process with an empty cache, and its accuracy on the same photographs."""
    out = folder / f"run-{len(backbones)}-{seed}"
    words = [word for name in backbones for word in ("--backbone", name)]
    words += ["--out", str(out), "--random-state", str(seed)]
    seconds, result = headstart("fit", str(manifest), *words, cache=folder / f"cache-{out.name}")
    figures = {"seconds": seconds, "accuracy": result["metrics"]["accuracy"], "model": result["handed_over"]}
    return figures | {"stages": result["cost"]["stages"]}


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=3)
    try:
        pictures = hymenoptera()
    except AbsentError as reason:
        show({"absent": {"hymenoptera": str(reason)}, "rows": []})
        return
    split = ["test" if part == "val" else part for part in pictures.split]
    pictures = PictureSet(pictures.name, pictures.paths, pictures.labels, split=split)
    epochs, data = 1 if args.small else 5, ROOT / SHARED_DATA / "images/hymenoptera"
    with scratch() as folder:
        manifest = pictures.write_manifest(folder / "manifest.csv")
        weights = save_weights(folder / "weights.safetensors")
        turns = {name: iter(range(args.rounds)) for name in ("ours", "ours_all_backbones", "peer")}
        sides = {
            "ours": lambda: our_side(manifest, folder, next(turns["ours"]), BACKBONE),
            "ours_all_backbones": lambda: our_side(manifest, folder, next(turns["ours_all_backbones"])),
            "peer": lambda: their_side(data, weights, epochs, next(turns["peer"])),
        }
        runs = by_turns(sides, args.rounds)
    show({"rounds": args.rounds, "epochs": epochs, "runs": runs, "rows": table(runs, epochs)})


def table(runs, epochs):
    """The lines of BENCHMARKS.md."""
    peer = {name: middle([run[name] for run in runs["peer"]]) for name in ("seconds", "accuracy_last")}
    shown = {"ours": "Lite0 only", "ours_all_backbones": "all embedded backbones"}
    lines = []
    for name, what in shown.items():
        seconds, accuracy = (middle([run[key] for run in runs[name]]) for key in ("seconds", "accuracy"))
        lines.append(
            row(
                f"whole fit, ants and bees, {what}, against the PyTorch tutorial's loop",
                f"{seconds:.3g} s, accuracy {accuracy:.3f}",
                f"{peer['seconds']:.3g} s, accuracy {peer['accuracy_last']:.3f} (frozen, {epochs} epochs)",
                "for information",
                ratio=rounded(peer["seconds"] / seconds),
            )
        )
    return lines


if __name__ == "__main__":
    main()
