"""From one domain to another: defects learnt on monocrystalline solar cells, told on polycrystalline ones.

First without a label of the target (they are read once, at the end, to judge), then learning from them too.
"""

from __future__ import annotations

from pathlib import Path

from solar_cells import MANIFEST, headstart, photographs, write_manifest

OUT = Path("runs/mono-to-poly")
TARGET = ("--target", "poly", "--backbone", "efficientnet_lite0")


def main() -> None:
    """Fit twice."""
    write_manifest(photographs())
    headstart("fit", str(MANIFEST), *TARGET, "--target-labels", "judge", "--out", str(OUT))
    headstart("fit", str(MANIFEST), *TARGET, "--out", f"{OUT}-with-labels")
    print(f"\nThe reports: {OUT / 'report.html'}, {OUT}-with-labels/report.html")


if __name__ == "__main__":
    main()
