"""The real pictures that the benchmarks run on, where they are installed or lie beside the repository."""

from __future__ import annotations

import csv
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get("HEADSTART_SHARED_DATA") or "../shared/data")
"""Folder of the shared data sets; a relative one counts from the root of the repository."""


class AbsentError(Exception):
    """A data set is not on this machine."""


@dataclass(frozen=True)
class PictureSet:
    """Pictures with labels; ``groups`` are names that no split parts, or None; ``split`` is as they came, or None."""

    name: str
    paths: list[str]
    labels: list[str]
    groups: list[str] | None = None
    split: list[str] | None = None

    def take(self, n: int) -> PictureSet:
        """At most ``n`` of them, drawn with a fixed seed, in their order; whole groups where there are groups."""
        if n >= len(self.paths):
            return self
        names = np.array(self.groups or self.paths)
        drawn = np.random.default_rng(0).permutation(np.unique(names))[: n * len(np.unique(names)) // len(names)]
        rows = np.flatnonzero(np.isin(names, drawn))

        def pick(column):
            return None if column is None else [column[row] for row in rows]

        return PictureSet(self.name, pick(self.paths), pick(self.labels), pick(self.groups), pick(self.split))

    def write_manifest(self, path: Path) -> Path:
        """Write them as the table that ``headstart fit`` reads."""
        columns = {"path": self.paths, "label": self.labels, "group": self.groups, "split": self.split}
        present = {name: column for name, column in columns.items() if column is not None}
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(present)
            writer.writerows(zip(*present.values(), strict=True))
        return path


def demo() -> PictureSet:
    """The 2,624 photographs of solar cells of package elpv-dataset, 300 px PNG, labelled as the demo labels them."""
    example = _demo_script()
    if importlib.util.find_spec("elpv_dataset") is None:
        raise AbsentError("package elpv-dataset is not installed")
    folder = example.photographs()
    paths, labels = [], []
    for line in (folder / "labels.csv").read_text().splitlines():
        name, probability, _ = line.split()
        paths.append(str(folder / name))
        labels.append("defective" if float(probability) >= 0.5 else "sound")
    return PictureSet("demo", paths, labels)


def demo_manifest(path: Path) -> Path:
    """The table exactly as ``make demo`` writes it, at ``path``."""
    example = _demo_script()
    example.MANIFEST = path
    example.write_manifest(example.photographs())
    return path


def hymenoptera() -> PictureSet:
    """The 397 photographs of ants and bees of PyTorch's transfer-learning tutorial."""
    folder = shared_folder("images/hymenoptera")
    files = [path for path in sorted(folder.glob("*/*/*")) if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    split = [path.parts[-3] for path in files]
    return PictureSet("hymenoptera", [str(path) for path in files], [path.parts[-2] for path in files], split=split)


def emoji() -> PictureSet:
    """3,272 emoji drawn by two vendors, eight categories; both drawings of one emoji are one group."""
    folder = shared_folder("images/emoji")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = [str(folder / row["path"]) for row in rows]
    return PictureSet("emoji", paths, [row["label"] for row in rows], groups=[row["emoji"] for row in rows])


SETS = {"demo": demo, "hymenoptera": hymenoptera, "emoji": emoji}


def shared_folder(name: str) -> Path:
    folder = ROOT / SHARED_DATA / name
    if not folder.is_dir():
        raise AbsentError(f"{name} is not in the shared data (set HEADSTART_SHARED_DATA)")
    return folder


def _demo_script():
    spec = importlib.util.spec_from_file_location("solar_cells", ROOT / "examples" / "solar_cells.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
