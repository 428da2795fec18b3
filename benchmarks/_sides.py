"""Two sides of one figure, measured by turns; child processes; the cache that belongs to one benchmark alone."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from _sets import ROOT


def arguments(description: str, *, rounds: int, small_rounds: int = 1) -> argparse.Namespace:
    """``--small`` and ``--rounds``, the same for every script."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a quick look: its figures prove nothing")
    parser.add_argument("--rounds", type=int, help="times that each side is measured")
    args = parser.parse_args()
    args.rounds = args.rounds or (small_rounds if args.small else rounds)
    return args


@contextmanager
def scratch():
    """A temporary folder with an empty feature cache of its own, which HEADSTART_CACHE names meanwhile."""
    with tempfile.TemporaryDirectory(prefix="headstart-bench-") as name:
        before = os.environ.get("HEADSTART_CACHE")
        os.environ["HEADSTART_CACHE"] = str(Path(name) / "cache")
        try:
            yield Path(name)
        finally:
            os.environ.pop("HEADSTART_CACHE")
            if before is not None:
                os.environ["HEADSTART_CACHE"] = before


def by_turns(sides: dict, rounds: int) -> dict[str, list]:
    """What each side returned in every round; the order is turned round from one round to the next."""
    returned = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            returned[name].append(sides[name]())
    return returned


def timed(work) -> tuple[float, object]:
    """Seconds that ``work()`` took, and what it returned."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def middle(values) -> float:
    """The median, rounded to four digits."""
    return rounded(median(values))


def rounded(value: float, digits: int = 4) -> float:
    """``value`` to so many significant digits."""
    return float(f"{value:.{digits}g}")


def child_environment(cache: Path) -> dict[str, str]:
    """The environment of a child process with a cache of its own, offline."""
    return os.environ | {"HEADSTART_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}


def headstart(*words: str, cache: Path) -> tuple[float, dict]:
    """Seconds and JSON of a headstart command in a fresh process."""
    command = [sys.executable, "-m", "headstart", *words, "--json"]

    def run():
        return subprocess.run(command, env=child_environment(cache), cwd=ROOT, capture_output=True, text=True)

    seconds, done = timed(run)
    if done.returncode:
        sys.exit(f"headstart {words[0]} failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    return seconds, json.loads(done.stdout)


def row(
    what: str, ours: str, peer: str, target: str, *, ratio: float | None = None, is_met: bool | None = None
) -> dict:
    """A line of BENCHMARKS.md."""
    return {
        "what": what,
        "ours": ours,
        "peer": peer,
        "ratio": None if ratio is None else rounded(ratio, 3),
        "target": target,
        "met": is_met,
    }


def told(difference) -> str:
    """A paired difference with its interval, for people."""
    return f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"


def show(result: dict) -> None:
    """Print the one JSON object of a script."""
    print(json.dumps(result, indent=1, ensure_ascii=False))
