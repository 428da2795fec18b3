"""What the classes of a target are like in those of a source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RELATIONS = ("direct", "reverse")


def category_relation(proba: NDArray[np.float64], codes: NDArray[np.int64], relation: str) -> NDArray[np.float64]:
    """(n_classes, n_source) probabilities of the source classes given each target class; rows of sum 1.

    Args:
        proba: (n, n_source) probabilities of the source classes for n target examples.
        codes: (n,) target classes; a code without an example has even probabilities.
        relation: "direct" is the mean over the examples of a class. "reverse" learns ``p(target | source)`` by
            logistic regression from the probabilities, its penalty chosen by out-of-fold log-loss, and applies Bayes'
            rule.

    Source: You, Kou, Long and Wang, Co-Tuning for transfer learning, NeurIPS 2020, section 3.2.
    """
    n_classes, n_source = int(codes.max()) + 1, proba.shape[1]
    table = np.full((n_classes, n_source), 1.0 / n_source)
    present = np.unique(codes)
    if relation == "direct" or len(present) < 2:
        for code in present:
            table[code] = proba[codes == code].mean(axis=0)
    else:
        table[present] = _reverse(proba, codes)
    return np.asarray(table / table.sum(axis=1, keepdims=True))


def _reverse(proba: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    from headstart.heads.logistic import LogisticRegressionPath

    n_source = proba.shape[1]
    model = LogisticRegressionPath(scaling="global").fit(proba, codes)
    target_given_source = np.asarray(model.predict_proba(np.eye(n_source)), dtype=np.float64)  # (n_source, n_present)
    joint: NDArray[np.float64] = (target_given_source * proba.mean(axis=0)[:, None]).T
    return joint
