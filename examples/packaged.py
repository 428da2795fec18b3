"""Real data that come inside installable packages, and the command line as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

DEMOS = Path("runs/demos")


def package_file(package: str, ending: str) -> Path:
    """The file of an installed package whose path ends so; the package's own code is never imported."""
    return package_files(package, ending)[0]


def package_files(package: str, ending: str) -> list[Path]:
    """The files of an installed package whose paths end so, sorted."""
    try:
        listed = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        sys.exit(f"This demo needs the package {package}. Run: make demo-data")
    found = sorted(Path(str(entry.locate())) for entry in listed if str(entry).endswith(ending))
    if not found:
        sys.exit(f"This demo needs {ending} of the package {package}, which is not there. Run: make demo-data")
    return found


def headstart(*arguments: str | Path) -> None:
    """Run the command line as a user would."""
    words = [str(argument) for argument in arguments]
    print("$ headstart", *words, flush=True)
    subprocess.run([sys.executable, "-m", "headstart", *words], check=True)


def fit_and_predict(data: Path, out: Path, *new: Path, options: tuple[str, ...] = ()) -> None:
    """Fit on ``data``, predict ``new``, and say where the report is."""
    headstart("fit", data, "--out", out, *options)
    headstart("predict", out, *new, "--out", out / "predictions.csv")
    print(f"\nThe report: {out / 'report.html'}")
