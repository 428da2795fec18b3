"""Strategies compared without target labels by the source's: which model teaches judges better to read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_order import content_order
from headstart.strategies._content_folds import content_folds
from headstart.strategies._evidence import Evidence, sign_test
from headstart.strategies._read_back import read_back

RULE = "carried back"
N_PARTS = 10
"""Parts of the target, each of which is left out once."""
MOST_ROWS = 2000
"""Rows of a domain that are read at most."""

Labels = NDArray[Any]


def carried_back_evidence(
    name: str, plain: Labels, adapted: Labels, target: NDArray[Any], source: NDArray[Any], y: Labels
) -> Evidence:
    """Labels carried to the target by each model, and back by judges, held against the source's own.

    Judges learn all target rows, as the one names them and as the other does, and are asked for source rows (see
    :func:`~headstart.strategies._read_back.read_back`); whose words make them worse is the worse teacher. The strategy
    must win with both judges, and both with rows as they came and with each domain standardised by itself: a shift of
    the classes' shares looks like a movement of the rows once they are standardised, and a movement of the rows is no
    help to them as they came. Each win must pass the exact sign test over source rows, and Student's test over the
    target's parts, of which each is left out once (jackknife). The evidence is the weakest of all these.

    Assumed is that a model which is wrong about the target makes a worse teacher of the source, whatever made it wrong.
    The gain is that of source rows which the judges get right; that of the target differs.

    Args:
        name: of the strategy.
        plain: (n_target,) classes that the source-only model predicts.
        adapted: (n_target,) classes that the strategy predicts.
        target: (n_target, d) rows.
        source: (n, d) rows.
        y: (n,) their labels.

    Source: the circle is Bruzzone and Marconcini, Domain Adaptation Problems: A DASVM Classification Technique and a
    Circular Validation Strategy, IEEE TPAMI 32 (2010); the tests of a pair of models are ours.
    """
    few = content_order(target, 0)[:MOST_ROWS]
    target, plain, adapted = target[few], plain[few], adapted[few]
    few = content_order(source, 0)[:MOST_ROWS]
    source, y = source[few], y[few]
    part = content_folds(target, np.zeros(len(target), dtype=np.int64), N_PARTS, 0)
    gains, p_values = [], []
    for is_standardised in (False, True):
        before, after = (
            _right(said, target, source, y, part, is_standardised=is_standardised) for said in (plain, adapted)
        )
        for first, second in zip(before, after, strict=True):  # a judge each: (1 + n_parts, n)
            won, lost = int((second[0] & ~first[0]).sum()), int((first[0] & ~second[0]).sum())
            gains.append((won - lost) / len(y))
            p_values += [sign_test(won, lost), _jackknife(second.mean(axis=1) - first.mean(axis=1))]
    return Evidence(name, RULE, min(gains), max(p_values))


def _right(
    said: Labels,
    target: NDArray[Any],
    source: NDArray[Any],
    y: Labels,
    part: NDArray[np.int64],
    *,
    is_standardised: bool,
) -> NDArray[np.bool_]:
    """(n_judges, 1 + n_parts, n) where judges are right that learnt all target rows, or those outside of each part."""
    kept = [np.ones(len(said), dtype=bool), *(part != left_out for left_out in np.unique(part))]
    read = [read_back(said[rows], target[rows], source, y, is_standardised=is_standardised) for rows in kept]
    return np.array(read).transpose(1, 0, 2)


def _jackknife(gains: NDArray[np.float64]) -> float:
    """One-sided p-value of Student's test; the first gain is that of all rows, each other lacks one part.

    Source: Tukey, Bias and Confidence in Not-quite Large Samples, Annals of Mathematical Statistics 29 (1958).
    """
    from scipy.special import stdtr

    n = len(gains) - 1
    if n < 2:
        return 1.0
    error = np.sqrt((n - 1) / n * ((gains[1:] - gains[1:].mean()) ** 2).sum())
    if error == 0:
        return float(gains[0] <= 0)
    return float(1 - stdtr(n - 1, gains[0] / error))
