"""Batch-norm statistics of each class: rows normalised by the figures of their domain and class."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._pseudo_labels import linear_discriminants

EPSILON = 1e-6
"""Added to variances, in units of the mean variance of both domains."""


class ConditionalStatistics(Alignment):
    """Target rows get the source's means and deviations, class by class; source rows stay.

    A target row x becomes the mean over classes k of ``m_sk + s_sk (x - m_tk) / s_tk``, weighted by its probabilities
    of the classes. These are guessed, first after the same map with one class for all (batch norm with the target's
    statistics), and anew after each round. Means and variances of few rows are drawn towards those of the
    domain moved alike: ``n_prior`` rows' worth of them is added.

    Args:
        n_rounds: of guessing, 1 or more.
        n_prior: rows that the domain's own statistics count for in each class, 0 or more.
        classifier: that guesses, with ``predict_proba``; None is linear discriminants.

    Attributes:
        shares_: (n_target, n_classes) probabilities of the classes of fitted target rows, in the last round.

    Source: Li, Wang, Shi, Hou and Liu, Adaptive Batch Normalization for Practical Domain Adaptation, Pattern
    Recognition 80 (2018), for a domain's statistics; De Vries et al., Modulating Early Visual Processing by Language,
    NIPS 2017, for conditional ones.
    """

    name: ClassVar[str] = "conditional_statistics"
    needs_labels: ClassVar[bool] = True

    def __init__(self, *, n_rounds: int = 5, n_prior: float = 10.0, classifier: Any = None) -> None:
        self.n_rounds = n_rounds
        self.n_prior = n_prior
        self.classifier = classifier

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        self._at_least(n_rounds=1, n_prior=0)
        codes = np.asarray(source_codes)
        k = len(self.classes_)
        level = float(np.mean([rows.var(axis=0, dtype=np.float64).mean() for rows in (source, target)]))
        self.epsilon_ = EPSILON * (level if level > 0 else 1.0)
        self.source_ = class_statistics(source, _one_hot(codes, k), self.n_prior, self.epsilon_)
        whole = [class_statistics(rows, np.ones((len(rows), 1)), 0.0, self.epsilon_) for rows in (source, target)]
        self.guesser_, self.first_ = self._fresh().fit(source, codes), whole
        image = _moved(target, np.ones((len(target), 1)), *whole)
        for _ in range(self.n_rounds):
            self.shares_ = self._shares(image, target_codes)
            self.target_ = class_statistics(target, self.shares_, self.n_prior, self.epsilon_)
            image = _moved(target, self.shares_, self.source_, self.target_)

    def _map_source(self, X: Any) -> Any:
        return X

    def _map_target(self, X: Any) -> Any:
        image = _moved(X, np.ones((len(X), 1)), *self.first_)
        for _ in range(2):  # the first guess is by the domain's statistics, the second by those of the classes
            image = _moved(X, self._shares(image), self.source_, self.target_)
        return image

    def _shares(self, image: NDArray[Any], known: Codes | None = None) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of images, certain where a label is known."""
        found = np.zeros((len(image), len(self.classes_)))
        proba = np.asarray(self.guesser_.predict_proba(image), dtype=np.float64)
        found[:, np.asarray(self.guesser_.classes_, dtype=np.int64)] = proba
        if known is not None:
            rows = np.flatnonzero(known >= 0)
            found[rows] = _one_hot(known[rows], len(self.classes_))
        return found

    def _fresh(self) -> Any:
        from sklearn.base import clone

        if self.classifier is None:
            return linear_discriminants()
        if not hasattr(self.classifier, "predict_proba"):
            what = f"ConditionalStatistics needs a classifier with predict_proba, got {type(self.classifier).__name__}"
            raise InputError(f"{what}. Take another one, or None.")
        return clone(self.classifier)


Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]


def class_statistics(rows: NDArray[Any], shares: NDArray[np.float64], n_prior: float, epsilon: float) -> Statistics:
    """(n_classes, d) means and deviations of (n, d) rows that belong to classes by (n, n_classes) shares.

    Each class gets ``n_prior`` rows more of the mean and the variance of all rows; a class without any has those.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows.astype(np.float64) - mean
    variance = np.mean(centred**2, axis=0)
    counts = shares.sum(axis=0)[:, None] + n_prior  # (n_classes, 1)
    empty = counts[:, 0] < 1e-9
    counts = np.where(empty[:, None], 1.0, counts)
    first = shares.T @ centred / counts
    second = (shares.T @ centred**2 + n_prior * variance) / counts
    second[empty] = variance
    deviations = np.sqrt(np.maximum(second - first**2, 0) + epsilon)
    return first + mean, deviations


def _moved(rows: NDArray[Any], shares: NDArray[np.float64], source: Statistics, target: Statistics) -> NDArray[Any]:
    """(n, d) rows with the source's statistics in place of the target's, class by class, in linear memory."""
    scale = source[1] / target[1]  # (n_classes, d)
    offset = source[0] - scale * target[0]
    dtype = rows.dtype
    return np.asarray(rows * (shares @ scale).astype(dtype) + (shares @ offset).astype(dtype))


def _one_hot(codes: Codes, k: int) -> NDArray[np.float64]:
    return np.asarray(np.eye(k)[codes])
