"""From one domain to another, on public data sets by path: vendors of emoji, speakers, hospitals, kinds of text.

    python examples/across_domains.py emoji FOLDER --target twitter
    python examples/across_domains.py speakers FOLDER --target theo
    python examples/across_domains.py hospitals FOLDER --target va
    python examples/across_domains.py opinions FILE --target editorials

Each is first fitted without a label of the target (they are read once, at the end, to judge), then learning from them.

emoji: ``manifest.csv`` with columns path, label, domain and emoji, as drawn from npm's emoji-datasource-google and
-twitter; an emoji is in the source or in the target, never in both. speakers: ``manifest.csv`` with path, label, domain
of the Free Spoken Digit Dataset. hospitals: a table for each, as UCI's heart disease. opinions: a table with text,
label and domain.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from packaged import headstart

OUT = Path("runs/across-domains")
EVERY = 6
"""One row in so many is taken for a quick look."""

Lines = list[dict[str, str]]


@dataclass(frozen=True)
class Domains:
    """A data set of several domains.

    Args:
        read: from its place and the target's name to lines with label and domain.
        target: the domain that is one unless another is named.
        options: of ``headstart fit``.
    """

    read: Callable[[Path, str], Lines]
    target: str
    options: tuple[str, ...] = ()


def emoji(folder: Path, target: str) -> Lines:
    """Half of the emoji as the target draws them, the others as all other vendors do."""
    lines = [line for line in table(folder / "manifest.csv") if (line["domain"] == target) == is_in_half(line["emoji"])]
    kept = ("label", "domain", "emoji")
    return [{"path": str((folder / line["path"]).resolve())} | {name: line[name] for name in kept} for line in lines]


def is_in_half(name: str) -> bool:
    """True for half of all names, always the same."""
    return sha256(name.encode()).digest()[0] % 2 == 0


def speakers(folder: Path, target: str) -> Lines:
    """Recordings of digits."""
    lines, kept = table(folder / "manifest.csv"), ("label", "domain")
    return [{"path": str((folder / line["path"]).resolve())} | {name: line[name] for name in kept} for line in lines]


def hospitals(folder: Path, target: str) -> Lines:
    """Patients; a table for each hospital."""
    return [line | {"domain": path.stem} for path in sorted(folder.glob("*.csv")) for line in table(path)]


def opinions(file: Path, target: str) -> Lines:
    """Texts and what they say of something."""
    return [{name: line[name] for name in ("text", "label", "domain")} for line in table(file) if line["text"].strip()]


SETS = {
    "emoji": Domains(emoji, "twitter", ("--group", "emoji")),
    "speakers": Domains(speakers, "theo"),
    "hospitals": Domains(hospitals, "va", ("--label", "disease")),
    "opinions": Domains(opinions, "editorials", ("--backbone", "all_minilm_l6_v2")),
}


def table(path: Path) -> Lines:
    """The lines of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Write the table and fit twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("place", type=Path, help="the folder or file of the data set")
    parser.add_argument("--target", help="the domain to be told; the others are the source")
    parser.add_argument("--small", action="store_true", help="a quick look at fewer rows")
    args = parser.parse_args()
    found = SETS[args.name]
    target = args.target or found.target
    lines = found.read(args.place, target)[:: EVERY if args.small else 1]
    if target not in {line["domain"] for line in lines}:
        parser.error(f"no domain {target!r}; there are {', '.join(sorted({line['domain'] for line in lines}))}")
    OUT.mkdir(parents=True, exist_ok=True)
    manifest = OUT / f"{args.name}.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    told = ("--domain", "domain", "--target", target, *found.options)
    out = OUT / f"{args.name}-to-{target}"
    headstart("fit", manifest, *told, "--target-labels", "judge", "--out", out)
    headstart("fit", manifest, *told, "--out", f"{out}-with-labels")
    print(f"\nThe reports: {out / 'report.html'}, {out}-with-labels/report.html")


if __name__ == "__main__":
    main()
