"""How far two domains lie apart, by the error of a classifier that tells them."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.evaluation._cross_fitting import target_probabilities
from headstart.evaluation.two_sample._rows import checked_rows


def proxy_a_distance(source: Any, target: Any, *, classifier: Any = None, random_state: int = 0) -> float:
    """2 (1 - 2 e), e the balanced error on rows that the classifier did not see: 0 (one domain) to 2 (disjoint).

    Args:
        source: (n, d) rows.
        target: (m, d) rows.
        classifier: with ``predict_proba``; None is logistic regression on the columns and their squares.
        random_state: seed of the folds.

    Raises:
        InputError: too few rows, different numbers of columns, or NaN.

    Source: Ben-David, Blitzer, Crammer and Pereira, Analysis of Representations for Domain Adaptation, NIPS 2006.
    """
    first, second = checked_rows("proxy_a_distance", source, target)
    return a_distance_of(*target_probabilities(first, second, classifier=classifier, random_state=random_state))


def a_distance_of(of_source: Any, of_target: Any) -> float:
    """The same from (n,) and (m,) cross-fitted probabilities of being a target row, in equal domains.

    >>> a_distance_of(np.array([0.1, 0.2]), np.array([0.9, 0.8])), a_distance_of(np.array([0.5]), np.array([0.5]))
    (2.0, 0.0)
    """
    wrong = [_share(of_source > 0.5, of_source == 0.5), _share(of_target < 0.5, of_target == 0.5)]
    return max(0.0, 2 * (1 - sum(wrong)))


def _share(is_wrong: Any, is_undecided: Any) -> float:
    return float(np.mean(is_wrong) + np.mean(is_undecided) / 2)
