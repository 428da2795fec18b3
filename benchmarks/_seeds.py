"""Splits of one data set for several seeds, and paired differences of a score over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from _sets import SETS, AbsentError
from _sides import rounded

N_SEEDS = 5
METRIC = "macro_f1"


@dataclass
class SeededSet:
    """One data set, audited once, and split anew for every seed as ``headstart fit`` splits it."""

    name: str
    splits: list

    @property
    def dataset(self):
        """The readable labelled rows, the same for every seed."""
        return self.splits[0].dataset


def seeded_sets(*, is_small: bool) -> tuple[list[SeededSet], dict[str, str]]:
    """Every set that is on this machine, and why the others are not here."""
    found, absent = [], {}
    for name, load in SETS.items():
        try:
            pictures = load()
        except AbsentError as reason:
            absent[name] = str(reason)
            continue
        found.append(_seeded(pictures.take(120) if is_small else pictures, 2 if is_small else N_SEEDS))
    return found, absent


def _seeded(pictures, n_seeds) -> SeededSet:
    from headstart.data.audit import audit
    from headstart.data.problem import plain_problem
    from headstart.data.read import read
    from headstart.run.prepared import prepare
    from headstart.run.settings import FitSettings

    read_in = plain_problem(read(pictures.paths, pictures.labels, group=pictures.groups))
    audited = audit(read_in.found.dataset)
    return SeededSet(pictures.name, [prepare(read_in, audited, FitSettings(random_state=s)) for s in range(n_seeds)])


@dataclass
class Judgement:
    """Probabilities of several models on the test rows of each seed."""

    data: SeededSet
    proba: dict[str, list]

    def scores(self, side: str) -> list[float]:
        """The score of each seed."""
        from headstart.evaluation.metrics import score

        pairs = zip(self.data.splits, self.proba[side], strict=True)
        return [score(METRIC, split.test_y(), proba) for split, proba in pairs]

    def difference(self, first: str, second: str) -> dict:
        """First minus second: for each seed, over all test rows together, and over the seeds.

        In the pooled interval a picture is drawn with its group, and with every seed whose test part it was in; that
        over the seeds allows for training parts that overlap.
        """
        from headstart.evaluation.intervals import corrected_interval, paired_difference

        splits = self.data.splits
        sides = self.proba[first], self.proba[second]
        codes = [split.test_y() for split in splits]
        groups = [split.groups[split.parts.test] for split in splits]
        each = [paired_difference(METRIC, c, a, b, groups=g) for c, a, b, g in zip(codes, *sides, groups, strict=True)]
        pooled = paired_difference(METRIC, *map(np.concatenate, (codes, *sides)), groups=np.concatenate(groups))
        n_train, n_test = (len(part) for part in (splits[0].parts.train, splits[0].parts.test))
        over = corrected_interval([d.value for d in each], n_train, n_test)
        return {
            "mean": rounded(over.value),
            "interval_pooled_rows": [rounded(pooled.low), rounded(pooled.high)],
            "interval_over_seeds": [rounded(over.low), rounded(over.high)],
            "each_seed": [[rounded(d.value), rounded(d.low), rounded(d.high)] for d in each],
        }


def shown(difference: dict) -> str:
    """The difference with its interval over pooled rows, for people."""
    low, high = difference["interval_pooled_rows"]
    return f"{difference['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"


def is_no_worse(difference: dict) -> bool:
    """Better or tied: the interval over pooled rows does not lie below zero."""
    return difference["interval_pooled_rows"][1] >= 0
