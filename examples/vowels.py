"""Time series: 640 utterances of a vowel in 12 channels (Japanese Vowels, package aeon); which of nine men spoke?"""

from __future__ import annotations

import numpy as np
from packaged import DEMOS, fit_and_predict, package_file


def main() -> None:
    """Write one array a series into train/SPEAKER and test/SPEAKER, fit, and predict the first of each."""
    folder = DEMOS / "vowels"
    for part in ("train", "test"):
        text = package_file("aeon", f"JapaneseVowels_{part.upper()}.ts").read_text(encoding="utf-8")
        for number, line in enumerate(text.partition("@data\n")[2].split()):
            *channels, speaker = line.split(":")
            steps = np.array([[float(value) for value in channel.split(",")] for channel in channels]).T
            (folder / part / f"speaker {speaker}").mkdir(parents=True, exist_ok=True)
            np.save(folder / part / f"speaker {speaker}" / f"{number}.npy", steps)
    fit_and_predict(folder, DEMOS / "vowels_run", *sorted(folder.glob("test/*/0.npy")))


if __name__ == "__main__":
    main()
