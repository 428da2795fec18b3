"""Probabilities of several labels made honest, and where each label begins to be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.heads._platt import Platt, fit_platt

LEAST = 1e-6
"""No probability is taken as nearer to 0 or 1."""

Float = NDArray[np.float64]


class LabelScaling:
    """A logistic curve of the log-odds of each label, and for each the threshold of the best F1.

    Args:
        slope: (n_labels,) known beforehand, e.g. read from a bundle; None until fitted.
        shift: (n_labels,) likewise.
        thresholds: (n_labels,) likewise, of the scaled probabilities.

    Attributes:
        slope_: (n_labels,) of the log-odds.
        shift_: (n_labels,).
        thresholds_: (n_labels,) a label is said from this probability on.

    Source: Platt, Probabilistic outputs for support vector machines (1999); Lewis et al., RCV1, JMLR 5 (2004), for
    thresholds by label ("SCut").
    """

    def __init__(
        self,
        slope: Sequence[float] | None = None,
        shift: Sequence[float] | None = None,
        thresholds: Sequence[float] | None = None,
    ) -> None:
        if slope is not None:
            self.slope_ = np.asarray(slope, dtype=np.float64)
            self.shift_ = np.asarray(shift, dtype=np.float64)
            self.thresholds_ = np.asarray(thresholds, dtype=np.float64)

    def fit(self, y: NDArray[Any], predicted: NDArray[Any]) -> LabelScaling:
        """Take the curves of least log-loss, then the thresholds of the best F1.

        Args:
            y: (n, n_labels) of 0 and 1.
            predicted: (n, n_labels) out-of-fold probabilities; rows of NaN are left out.

        Raises:
            InputError: there are no rows.
        """
        proba = np.asarray(predicted, dtype=np.float64)
        known = ~np.isnan(proba).all(axis=1)
        targets, proba = np.asarray(y, dtype=np.float64)[known], proba[known]
        if not len(proba):
            raise InputError("LabelScaling needs rows to fit, got none. Give out-of-fold probabilities.")
        curve = fit_platt(_log_odds(proba), targets)
        self.slope_, self.shift_ = curve.slope, curve.shift
        scaled = self.transform(proba)
        self.thresholds_ = np.array([best_threshold(t, p) for t, p in zip(targets.T, scaled.T, strict=True)])
        return self

    def transform(self, predicted: NDArray[Any]) -> Float:
        """(n, n_labels) probabilities made honest; rows of NaN stay."""
        return Platt(self.slope_, self.shift_)(_log_odds(np.asarray(predicted, dtype=np.float64)))

    def decide(self, scaled: NDArray[Any]) -> NDArray[np.bool_]:
        """(n, n_labels) True where a scaled probability reaches its label's threshold."""
        return np.asarray(scaled >= self.thresholds_)

    def to_state(self) -> dict[str, Any]:
        """Curves and thresholds."""
        return {
            "slope": self.slope_.tolist(),
            "shift": self.shift_.tolist(),
            "thresholds": self.thresholds_.tolist(),
        }


def best_threshold(y: NDArray[Any], proba: Float) -> float:
    """Half way below the last probability that is said where F1 is best; 0.5 where no row has the label.

    Args:
        y: (n,) of 0 and 1.
        proba: (n,) probabilities.

    >>> round(best_threshold(np.array([0, 1, 1]), np.array([0.1, 0.3, 0.2])), 6)
    0.15
    """
    positive = np.asarray(y) > 0
    if not positive.any():
        return 0.5
    order = np.argsort(-proba, kind="stable")
    ranked = proba[order]
    found, said = np.cumsum(positive[order]), np.arange(1, len(ranked) + 1)
    f1 = 2 * found / (said + positive.sum())
    is_end = np.append(np.diff(ranked) != 0, True)  # equal probabilities are said together
    best = int(np.argmax(np.where(is_end, f1, -1.0)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float(0.5 * (ranked[best] + below))


def _log_odds(proba: Float) -> Float:
    clipped = np.clip(proba, LEAST, 1 - LEAST)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
