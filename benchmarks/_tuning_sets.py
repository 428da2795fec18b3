"""What fine-tuning is measured on: examples, a training part for each seed, and one or more test parts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from _sets import PictureSet, demo, emoji, hymenoptera, shared_folder


@dataclass(frozen=True, eq=False)
class Trial:
    """One training part and its test parts.

    Args:
        examples: n raw examples.
        codes: (n,) codes into ``classes``.
        classes: names.
        groups: (n,) what is drawn whole for intervals.
        train: rows to learn from.
        tests: name of a test part -> its rows.
    """

    examples: list
    codes: np.ndarray
    classes: list[str]
    groups: np.ndarray
    train: np.ndarray
    tests: dict[str, np.ndarray]


@dataclass(frozen=True)
class TuningSet:
    """A data set to tune on.

    Args:
        name: of the set.
        backbone: what every side begins with.
        scratch: the network of the textbooks with random weights, or None.
        trials: number of training rows at most, or None, and number of seeds -> a trial for each.
        is_picture: True where the tutorial's loop can be run on it.
    """

    name: str
    backbone: str
    scratch: str | None
    trials: Callable[[int | None, int], Iterator[Trial]]
    is_picture: bool = False


def pictures_trials(load: Callable[[], PictureSet], most: int | None, n_seeds: int) -> Iterator[Trial]:
    """Photographs, split anew for each seed; near-duplicates stay on one side."""
    yield from _split_trials(replace(load(), split=None), most, n_seeds)


def emoji_trials(most: int | None, n_seeds: int) -> Iterator[Trial]:
    """One vendor's drawings to learn from; tested on the other emoji as this and as the other vendor draws them."""
    both = emoji()
    vendor = np.array([Path(path).parent.name for path in both.paths])
    own = np.flatnonzero(vendor == "google")
    pictures = PictureSet("emoji", *([column[row] for row in own] for column in (both.paths, both.labels, both.groups)))
    other = {both.groups[row]: row for row in np.flatnonzero(vendor != "google")}
    for trial in _split_trials(pictures, most, n_seeds):
        drawn = [row for row in trial.tests["test"] if trial.groups[row] in other]
        across = [other[trial.groups[row]] for row in drawn]
        n = len(trial.examples)
        yield replace(
            trial,
            examples=trial.examples + [both.paths[row] for row in across],
            codes=np.concatenate([trial.codes, trial.codes[drawn]]),
            groups=np.concatenate([trial.groups, trial.groups[drawn]]),
            tests={"within a vendor": trial.tests["test"], "across vendors": np.arange(n, n + len(across))},
        )


def _split_trials(pictures: PictureSet, most: int | None, n_seeds: int) -> Iterator[Trial]:
    from headstart.data.audit import audit
    from headstart.data.read import read
    from headstart.data.split import split

    dataset = read(pictures.paths, pictures.labels, group=pictures.groups).dataset
    near = audit(dataset).near_group
    classes = list(dataset.classes)
    names = np.array(pictures.groups or pictures.paths, dtype=object)
    codes = np.array([classes.index(label) for label in dataset.targets])
    for seed in range(n_seeds):
        parts = split(dataset, near_group=near, random_state=seed)
        train = _drawn(parts.train, most, seed)
        yield Trial(list(dataset.inputs), codes, classes, names, train, {"test": parts.test})


def _drawn(rows: np.ndarray, most: int | None, seed: int) -> np.ndarray:
    """At most so many of the rows, in order."""
    return rows if most is None else np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def trec_trials(most: int | None, n_seeds: int) -> Iterator[Trial]:
    """Questions; the official test part, each seed another draw of the training part where it is not taken whole."""
    train, test = (_texts(f"questions_{part}.csv") for part in ("train", "test"))
    whole, n = _trial(train + test), len(train)
    for seed in range(n_seeds):
        tests = {"official test part": np.arange(n, len(whole.examples))}
        yield replace(whole, train=_drawn(np.arange(n), most, seed), tests=tests)


def review_trials(most: int | None, n_seeds: int) -> Iterator[Trial]:
    """Opinions of products, a fifth of them to test on."""
    whole = _trial(_texts("product_reviews.csv"))
    for seed in range(n_seeds):
        rows = np.random.default_rng(seed).permutation(len(whole.examples))
        n_test = len(rows) // 5
        yield replace(whole, train=_drawn(rows[n_test:], most, seed), tests={"test": np.sort(rows[:n_test])})


def digit_trials(most: int | None, n_seeds: int) -> Iterator[Trial]:
    """Spoken digits: in each trial another speaker is left out."""
    folder = shared_folder("audio/spoken_digits")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    whole = _trial([(str(folder / line["path"]), line["label"]) for line in lines])
    speakers = np.array([line["domain"] for line in lines], dtype=object)
    for seed, speaker in enumerate(np.unique(speakers)[:n_seeds]):
        own = speakers == speaker
        train = _drawn(np.flatnonzero(~own), most, seed)
        yield replace(whole, groups=speakers, train=train, tests={"a speaker left out": np.flatnonzero(own)})


def _texts(name: str) -> list[tuple[str, str]]:
    with (shared_folder("text") / name).open(newline="", encoding="utf-8") as file:
        return [(line["text"], line["label"]) for line in csv.DictReader(file) if line["text"].strip()]


def _trial(pairs: list[tuple[str, str]]) -> Trial:
    examples, labels = ([pair[place] for pair in pairs] for place in (0, 1))
    classes = sorted(set(labels))
    codes = np.array([classes.index(label) for label in labels])
    return Trial(examples, codes, classes, np.array(examples, dtype=object), np.arange(len(codes)), {})


LITE0 = ("efficientnet_lite0", "two_convolutions")
TUNING_SETS = [
    TuningSet("hymenoptera", *LITE0, lambda most, n: pictures_trials(hymenoptera, most, n), is_picture=True),
    TuningSet("emoji", *LITE0, emoji_trials, is_picture=True),
    TuningSet("trec", "all_minilm_l6_v2", None, trec_trials),
    TuningSet("product_reviews", "all_minilm_l6_v2", None, review_trials),
    TuningSet("spoken_digits", "whisper_tiny", "sound_convolutions", digit_trials),
    TuningSet("demo", *LITE0, lambda most, n: pictures_trials(demo, most, n), is_picture=True),
]
"""In the order in which they are measured."""
