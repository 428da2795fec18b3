"""Joint distribution optimal transport: a classifier that agrees with the labels that transport brings."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.coefficients import explicit_features
from headstart.strategies._mathematics.kernels import make_kernel, squared_distances
from headstart.strategies._mathematics.transport import exact_plan, plan_of, sinkhorn
from headstart.strategies.feature._displacement import check_plan_fits
from headstart.strategies.feature._transfer_classifier import Codes, TransferClassifier


class JDOT(TransferClassifier):
    """min over plans and f of <plan, alpha |x_s - x_t|^2 + |y_s - f(x_t)|^2> + ridge |f|^2 / n_target.

    By turns the plan for f, and f for the plan: kernel ridge regression of the target rows on the classes that the
    plan brings them. Squared distances count in units of their mean. Each turn lowers the objective. Without a target
    it is kernel ridge regression on the source; labels of target rows replace what is brought.

    Args:
        alpha: weight of the rows against the classes, 0 or more.
        ridge: weight of the function's length, above 0.
        entropy: weight of the plan's entropy; 0 is the exact plan.
        n_rounds: turns at most.
        kernel: "rbf", "linear" or "polynomial".
        gamma: "median" or above 0.
        n_landmarks: rows that stand for the kernel.
        random_state: seed of the landmarks.

    Source: Courty, Flamary, Habrard and Rakotomamonjy, Joint Distribution Optimal Transportation for Domain
    Adaptation, NIPS 2017.
    """

    name: ClassVar[str] = "jdot"

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        ridge: float = 0.1,
        entropy: float = 0.0,
        n_rounds: int = 10,
        kernel: str = "rbf",
        gamma: float | str = "median",
        n_landmarks: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.alpha = alpha
        self.ridge = ridge
        self.entropy = entropy
        self.n_rounds = n_rounds
        self.kernel = kernel
        self.gamma = gamma
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def _learn(
        self,
        source: NDArray[Any],
        target: NDArray[Any] | None,
        codes: Codes,
        target_codes: Codes | None,
        weights: NDArray[np.float64],
    ) -> None:
        self._check_settings()
        rows = source if target is None else target
        kernel = make_kernel(self.kernel, self.gamma, rows, random_state=self.random_state)
        self.features_ = explicit_features(kernel, rows, n_landmarks=self.n_landmarks, random_state=self.random_state)
        wanted = np.eye(len(self.classes_))[codes]  # (n, n_classes)
        if target is None:
            self.coef_ = self._ridge(self.features_(rows), wanted, weights)
            return
        check_plan_fits("JDOT", source, target)
        self._turns(source, target, wanted, target_codes)
        self.target_labels_ = self.classes_[(self.features_(target) @ self.coef_).argmax(axis=1)]

    def _turns(self, source: Any, target: Any, wanted: NDArray[np.float64], target_codes: Codes | None) -> None:
        """Plan and function by turns; sets ``coef_`` and the ``objectives_`` after each turn."""
        gaps = squared_distances(source.astype(np.float64), target.astype(np.float64))
        gaps *= self.alpha / (float(gaps.mean()) or 1.0)
        features = self.features_(target).astype(np.float64)
        values = np.zeros((len(target), wanted.shape[1]))
        self.objectives_: list[float] = []
        for done in range(self.n_rounds):
            costs = gaps + (squared_distances(wanted, values) if done else 0.0)
            plan = self._plan(costs)
            brought = np.asarray(plan.T @ wanted) * len(target)  # (n_target, n_classes)
            if target_codes is not None:
                known = target_codes >= 0
                brought[known] = np.eye(wanted.shape[1])[target_codes[known]]
            self.coef_ = self._ridge(features, brought, np.ones(len(target)))
            values = features @ self.coef_
            costs = gaps + squared_distances(wanted, values)
            moved = float(np.sum(plan.multiply(costs) if hasattr(plan, "multiply") else plan * costs))
            self.objectives_.append(moved + self.ridge * float(np.square(self.coef_).sum()) / len(target))
            if done and self.objectives_[-2] - self.objectives_[-1] <= 1e-9 * abs(self.objectives_[-2]):
                break

    def _plan(self, costs: NDArray[np.float64]) -> Any:
        if self.entropy == 0:
            return exact_plan(costs)
        entropy = self.entropy * (float(costs.mean()) or 1.0)
        return plan_of(costs, *sinkhorn(costs, entropy), entropy)

    def _ridge(self, features: Any, wanted: NDArray[np.float64], weights: NDArray[np.float64]) -> Any:
        """(r, n_classes) ridge regression without an intercept."""
        features = features.astype(np.float64)
        left = (features * weights[:, None]).T @ features + self.ridge * np.eye(features.shape[1])
        return np.linalg.solve(left, features.T @ (wanted * weights[:, None]))

    def _scores(self, X: NDArray[Any], is_source: bool) -> NDArray[np.float64]:
        return np.asarray(4 * self.features_(X).astype(np.float64) @ self.coef_)

    def _check_settings(self) -> None:
        wrong = [f"{key} of 0 or more" for key in ("alpha", "entropy") if not getattr(self, key) >= 0]
        wrong += ["ridge above 0"] if not self.ridge > 0 else []
        wrong += ["n_rounds of 1 or more"] if not self.n_rounds >= 1 else []
        if wrong:
            raise InputError(f"JDOT needs {'; '.join(wrong)}, got {self.get_params(deep=False)}. Correct it.")
