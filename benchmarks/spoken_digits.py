"""Spoken digits: the classic 193 numbers, the speech encoder, and both side by side.

    python benchmarks/spoken_digits.py
    python benchmarks/spoken_digits.py --small

The official split, test part read once; and each of the six speakers left out in turn, scored on the pooled rows with
an interval over speakers. Heads are chosen by cross-validation on training rows, whole speakers on one side where
speakers are left out. Also the rate of the classic vector against librosa called plainly, file by file.
"""

from __future__ import annotations

import csv
import warnings

import numpy as np

from _sets import AbsentError, shared_folder
from _sides import arguments, by_turns, middle, row, scratch, show, timed, told

SIDES = {
    "classic vector": ("audio_vector",),
    "speech encoder": ("whisper_tiny",),
    "both": ("audio_vector", "whisper_tiny"),
}
RATE_FILES = 200


def clips(is_small):
    """Paths, labels, speakers and parts."""
    folder = shared_folder("audio/spoken_digits")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))[:: 10 if is_small else 1]
    columns = {name: np.array([line[name] for line in lines]) for name in ("label", "domain", "split")}
    return [str(folder / line["path"]) for line in lines], columns


def predicted(features, codes, train, test, groups):
    """(n_test, 10) of the head that cross-validation on the training rows chooses."""
    from headstart.data.folds import folds
    from headstart.selection.choose_head import choose_head

    own = None if groups is None else groups[train]
    cut = folds(codes[train], groups=own)
    names = [str(code) for code in range(10)]
    heads = ("prototypes", "ridge", "logistic")
    choice = choose_head(features[train], codes[train], names, cut, heads=heads, metric="accuracy", groups=own)
    return choice.refit(features[train], codes[train]).proba_by_code(features[test], 10)


def scores(features, columns):
    """Rows of the table for the official split and for speakers left out."""
    from headstart.evaluation.intervals import bootstrap, paired_difference

    codes = columns["label"].astype(int)
    speakers = np.unique(columns["domain"], return_inverse=True)[1]
    proba = {"official split": {}, "a speaker left out": {}}
    for name, rows in features.items():
        train, test = (np.flatnonzero(columns["split"] == part) for part in ("train", "test"))
        proba["official split"][name] = predicted(rows, codes, train, test, None)
        left_out = np.zeros((len(codes), 10))
        for speaker in np.unique(speakers):
            train, own = np.flatnonzero(speakers != speaker), np.flatnonzero(speakers == speaker)
            left_out[own] = predicted(rows, codes, train, own, speakers)
        proba["a speaker left out"][name] = left_out
    truths = {"official split": codes[columns["split"] == "test"], "a speaker left out": codes}
    groups = {"official split": None, "a speaker left out": speakers}
    found = []
    for how, sides in proba.items():
        truth, group = truths[how], groups[how]
        best = max(("classic vector", "speech encoder"), key=lambda side: (sides[side].argmax(1) == truth).mean())
        judged = {name: bootstrap("accuracy", truth, p, groups=group) for name, p in sides.items()}
        gained = paired_difference("accuracy", truth, sides["both"], sides[best], groups=group)
        ours = "; ".join(f"{name} {s.value:.3f} [{s.low:.3f}, {s.high:.3f}]" for name, s in judged.items())
        found.append(
            row(
                f"accuracy, spoken digits, {how}",
                ours,
                f"both against {best}: {told(gained)}",
                "both no worse than the best single one",
                ratio=judged["both"].value / judged[best].value,
                is_met=gained.high >= 0,
            )
        )
    return found


def plain_vector(path):
    """The field's 193 numbers as tutorials compute them."""
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, sr = librosa.load(path)
        spectrum = np.abs(librosa.stft(y))
        parts = (
            librosa.feature.mfcc(y=y, sr=sr, n_mfcc=40),
            librosa.feature.chroma_stft(S=spectrum, sr=sr),
            librosa.feature.melspectrogram(y=y, sr=sr),
            librosa.feature.spectral_contrast(S=spectrum, sr=sr),
            librosa.feature.tonnetz(y=librosa.effects.harmonic(y), sr=sr),
        )
    return np.concatenate([part.mean(axis=1) for part in parts])


def rate(paths, rounds):
    """The line of the classic vector's rate, from file to numbers."""
    from headstart.features.encoder import Encoder

    encoder = Encoder("audio_vector", cache=False)
    ours, theirs = encoder.transform(paths[:20]), np.stack([plain_vector(path) for path in paths[:20]])
    stray = float((np.abs(ours - theirs) / np.maximum(theirs.std(axis=0), 1e-12)).max())
    sides = {
        "ours": lambda: timed(lambda: encoder.transform(paths))[0],
        "peer": lambda: timed(lambda: [plain_vector(path) for path in paths])[0],
    }
    seconds = {name: middle(found) for name, found in by_turns(sides, rounds).items()}
    rates = {name: len(paths) / took for name, took in seconds.items()}
    return row(
        "193-number vectors/s, from wav file",
        f"{rates['ours']:.0f} (strays by {stray:.1e} of each number's deviation)",
        f"{rates['peer']:.0f} (plain librosa)",
        "at least 2x, equal to 1e-4",
        ratio=rates["ours"] / rates["peer"],
        is_met=rates["ours"] >= 2 * rates["peer"] and stray <= 1e-4,
    )


def main():
    """Measure and print."""
    from headstart.features.encoder import Encoder

    args = arguments(__doc__, rounds=3)
    try:
        paths, columns = clips(args.small)
    except AbsentError as reason:
        show({"absent": str(reason), "rows": []})
        return
    with scratch():
        single = {name: Encoder(name).transform(paths) for name in ("audio_vector", "whisper_tiny")}
    features = {name: np.hstack([single[part] for part in parts]) for name, parts in SIDES.items()}
    rows = [*scores(features, columns), rate(paths[: 20 if args.small else RATE_FILES], args.rounds)]
    show({"clips": len(paths), "rows": rows})


if __name__ == "__main__":
    main()
