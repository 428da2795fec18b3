"""``headstart fit`` on the demo with an empty cache, then again with a warm one and another output folder.

python benchmarks/warm_cache.py
python benchmarks/warm_cache.py --small
"""

from __future__ import annotations

from _sets import demo, demo_manifest
from _sides import arguments, headstart, middle, row, scratch, show


def measure(manifest, out, cache):
    """One fresh process: seconds of all of it, of encoding, and the score."""
    seconds, result = headstart("fit", str(manifest), "--out", str(out), cache=cache)
    stages = result["cost"]["stages"]
    encoding = sum(took for name, took in stages.items() if name.startswith("encoding with"))
    return {
        "seconds": seconds,
        "encoding_seconds": encoding,
        "macro_f1": result["metrics"]["macro_f1"],
        "stages": stages,
    }


def pair(folder, manifest, number):
    """Cold, then warm: a cache can be warm only after."""
    cache = folder / f"cache-{number}"
    cold = measure(manifest, folder / f"cold-{number}", cache)
    return cold, measure(manifest, folder / f"warm-{number}", cache)


def medians(sides):
    """The median of every figure."""
    return {name: middle([side[name] for side in sides]) for name in ("seconds", "encoding_seconds", "macro_f1")}


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=3)
    with scratch() as folder:
        manifest = folder / "demo.csv"
        demo().take(100).write_manifest(manifest) if args.small else demo_manifest(manifest)
        n = len(manifest.read_text().splitlines()) - 1
        pairs = [pair(folder, manifest, number) for number in range(args.rounds)]
    cold, warm = (medians(sides) for sides in zip(*pairs, strict=True))
    ratio = cold["encoding_seconds"] / warm["encoding_seconds"]
    is_same = all(a["macro_f1"] == b["macro_f1"] for a, b in pairs)
    lines = [
        row(
            "fit again with a warm cache: the encoding part",
            f"{warm['encoding_seconds']:.3g} s warm (same score: {is_same})",
            f"{cold['encoding_seconds']:.3g} s cold",
            "at least 100x",
            ratio=ratio,
            is_met=ratio >= 100,
        ),
        row(
            f"fit again with a warm cache: the whole run on {n:,} photographs of the demo, default heads",
            f"{warm['seconds']:.3g} s",
            f"{cold['seconds']:.3g} s cold",
            "under 30 s",
            ratio=cold["seconds"] / warm["seconds"],
            is_met=warm["seconds"] < 30,
        ),
    ]
    stages = {"cold": pairs[-1][0]["stages"], "warm": pairs[-1][1]["stages"]}
    show({"rounds": args.rounds, "cold": cold, "warm": warm, "is_same_score": is_same, "stages": stages, "rows": lines})


if __name__ == "__main__":
    main()
