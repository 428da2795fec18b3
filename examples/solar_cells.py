"""The demo: 2,624 photographs of solar cells (package elpv-dataset), sound or defective, from files to a proven model.

The photographs are licensed CC BY-NC-SA 4.0: for non-commercial use. They stay where the package put them.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

OUT = Path("runs/solar-cells")
MANIFEST = Path("runs/solar-cells.csv")


def photographs() -> Path:
    """The folder of the installed package."""
    spec = find_spec("elpv_dataset")
    if spec is None or spec.origin is None:
        sys.exit("The demo needs the package elpv-dataset. Run: pip install 'headstart[demo]'")
    return Path(spec.origin).parent / "data"


def write_manifest(folder: Path) -> None:
    """One line a photograph: defective where the experts' mean probability is at least one half; domain = cell type."""
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    with MANIFEST.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "domain"])
        for line in (folder / "labels.csv").read_text().splitlines():
            name, probability, cell_type = line.split()
            label = "defective" if float(probability) >= 0.5 else "sound"
            writer.writerow([folder / name, label, cell_type])


def headstart(*arguments: str) -> None:
    """Run the command line as a user would."""
    print("$ headstart", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "headstart", *arguments], check=True)


def main() -> None:
    """Fit, then predict two photographs."""
    folder = photographs()
    write_manifest(folder)
    headstart("fit", str(MANIFEST), "--out", str(OUT))
    headstart("predict", str(OUT), str(folder / "images/cell0001.png"), str(folder / "images/cell0100.png"))
    print(f"\nThe report: {OUT / 'report.html'}")


if __name__ == "__main__":
    main()
