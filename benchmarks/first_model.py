"""Seconds until a usable model lies on the disk: 2,000 photographs, empty cache, a fresh process.

    python benchmarks/first_model.py
    python benchmarks/first_model.py --small

The bundle is watched from outside; when it is there it is loaded and scored on the photographs that were left out.
"""

from __future__ import annotations

import subprocess
import sys
import time

from _sets import ROOT, PictureSet, demo
from _sides import arguments, child_environment, middle, rounded, row, scratch, show

TARGET_SECONDS = 30
LONGEST_SECONDS = 900


def until_model(manifest, out, cache):
    """Seconds from the start of the process until the bundle's manifest is there, and the model loaded from it."""
    import headstart as hs

    command = [sys.executable, "-m", "headstart", "fit", str(manifest), "--out", str(out), "--json"]
    started = time.perf_counter()
    child = subprocess.Popen(command, env=child_environment(cache), cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while not (out / "bundle" / "manifest.json").exists():
            if child.poll() is not None or time.perf_counter() - started > LONGEST_SECONDS:
                sys.exit(f"first_model needs a bundle, got none (exit code {child.returncode}).")
            time.sleep(0.02)
        return time.perf_counter() - started, hs.load(out / "bundle")
    finally:
        child.terminate()
        child.wait()


def macro_f1(model, pictures):
    """Of the first model, on pictures that it has not seen."""
    from sklearn.metrics import f1_score

    return float(f1_score(pictures.labels, model.predict(pictures.paths), average="macro"))


def parts(pictures, n):
    """``n`` to learn from, and the rest."""
    chosen = pictures.take(n)
    taken = set(chosen.paths)
    rest = [i for i, path in enumerate(pictures.paths) if path not in taken]
    return chosen, PictureSet("rest", [pictures.paths[i] for i in rest], [pictures.labels[i] for i in rest])


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=3)
    chosen, rest = parts(demo().take(300 if args.small else 10_000), 200 if args.small else 2_000)
    with scratch() as folder:
        manifest = chosen.write_manifest(folder / "manifest.csv")
        seconds = []
        for number in range(args.rounds):
            took, model = until_model(manifest, folder / f"run-{number}", folder / f"cache-{number}")
            seconds.append(took)
        found = {"photographs": len(chosen.paths), "rounds": args.rounds, "seconds": middle(seconds)}
        found |= {"macro_f1_of_first_model": rounded(macro_f1(model, rest)), "model": model.about["model"]}
    line = row(
        f"first usable model on disk, {len(chosen.paths):,} photographs, cold",
        f"{found['seconds']:.3g} s (macro-F1 {found['macro_f1_of_first_model']:.3f} on {len(rest.paths)} others)",
        "none",
        f"{TARGET_SECONDS} s",
        is_met=found["seconds"] <= TARGET_SECONDS,
    )
    show(found | {"rows": [line]})


if __name__ == "__main__":
    main()
