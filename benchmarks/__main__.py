"""Run every benchmark and write BENCHMARKS.md.

    python -m benchmarks                    # everything: a night on two cores, most of it fine_tuning
    python -m benchmarks --only encode_images --only memory
    python -m benchmarks --table            # only write BENCHMARKS.md anew from the saved results
    python -m benchmarks --small            # a quick look; BENCHMARKS.md stays as it is

Results are kept in benchmarks/out, one JSON file a script.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
OUT = FOLDER / "out"
PAGE = FOLDER.parent / "BENCHMARKS.md"
PACKAGES = ("headstart", "torch", "timm", "torchvision", "openvino", "onnxruntime", "scikit-learn", "numpy", "pillow")
SMALL_WORDS = {"logistic_path": ["--scale", "0.1"]}
HEADER = """# Benchmarks

Every figure comes from `make bench` (`python -m benchmarks`): one script a row or group of rows, both sides measured in
one run, by turns, medians, accuracy beside speed. Intervals are 95 %. "Ratio" is ours to the peer's, larger is better
(for memory: 1 is best).

"""


def scripts() -> list[str]:
    """Names of the benchmark scripts beside this file."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.name.startswith("_"))


def run(name: str, *, is_small: bool) -> bool:
    """Run one script and keep its result; False where it failed."""
    extra = SMALL_WORDS.get(name, ["--small"]) if is_small else []
    started = time.perf_counter()
    print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
    done = subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *extra], stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    print(f"{'failed' if done.returncode else 'done'}, {seconds:.0f} s", file=sys.stderr)
    if done.returncode:
        return False
    kept = {
        "command": " ".join(["python", f"benchmarks/{name}.py", *extra]),
        "finished": datetime.now(UTC).isoformat(timespec="minutes"),
        "seconds": round(seconds, 1),
        "machine": machine(),
        "versions": versions(),
        "result": last_object(done.stdout),
    }
    _write(_kept_path(name, is_small=is_small), json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return True


def last_object(text: str) -> dict:
    """The last of the JSON objects that ``text`` consists of: a script may print a part beforehand."""
    decoder, found = json.JSONDecoder(), {}
    text = text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        text = text[end:].lstrip()
    return found


def machine() -> str:
    """Processor, cores, memory and system."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{cpu}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"


def versions() -> dict[str, str]:
    """Version of Python and of every package that matters."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def rows_of(name: str, result: dict) -> list[dict]:
    """The lines of one script's result."""
    return logistic_rows(result) if name == "logistic_path" else result["rows"]


def logistic_rows(result: dict) -> list[dict]:
    """The line of the logistic path, which prints figures only."""
    ours, theirs, gap = result["ours"], result["theirs"], result.get("objective_gap")
    differences = result["differences"] if "differences" in result else {}
    is_as_good = bool(differences) and all(high >= 0 for _, _, high in differences.values())  # a tie is a tie
    paired = "; ".join(f"{name} {d:+.4f} [{low:+.4f}, {high:+.4f}]" for name, (d, low, high) in differences.items())
    size = f"{result['rows']:,} x {result['dim']:,}, {result['classes']} classes"
    told = "" if gap is None else f", objectives within {gap:.1e}"
    return [
        {
            "what": f"logistic path with cross-validation, {size}",
            "ours": f"{result['our_seconds']:.3g} s; {_judged(ours)}{told}; {paired}",
            "peer": f"{result['their_seconds']:.3g} s; {_judged(theirs)} (LogisticRegressionCV)",
            "ratio": float(f"{result['ratio']:.3g}"),
            "target": "at least 10x, objectives within 1e-4, accuracy and log-loss no worse",
            "met": result["ratio"] >= 10 and (gap is None or gap <= 1e-4) and is_as_good,
        }
    ]


def _judged(side: dict) -> str:
    return f"accuracy {side['accuracy']:.4f}, log-loss {side['log_loss']:.4f}"


def page(*, is_small: bool) -> str:
    """BENCHMARKS.md from the saved results."""
    kept = {
        name: json.loads(path.read_text())
        for name in scripts()
        if (path := _kept_path(name, is_small=is_small)).exists()
    }
    cells = [["what", "ours", "the peer's", "ratio", "target", "met", "command"]]
    for name, entry in kept.items():
        cells += [_cells(line, entry["command"]) for line in rows_of(name, entry["result"])]
    lines = ["| " + " | ".join(line) + " |" for line in cells]
    lines.insert(1, "|" + "---|" * len(cells[0]))
    return HEADER + "\n".join([*lines, "", *_absent(kept), "## Machine and versions", "", *_facts(kept)]) + "\n"


def _cells(line: dict, command: str) -> list[str]:
    met = {True: "yes", False: "**no**", None: "-"}[line["met"]]
    ratio = "-" if line["ratio"] is None else f"{line['ratio']:.3g}"
    cells = [line["what"], line["ours"], line["peer"], ratio, line["target"], met, f"`{command}`"]
    return [cell.replace("|", "\\|") for cell in cells]


def _absent(kept: dict) -> list[str]:
    reasons = {
        f"{name}: {reason}" for entry in kept.values() for name, reason in entry["result"].get("absent", {}).items()
    }
    reasons |= {f"{name}.py: no result saved" for name in scripts() if name not in kept}
    return ["Not measured: " + "; ".join(sorted(reasons)) + ".", ""] if reasons else []


def _facts(kept: dict) -> list[str]:
    """One line for each machine and set of versions: results may have been saved at different times."""
    told: dict[str, list[str]] = {}
    for name, entry in kept.items():
        packages = ", ".join(f"{package} {version}" for package, version in entry["versions"].items())
        told.setdefault(f"{entry['machine']}; {packages}", []).append(
            f"{name} ({entry['finished']}, {entry['seconds']:.0f} s)"
        )
    return [f"- {facts}: {', '.join(names)}" for facts, names in told.items()]


def _kept_path(name: str, *, is_small: bool) -> Path:
    return (OUT / "small" if is_small else OUT) / f"{name}.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".tmp")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def main() -> None:
    """Run what was asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="only write BENCHMARKS.md anew from the saved results")
    parser.add_argument("--small", action="store_true", help="small sizes; print the table and leave BENCHMARKS.md")
    parser.add_argument("--only", action="append", choices=scripts(), help="one script; repeat for more")
    args = parser.parse_args()
    failed = [] if args.table else [name for name in args.only or scripts() if not run(name, is_small=args.small)]
    text = page(is_small=args.small)
    if args.small:
        print(text)
    else:
        _write(PAGE, text)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
