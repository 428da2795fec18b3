"""Judges that learn the target and read the source, against row-by-row versions of all of it."""

import itertools

import numpy as np
import pytest

from headstart.strategies._read_back import LEVEL, Readings, objection, read_back


def _domains(seed, n_classes, n=70, d=3):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_classes, d))
    y, z = (rng.integers(0, n_classes, size) for size in (n, n - 11))
    source, target = centres[y] + rng.standard_normal((n, d)), 3 * (centres[z] + rng.standard_normal((n - 11, d))) - 2
    said = np.where(rng.random(len(z)) < 0.3, rng.integers(0, n_classes, len(z)), z)
    return source, y, target, said


def _scaled(rows):
    """Column by column, with the textbook's sums."""
    columns = []
    for column in rows.T.tolist():
        mean = sum(column) / len(column)
        spread = (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5
        columns.append([(value - mean) / spread for value in column])
    return np.array(columns).T


def _discriminant(rows, said, asked):
    """Linear discriminants of equal priors by Bayes' rule with explicit Gaussian densities."""
    from headstart.heads.prototypes import Prototypes

    classes = np.unique(said)
    shrinkage = Prototypes(class_weight="balanced").fit(rows, said).shrinkage_
    means = [rows[said == label].mean(axis=0) for label in classes]
    spread = np.mean([np.cov(rows[said == label].T, bias=True) for label in classes], axis=0)  # each class the same
    centre = np.mean(means, axis=0)  # shrinkage happens in columns of variance 1 under the classes' equal weights
    scale = np.sqrt(np.mean([((rows[said == label] - centre) ** 2).mean(axis=0) for label in classes], axis=0))
    spread = spread / np.outer(scale, scale)
    spread = (1 - shrinkage) * spread + shrinkage * np.trace(spread) / len(spread) * np.eye(len(spread))
    inverse = np.linalg.inv(spread)
    gaps = [[(row - mean) / scale for mean in means] for row in asked]
    return classes[[int(np.argmin([gap @ inverse @ gap for gap in row])) for row in gaps]]


def _neighbours(rows, said, asked):
    """The five nearest by a full table; None where classes tie."""
    found = []
    for row in asked:
        nearest = said[np.argsort(((rows - row) ** 2).sum(axis=1))[:5]].tolist()
        counts = sorted(((nearest.count(label), label) for label in set(nearest)), reverse=True)
        found.append(None if len(counts) > 1 and counts[0][0] == counts[1][0] else counts[0][1])
    return found


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_what_the_judges_read(seed, n_classes):
    source, y, target, said = _domains(seed, n_classes)
    right = read_back(said, target, source, y)
    rows, asked = _scaled(target), _scaled(source)
    assert sum(right[0]) == sum(_discriminant(rows, said, asked) == y)
    read = _neighbours(rows, said, asked)
    sure = sum(word == label for word, label in zip(read, y.tolist(), strict=True))
    assert sure <= sum(right[1]) <= sure + read.count(None)


def _chance(lost, won):
    """Share of all ways in which the rows that differ could have fallen that lose as many."""
    ways = [sum(signs) for signs in itertools.product([0, 1], repeat=lost + won)]
    return np.mean([n >= lost for n in ways])


@pytest.mark.parametrize("lost", range(8))
@pytest.mark.parametrize("won", range(5))
def test_an_objection_is_the_exact_sign_test(lost, won):
    before = np.repeat([True, False, True], [lost, won, 9])
    after = np.repeat([False, True, True], [lost, won, 9])
    same, n = np.ones_like(before), 2 * len(before)
    pairs = ((before, same), (after, same)), ((same, before), (same, after))  # either judge may object
    for first, second in pairs:
        is_worse = _chance(lost, won) <= LEVEL
        assert bool(objection(Readings(first, (same,)), Readings(second, (same,)))) == is_worse
        assert bool(objection(Readings((same,), first), Readings((same,), second))) == is_worse
        none, every = (np.zeros(n, dtype=bool),) * 2, (np.ones(n, dtype=bool),) * 2
        better, half = every, (none[0], every[0])
        assert objection(Readings(none, first), Readings(better, second)) == ""  # moved rows: both read them better
        assert bool(objection(Readings(none, first), Readings(half, second))) == is_worse  # one is not enough
