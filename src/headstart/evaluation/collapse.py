"""Models that have collapsed, told without target labels: unfit for the source, or with implausible classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._given_labels import given_labels
from headstart.evaluation.label_shift import shifted_shares
from headstart.evaluation.model_outputs import is_classifier, predictions, probabilities


@final
class CollapseGuard:
    """Says in words why a model is taken for collapsed; "" where it is sound.

    A model has collapsed that predicts one class where several are expected; that gives classes to shares of the target
    rows which differ from the plausible ones by more than ``tolerance``; or that on source rows keeps less than
    ``floor`` of what the source-only model has above the most frequent class. Plausible are the
    source's shares, those that the source-only model predicts, those that it would by label shift, what lies between
    them, and ``most_times`` fewer or more; so the source-only model itself is sound unless it predicts one class. Of
    regressors constant predictions and the floor are looked at, in R2.

    Args:
        X_target: (n_target, d) rows of the target.
        source_only: a fitted model that used no target, the measure of the floor; None asks for the most frequent
            class's share alone, and takes the source's shares of the classes.
        expected: label -> share of the target rows, where known; None takes it from the source.
        floor: from 0 to 1.
        most_times: 1 or more.
        tolerance: from 0 to 1; sampling is allowed for besides.

    Source: the maximum label shift, Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New
    a Priori Probabilities, Neural Computation 14 (2002).
    """

    def __init__(
        self,
        X_target: Any,
        *,
        source_only: Any = None,
        expected: Mapping[Any, float] | None = None,
        floor: float = 0.5,
        most_times: float = 3.0,
        tolerance: float = 0.05,
    ) -> None:
        self.X_target = getattr(X_target, "X_target", X_target)
        if self.X_target is None or np.shape(self.X_target)[:1] == (0,):
            raise InputError("CollapseGuard needs rows as X_target, got none. Pass rows of the target.")
        if not (0 <= floor <= 1 and 0 <= tolerance <= 1 and most_times >= 1):
            got = {"floor": floor, "tolerance": tolerance, "most_times": most_times}
            raise InputError(
                f"CollapseGuard needs floor and tolerance in [0, 1], most_times >= 1, got {got}. Correct it."
            )
        if expected is not None and abs(sum(expected.values()) - 1) > 1e-6:
            raise InputError(f"CollapseGuard needs expected shares that sum to 1, got {dict(expected)}. Scale them.")
        self.source_only = source_only
        self.expected = expected
        self.floor = floor
        self.most_times = most_times
        self.tolerance = tolerance

    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_domain: Any = None) -> str:
        """The reasons, or "".

        Args:
            estimator: fitted.
            X: (n, d) source rows that it did not learn from.
            y: (n,) their targets.
            sample_domain: (n,) names of the sources, or None.
        """
        y = given_labels("CollapseGuard", X, y)
        told = predictions(estimator, self.X_target, is_target=True)
        reasons = [self._floor_word(estimator, X, y, sample_domain)]
        if is_classifier(estimator):
            reasons.append(self._shares_word(told, y))
        elif len(told) > 1 and np.ptp(told) == 0:
            reasons.append(f"it predicts {told[0]:.4g} for every target row")
        return "; ".join(reason for reason in reasons if reason)

    def _floor_word(self, estimator: Any, X: Any, y: NDArray[Any], sample_domain: Any) -> str:
        found, trivial = _fitness(estimator, X, y, sample_domain), _trivial(estimator, y)
        usual = trivial if self.source_only is None else _fitness(self.source_only, X, y, sample_domain)
        least = trivial + self.floor * max(0.0, usual - trivial)
        noise = (max(least * (1 - least), 0.0) / len(y)) ** 0.5
        if found >= least - noise:
            return ""
        return f"it reaches {found:.1%} on the source, below the floor of {least:.1%}"

    def _shares_word(self, told: NDArray[Any], y: NDArray[Any]) -> str:
        classes, low, high = self._plausible(y)
        share = np.array([float(np.mean(told == label)) for label in classes])  # (n_classes,)
        if share.max() >= 1 and np.count_nonzero(high) > 1:
            return f"it predicts {classes[share.argmax()]} for every target row"
        lacking, surplus = np.maximum(low - share, 0), np.maximum(share - high, 0)
        stray = max(lacking.sum(), surplus.sum())
        if stray <= self.tolerance + len(told) ** -0.5:
            return ""
        worst = int(np.maximum(lacking, surplus).argmax())
        bounds = f"{low[worst]:.0%} to {min(1.0, high[worst]):.0%}"
        return f"it gives {classes[worst]} to {share[worst]:.0%} of the target rows, where {bounds} is plausible"

    def _plausible(self, y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
        """(n_classes,) labels, and the lowest and highest share of the target rows that each may have."""
        if self.expected is not None:
            shares = np.array(list(self.expected.values()), dtype=np.float64)
            labels = np.array(list(self.expected), dtype=object)
            return labels, shares / self.most_times, shares * self.most_times
        classes, counts = np.unique(y, return_counts=True)
        shares = counts / counts.sum()
        known = np.stack([shares, *self._by_source_model(classes, shares)])
        return classes, known.min(axis=0) / self.most_times, known.max(axis=0) * self.most_times

    def _by_source_model(self, classes: NDArray[Any], shares: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """What the source-only model predicts, and what label shift makes of it, within ``most_times``."""
        if self.source_only is None:
            return []
        known = np.asarray(self.source_only.classes_)
        is_known = np.isin(classes, known)
        chances = np.zeros((len(self._chances), len(classes)))
        chances[:, is_known] = self._chances[:, np.searchsorted(known, classes[is_known])]
        predicted = np.bincount(self._chances.argmax(axis=1), minlength=len(known)) / len(chances)
        own = np.zeros(len(classes))
        own[is_known] = predicted[np.searchsorted(known, classes[is_known])]
        shifted = np.clip(shifted_shares(chances, shares), shares / self.most_times, shares * self.most_times)
        return [own, shifted]

    @cached_property
    def _chances(self) -> NDArray[np.float64]:
        return probabilities(self.source_only, self.X_target, is_target=True).astype(np.float64)


@final
class Guarded:
    """A scorer that gives minus infinity to the collapsed; made by :func:`guarded`."""

    def __init__(self, scorer: Callable[..., float], guard: CollapseGuard) -> None:
        self.scorer = scorer
        self.guard = guard

    def __call__(self, estimator: Any, X: Any, y: Any, *, sample_domain: Any = None) -> float:
        """The scorer's value, or ``-inf``."""
        if self.guard(estimator, X, y, sample_domain=sample_domain):
            return float("-inf")
        given = {} if sample_domain is None else {"sample_domain": sample_domain}
        return float(self.scorer(estimator, X, y, **given))


def guarded(scorer: Callable[..., float], *, X_target: Any = None, **settings: Any) -> Guarded:
    """``scorer`` behind a :class:`CollapseGuard`: minus infinity, never NaN, for a collapsed model.

    Args:
        scorer: ``scorer(estimator, X, y) -> float``, higher is better.
        X_target: (n_target, d) rows of the target; None takes the scorer's.
        settings: those of the guard.

    Raises:
        InputError: neither has target rows, or a setting is not usable.
    """
    rows = getattr(scorer, "X_target", None) if X_target is None else X_target
    return Guarded(scorer, CollapseGuard(rows, **settings))


def _fitness(estimator: Any, X: Any, y: NDArray[Any], sample_domain: Any) -> float:
    """Accuracy, or R2."""
    told = predictions(estimator, X, is_target=False, sample_domain=sample_domain)
    if is_classifier(estimator):
        return float(np.mean(told == y))
    spread = float(np.var(y))
    return 1 - float(np.mean((told - y) ** 2)) / spread if spread > 0 else 0.0


def _trivial(estimator: Any, y: NDArray[Any]) -> float:
    """What the most frequent class, or the mean, reaches."""
    return float(np.unique(y, return_counts=True)[1].max() / len(y)) if is_classifier(estimator) else 0.0
