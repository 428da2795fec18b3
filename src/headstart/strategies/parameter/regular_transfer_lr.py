"""Linear regression that stays near the weights of a source."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from headstart.errors import InputError
from headstart.strategies.parameter._prior_ridge import pulled
from headstart.strategies.source_weights import SourceWeights


class RegularTransferLR(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression toward the source: ``min sum_i s_i (y_i - w @ x_i - b)^2 + alpha |w - w_source|^2``.

    Exact, from one decomposition. Without ``alpha`` the pull of least leave-one-out error is taken, from none to
    infinite; and where shrinking to 0 has less error than shrinking to the source, the source is left alone.

    Args:
        source: a fitted model that is linear in its inputs (a pipeline with scaling too), frozen where scikit-learn
            clones it; or :class:`~headstart.strategies.source_weights.SourceWeights`; None shrinks to 0.
        alpha: the pull, at least 0; None chooses.
        ties_intercept: True pulls the intercept too, False leaves it free; None pulls it to a source's and leaves it
            free where there is none.

    Attributes:
        coef_: (d,) or (n_outputs, d).
        intercept_: a number or (n_outputs,).
        alpha_: the pull.
        adapted_: whether the source was used.

    Source: Chelba and Acero, Adaptation of maximum entropy capitalizer, Computer Speech and Language 2006; Evgeniou and
    Pontil, Regularized multi-task learning, KDD 2004; called RegularTransferLR in de Mathelin et al., ADAPT, 2021.
    """

    name: ClassVar[str] = "regular_transfer_lr"

    def __init__(self, source: Any = None, *, alpha: float | None = None, ties_intercept: bool | None = None) -> None:
        self.source = source
        self.alpha = alpha
        self.ties_intercept = ties_intercept

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from (n, d) target rows and (n,) or (n, n_outputs) numbers.

        Raises:
            InputError: the source does not fit, or the pull is negative.
        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], multi_output=True, y_numeric=True)
        if self.alpha is not None and not self.alpha >= 0:
            raise InputError(f"RegularTransferLR needs alpha of at least 0 or None, got {self.alpha!r}. Correct it.")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        wanted = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        prior = None if self.source is None else self._prior(X.shape[1], wanted.shape[1])
        rows, ties = X.astype(np.float64), self.ties_intercept
        found = pulled(rows, wanted, weights, prior, alpha=self.alpha, ties_intercept=ties)
        self.alpha_, self.adapted_ = found.alpha, found.uses_source
        self.coef_ = (found.coef if y.ndim == 2 else found.coef[0]).astype(X.dtype)
        self.intercept_ = found.intercept.astype(X.dtype) if y.ndim == 2 else X.dtype.type(found.intercept[0])
        return self

    def _prior(self, n_features: int, n_outputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = SourceWeights.of("RegularTransferLR", self.source, n_features)
        if len(found.coef) != n_outputs or found.classes is not None:
            got = "classes" if found.classes is not None else len(found.coef)
            raise InputError(
                f"RegularTransferLR needs a source of {n_outputs} numbers, got {got}. Take another source."
            )
        return found.coef, found.intercept

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) or (n, n_outputs) numbers."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return np.asarray(X @ self.coef_.T + self.intercept_)
