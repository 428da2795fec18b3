"""A strategy held against the labels that are known: the source's, read by judges that learnt the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_order import content_order
from headstart.strategies._evidence import sign_test
from headstart.strategies._judges import judges

Labels = NDArray[Any]
LEVEL = 0.05
"""An objection is raised where so few or fewer wins had this chance, were either model's words as good."""


def read_back(
    said: Labels, target: NDArray[Any], source: NDArray[Any], y: Labels, *, is_standardised: bool = True
) -> tuple[NDArray[np.bool_], ...]:
    """Where judges are right about the source that learnt what a model says of the target.

    Args:
        said: (n_target,) classes that the model predicts.
        target: (n_target, d) rows.
        source: (n, d) rows.
        y: (n,) their labels.
        is_standardised: True to standardise each domain's columns by its own mean and spread.

    Returns:
        For each judge (n,) True where it gives a source row its label, in an order that hangs on the rows alone.
    """
    order, usual = content_order(target, 0), content_order(source, 0)  # whatever order the rows came in
    found: dict[Any, int] = {}  # classes numbered as they appear, so that their names decide no tie
    for label in (*y[usual].tolist(), *said[order].tolist()):
        found.setdefault(label, len(found))
    codes, truth = (np.array([found[label] for label in labels.tolist()]) for labels in (said[order], y[usual]))
    if len(np.unique(codes)) < 2:
        return tuple(truth == codes[0] for _ in judges(len(codes)))
    rows, asked = target[order], source[usual]
    if is_standardised:
        rows, asked = standardised(rows), standardised(asked)
    return tuple(judge.fit(rows, codes).predict(asked) == truth for judge in judges(len(codes)))


@final
@dataclass(frozen=True, eq=False)
class Readings:
    """Where judges are right about the source, each an array (n,) as of :func:`read_back`.

    Args:
        standardised: each domain standardised by itself.
        as_they_came: rows as they are.
    """

    standardised: tuple[NDArray[np.bool_], ...]
    as_they_came: tuple[NDArray[np.bool_], ...]


def readings(said: Labels, target: NDArray[Any], source: NDArray[Any], y: Labels) -> Readings:
    """Both ways of :func:`read_back`."""
    return Readings(*(read_back(said, target, source, y, is_standardised=way) for way in (True, False)))


def objection(plain: Readings, adapted: Readings) -> str:
    """Why the source's labels speak against a strategy, or "".

    Judges that learn the target from two models' agreement share what makes a smooth model smooth, so the less a
    model contradicts the target's own clusters, the more they side with it, right or wrong, on many rows at once; a
    test that counts these rows cannot see it. Here the judges learn all target rows, once as the source-only model
    names them and once as the strategy does, and are asked for source rows, whose labels are known. If a judge is
    worse with the strategy's words on standardised rows, by the exact sign test at :data:`LEVEL`, that is an
    objection. So it is on rows as they came, unless on standardised ones both judges are better by the same test:
    where classes came in other shares the rows look moved once they are standardised, which speaks for whoever moves
    them; where the rows have really moved, those as they came speak for the source-only model.

    Assumed is that what is right about the target is right about the source in one of the two ways, or that what is
    lost by a rotation or by classes that moved apart is lost for both models alike. The source-only model learnt
    these labels and is favoured, so helpful strategies are refused sooner than harmful ones are missed. The rows
    are taken for independent, given what the judges learnt. Of few source rows none may object.

    Args:
        plain: of the source-only model.
        adapted: of the strategy.

    Source: ours; labels carried to the target and back are Bruzzone and Marconcini, Domain Adaptation Problems: A
    DASVM Classification Technique and a Circular Validation Strategy, IEEE TPAMI 32 (2010).
    """
    worse = _p_values(adapted.standardised, plain.standardised)
    if max(_p_values(plain.standardised, adapted.standardised)) > LEVEL:  # not better for both judges
        worse += _p_values(adapted.as_they_came, plain.as_they_came)
    if min(worse) > LEVEL:
        return ""
    return f"judges that learn what it says of the target read the source's labels worse (p = {min(worse):.2g})"


def _p_values(before: tuple[NDArray[np.bool_], ...], after: tuple[NDArray[np.bool_], ...]) -> list[float]:
    """Of each judge, that it is better afterwards."""
    return [sign_test(int((b & ~a).sum()), int((a & ~b).sum())) for a, b in zip(before, after, strict=True)]


def standardised(rows: NDArray[Any]) -> NDArray[Any]:
    """(n, d) rows of mean 0 and variance 1 in every column that is not constant."""
    spread = rows.std(axis=0)
    return np.asarray((rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1).astype(rows.dtype))
