"""Labels carried to the target and back, against loops over judges, geometries and parts of the target."""

import numpy as np
import pytest
from scipy.stats import binomtest, t
from sklearn.neighbors import KNeighborsClassifier

from headstart.evaluation._row_order import content_order
from headstart.heads.prototypes import Prototypes
from headstart.strategies._carried_back import N_PARTS, _jackknife, carried_back_evidence


def _domains(seed, n=120, n_target=90, d=4, k=3, wrong=(0.8, 0.3)):
    rng = np.random.default_rng(seed)
    centres = 2 * rng.standard_normal((k, d))
    y, z = rng.integers(0, k, n), rng.integers(0, k, n_target)
    source = centres[y] + rng.standard_normal((n, d))
    target = centres[z] + 0.5 + rng.standard_normal((n_target, d))
    plain, adapted = (np.where(rng.random(n_target) < share, rng.integers(0, k, n_target), z) for share in wrong)
    appearing = list(dict.fromkeys(y[content_order(source, 0)].tolist()))
    names = np.argsort(appearing)  # classes are numbered as they appear, which ends ties
    return source, names[y], target, names[plain], names[adapted]


def _scaled(rows):
    return (rows - rows.mean(axis=0)) / rows.std(axis=0)


def _share_right(judge, said, target, source, y):
    """How many source rows a judge gets right that learnt these target rows."""
    return judge.fit(target, said).predict(source) == y


@pytest.mark.parametrize("seed", range(5))
def test_the_weakest_of_all_tests_is_the_evidence(seed):
    source, y, target, plain, adapted = _domains(seed)
    order = content_order(target, 0)
    part = np.empty(len(target), dtype=int)
    part[order] = np.arange(len(target)) % N_PARTS
    gains, p_values = [], []
    for is_standardised in (False, True):
        for make in (lambda: Prototypes(class_weight="balanced"), lambda: KNeighborsClassifier(5)):

            def right(said, kept, make=make, is_standardised=is_standardised):
                rows = np.array([row for row in order if kept[row]])  # judges see rows in an order of their own
                scale = _scaled if is_standardised else np.asarray
                return _share_right(make(), said[rows], scale(target[rows]), scale(source), y)

            every = np.ones(len(target), dtype=bool)
            before, after = right(plain, every), right(adapted, every)
            won, lost = int((after & ~before).sum()), int((before & ~after).sum())
            gains.append((won - lost) / len(y))
            p_values.append(binomtest(won, won + lost, alternative="greater").pvalue)
            without = [right(adapted, part != k).mean() - right(plain, part != k).mean() for k in range(N_PARTS)]
            error = ((N_PARTS - 1) / N_PARTS * sum((gain - np.mean(without)) ** 2 for gain in without)) ** 0.5
            p_values.append(t.sf(gains[-1] / error, N_PARTS - 1))
    found = carried_back_evidence("any", plain, adapted, target, source, y)
    assert found.rule == "carried back"
    assert found.gain == pytest.approx(min(gains), abs=1e-12)
    assert found.p_value == pytest.approx(max(p_values), rel=1e-6, abs=1e-9)


def test_the_jackknife_of_a_mean_is_students_test():
    values = np.random.default_rng(0).normal(0.2, 1, 12)
    gains = np.array([values.mean(), *(np.delete(values, k).mean() for k in range(12))])
    expected = t.sf(values.mean() / (values.std(ddof=1) / 12**0.5), 11)
    assert _jackknife(gains) == pytest.approx(expected, rel=1e-9)
    assert _jackknife(np.array([0.1, 0.1, 0.1])) == 0.0
    assert _jackknife(np.array([0.0, 0.0, 0.0])) == 1.0


def test_who_plays_which_part_makes_the_opposite_of_it():
    source, y, target, plain, adapted = _domains(0, n=400, n_target=400, wrong=(0.95, 0.1))
    better = carried_back_evidence("better", plain, adapted, target, source, y)
    worse = carried_back_evidence("worse", adapted, plain, target, source, y)
    assert better.gain > 0 > worse.gain
    assert better.p_value < 0.05 < 0.95 < worse.p_value
