"""Sounds: the effects that come with the package arcade (CC0), a few clips of each of twelve kinds."""

from __future__ import annotations

import re
import shutil

from packaged import DEMOS, fit_and_predict, package_files


def main() -> None:
    """Sort the clips into one folder a kind, fit, and predict two of them."""
    folder = DEMOS / "sound_effects"
    clips = [path for path in package_files("arcade", ".wav") if re.fullmatch(r"[a-z]+\d", path.stem)]
    for path in clips:
        kind = folder / path.stem[:-1]
        kind.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kind / path.name)
    fit_and_predict(folder, DEMOS / "sound_effects_run", *clips[:2])


if __name__ == "__main__":
    main()
