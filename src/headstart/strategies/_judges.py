"""Strategies compared without target labels: who is right where the two models disagree, say judges of the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation._row_order import content_order
from headstart.strategies._evidence import NO_EVIDENCE, Evidence, sign_test

RULE = "judges"
N_NEIGHBOURS = 5
LEAST_AGREED = 0.4
"""Where two models agree on a smaller share of the rows, what they agree on is not taken for true."""
LEVEL = 0.05
"""Of what is left without any one kind of change."""


def judged_evidence(
    name: str, plain: NDArray[Any], adapted: NDArray[Any], target: Any, *, n_classes: int = 2
) -> Evidence:
    """The source-only and the adapted model on unlabelled target rows.

    Where both agree their label is taken for true, and judges learn it from the target's own features: linear
    discriminants of equal priors, and the nearest neighbours. Where the two disagree each judge sides with one of
    them, or with none. Both judges must side with the strategy: the evidence is that of the less convinced one. The
    procedure is the same with the two models' parts exchanged, so it favours neither. The further off one of them is,
    the less both agree on and the less can be proven.

    A border that moves takes along all rows between two classes, and judges err on them together: whether it should
    move is one question, however many rows ask it. So without any one kind of change, from one class to another, the
    rest must still speak for the strategy, at :data:`LEVEL`; of two classes each must win rows of the other. Otherwise
    rows are counted as if the judges erred
    on each by itself; where they err on many at once the source's own labels must object (see
    :func:`~headstart.strategies._read_back.objection`).

    Args:
        name: of the strategy.
        plain: (n_target,) classes that the source-only model predicts.
        adapted: (n_target,) classes that the strategy predicts.
        target: (n_target, d) rows.
        n_classes: of the source; where both agree on fewer than two of them, or than half, judges know too few.

    Source: ours; learning from what two models agree on is Blum and Mitchell, Combining Labeled and Unlabeled Data
    with Co-Training, COLT 1998.
    """
    agreed = plain == adapted
    if agreed.all():
        return Evidence(name, RULE, 0.0, 1.0, "it predicts the same for every target row")
    if agreed.mean() < LEAST_AGREED:
        return Evidence(name, RULE, NO_EVIDENCE, 1.0, f"the two models agree on {agreed.mean():.0%} of the rows alone")
    n_agreed = len(np.unique(plain[agreed]))
    if n_agreed < max(2, n_classes / 2):
        told = f"the two models agree on {n_agreed} of {max(2, n_classes)} classes alone"
        return Evidence(name, RULE, NO_EVIDENCE, 1.0, told)
    gains, p_values, of_rest = [], [], []
    order = content_order(target, 0)  # whatever order the rows came in
    plain, adapted = _codes(plain, adapted, order)
    trained, asked = order[agreed[order]], order[~agreed[order]]
    for judge in judges(len(trained)):
        said = judge.fit(target[trained], plain[trained]).predict(target[asked])
        won, lost = _by_kind(said, plain[asked], adapted[asked])
        gains.append(float(won.sum() - lost.sum()) / len(plain))
        p_values.append(sign_test(won.sum(), lost.sum()))
        of_rest += [sign_test(*rest) for rest in zip(won.sum() - won, lost.sum() - lost, strict=True)]
    evidence = Evidence(name, RULE, min(gains), max(p_values))
    if evidence.gain > 0 and max(of_rest) > LEVEL:
        return evidence.but(f"one kind of change, of one class to another, bears it (p = {max(of_rest):.2g} without)")
    return evidence


def _by_kind(
    said: NDArray[np.int64], plain: NDArray[np.int64], adapted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_kinds,) rows that the strategy won and lost, of each kind of change from one class to another."""
    kinds, kind = np.unique(np.column_stack([plain, adapted]), axis=0, return_inverse=True)
    kind = kind.ravel()
    counts = [np.bincount(kind[said == theirs], minlength=len(kinds)) for theirs in (adapted, plain)]
    return counts[0], counts[1]


def _codes(plain: NDArray[Any], adapted: NDArray[Any], order: NDArray[np.int64]) -> tuple[Any, Any]:
    """Both as numbers of the classes in the order of their appearance, so that their names decide no tie."""
    found: dict[Any, int] = {}
    for said in (plain, adapted):
        for label in said[order].tolist():
            found.setdefault(label, len(found))
    return tuple(np.array([found[label] for label in said.tolist()]) for said in (plain, adapted))  # type: ignore[return-value]


def judges(n: int) -> list[Any]:
    """Unfitted, for n rows to learn from."""
    from sklearn.neighbors import KNeighborsClassifier

    from headstart.heads.prototypes import Prototypes

    return [Prototypes(class_weight="balanced"), KNeighborsClassifier(min(N_NEIGHBOURS, n))]
