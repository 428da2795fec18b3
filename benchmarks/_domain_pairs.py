"""Pairs of real domains that share their classes, as features and codes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from _sets import AbsentError, shared_folder
from hospitals import read_hospitals
from office_caltech import PAIRS, digits, surf

FEW_VALUES = 5
"""A hospital's column with no more different values is a category."""


@dataclass(frozen=True, eq=False)
class DomainPair:
    """Two domains; ``y_target`` is for scores alone.

    Args:
        benchmark: the collection that constants are left out by.
        name: of the pair.
        source: (n_source, d) rows.
        y_source: (n_source,) codes.
        target: (n_target, d) rows.
        y_target: (n_target,) codes.
    """

    benchmark: str
    name: str
    source: np.ndarray
    y_source: np.ndarray
    target: np.ndarray
    y_target: np.ndarray


def domain_pairs(is_small: bool, absent: dict[str, str]) -> Iterator[DomainPair]:
    """Every pair of every benchmark that is on this machine; for a quick look the first of each, and fewer rows."""
    for benchmark, find in BENCHMARKS.items():
        try:
            for number, pair in enumerate(find(is_small)):
                if is_small and number:
                    break
                yield pair
        except AbsentError as reason:
            absent[benchmark] = str(reason)


def office_caltech(is_small):
    """Twelve pairs of SURF histograms."""
    domains = surf()
    for pair in PAIRS[-1:] if is_small else PAIRS:
        yield DomainPair("office_caltech", pair, *domains[pair[0]], *domains[pair[2]])


def digits_objects(is_small):
    """MNIST and USPS, two halves of COIL."""
    for pair in ("C1-C2",) if is_small else ("M-U", "U-M", "C1-C2", "C2-C1"):
        yield DomainPair("digits_objects", pair, *digits(pair))


def hospitals(is_small):
    """Twelve pairs of four hospitals: missing cells as the median, with a column that says so, categories one-hot."""
    import pandas as pd

    found = read_hospitals()
    frame = pd.concat([rows for rows, _ in found.values()], ignore_index=True)
    few = [name for name in frame.columns if frame[name].nunique() <= FEW_VALUES]
    numbers = frame.drop(columns=few)
    gaps, kinds = numbers.isna().add_suffix(" missing"), pd.get_dummies(frame[few].astype(str))
    rows = pd.concat([numbers.fillna(numbers.median()), gaps, kinds], axis=1).to_numpy(dtype=np.float64)
    hospital = np.repeat(list(found), [len(codes) for _, codes in found.values()])
    yield from _between("hospitals", rows, np.concatenate([codes for _, codes in found.values()]), hospital)


def opinions(is_small):
    """Six pairs of three text domains by a sentence encoder, and by mean word vectors."""
    with (shared_folder("text") / "sentiment_three_domains.csv").open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["text"].strip()][:: 12 if is_small else 1]
    texts = [line["text"] for line in lines]
    codes, domain = _coded([line["label"] for line in lines]), [line["domain"] for line in lines]
    for name in ("all_minilm_l6_v2", "glove_50d"):
        yield from _between("opinions", _encoded(name, texts), codes, domain, name)


def emoji(is_small):
    """Two vendors by a network, by gradients and by colours; an emoji is in the source or in the target."""
    folder = shared_folder("images/emoji")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))[:: 12 if is_small else 1]
    paths, codes = [str(folder / line["path"]) for line in lines], _coded([line["label"] for line in lines])
    drawn = np.random.default_rng(0).random(len(np.unique([line["emoji"] for line in lines]))) < 0.5
    is_first = drawn[_coded([line["emoji"] for line in lines])]
    domain = np.array([line["domain"] for line in lines])
    for name in ("efficientnet_lite0", "hog", "colour_histogram"):
        rows = _encoded(name, paths)
        for source, target in permutations(np.unique(domain), 2):
            ours, theirs = (domain == source) & is_first, (domain == target) & ~is_first
            sides = rows[ours], codes[ours], rows[theirs], codes[theirs]
            yield DomainPair("emoji", f"{source}-{target} {name}", *sides)


def speakers(is_small):
    """Thirty pairs of six speakers of ten digits."""
    folder = shared_folder("audio/spoken_digits")
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))[:: 10 if is_small else 1]
    rows = _encoded("audio_vector", [str(folder / line["path"]) for line in lines])
    yield from _between("speakers", rows, _coded([line["label"] for line in lines]), [line["domain"] for line in lines])


BENCHMARKS = {
    "office_caltech": office_caltech,
    "digits_objects": digits_objects,
    "hospitals": hospitals,
    "opinions": opinions,
    "emoji": emoji,
    "speakers": speakers,
}


def _between(benchmark, rows, codes, domain, kind=""):
    domain = np.asarray(domain)
    for source, target in permutations(dict.fromkeys(domain.tolist()), 2):
        ours, theirs = domain == source, domain == target
        name = f"{source}-{target} {kind}".strip()
        yield DomainPair(benchmark, name, rows[ours], codes[ours], rows[theirs], codes[theirs])


def _encoded(name, examples):
    from headstart.features.encoder import Encoder

    return Encoder(name).encode(examples).features


def _coded(labels):
    return np.unique(labels, return_inverse=True)[1]
