"""Manifold embedded distribution alignment: a kernel classifier that agrees across domains and along neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.coefficients import explicit_features
from headstart.strategies._mathematics.domain_distance import estimated_balance
from headstart.strategies._mathematics.geodesic import geodesic_features
from headstart.strategies._mathematics.kernels import make_kernel
from headstart.strategies._mathematics.mmd_matrix import ClassSums, joint_gap
from headstart.strategies._mathematics.neighbour_graph import cosine_laplacian
from headstart.strategies.feature._moments import principal_axes
from headstart.strategies.feature._pseudo_labels import guess_in_rounds
from headstart.strategies.feature._transfer_classifier import Codes, TransferClassifier


class MEDA(TransferClassifier):
    """min sum_source |y_i - f(x_i)|^2 + ridge |f|^2 + agreement tr(F'M F) + smoothness tr(F'L F).

    Rows are geodesic-flow features of unit length. M is the balanced MMD matrix for the guessed classes, norm 1; L
    the normalised Laplacian of cosine neighbours; f lies in the space of the kernel. Exact up to ``n_landmarks`` rows
    of both domains, approximated above. Without a target it is kernel ridge regression.

    Args:
        n_components: axes of each subspace of the geodesic; None takes 20 or what there is.
        ridge: weight of the function's length, above 0.
        agreement: weight of the domains' and classes' means.
        smoothness: weight of neighbours agreeing.
        n_neighbours: neighbours a row has.
        balance: weight of the classes' means, from 0 to 1, or "auto": from proxy A-distances.
        n_rounds: guesses of the target's classes.
        classifier: the first guess; None takes shrunken linear discriminants.
        kernel: "rbf", "linear" or "polynomial".
        gamma: "median" or above 0, on rows of unit length.
        n_landmarks: rows that stand for the kernel.
        random_state: seed of the landmarks.

    Source: Wang, Feng, Chen, Yu, Huang and Yu, Visual Domain Adaptation with Manifold Embedded Distribution
    Alignment, ACM MM 2018.
    """

    name: ClassVar[str] = "meda"

    def __init__(
        self,
        n_components: int | None = None,
        *,
        ridge: float = 0.1,
        agreement: float = 10.0,
        smoothness: float = 1.0,
        n_neighbours: int = 10,
        balance: float | str = "auto",
        n_rounds: int = 10,
        classifier: Any = None,
        kernel: str = "rbf",
        gamma: float | str = "median",
        n_landmarks: int = 1000,
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.ridge = ridge
        self.agreement = agreement
        self.smoothness = smoothness
        self.n_neighbours = n_neighbours
        self.balance = balance
        self.n_rounds = n_rounds
        self.classifier = classifier
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
        n, n_classes = len(source), len(self.classes_)
        given = source if target is None else np.concatenate([source, target])
        self.flow_ = None if target is None else self._flow(source, target)
        rows = self._embedded(given)
        kernel = make_kernel(self.kernel, self.gamma, rows, random_state=self.random_state)
        self.features_ = explicit_features(kernel, rows, n_landmarks=self.n_landmarks, random_state=self.random_state)
        features = self.features_(rows)  # (n + n_target, r)
        wanted = (codes[:, None] == np.arange(n_classes)) * weights[:, None]
        right = features[:n].T.astype(np.float64) @ wanted  # (r, n_classes)
        weighted = features[:n] * np.sqrt(weights)[:, None].astype(features.dtype)
        left = (weighted.T @ weighted).astype(np.float64) + self.ridge * np.eye(features.shape[1])
        if target is None:
            self.coef_ = np.linalg.solve(left, right)
        else:
            left += self._smoothness_cost(rows, features)
            self.target_labels_ = self.classes_[self._rounds(rows, features, codes, target_codes, left, right)]
        self.scale_ = self._score_scale(features[:n] @ self.coef_.astype(features.dtype), codes, weights)

    def _rounds(
        self, rows: Any, features: Any, codes: Codes, target_codes: Codes | None, left: Any, right: Any
    ) -> Codes:
        """The last guess of the target's classes; sets ``coef_``."""
        n, n_classes = len(codes), len(self.classes_)
        first = guess_in_rounds(lambda _: (rows[:n], [rows[n:]]), self.classifier, codes, target_codes, 1, "MEDA")[0]
        guess, source_sums = first, ClassSums.of(features[:n], codes, n_classes)
        for done in range(1, self.n_rounds + 1):
            self.n_rounds_ = done
            balance = self.balance if self.balance != "auto" else estimated_balance(rows[:n], rows[n:], codes, guess)
            self.balance_ = float(balance)
            gaps = joint_gap(source_sums, ClassSums.of(features[n:], guess, n_classes), balance=self.balance_)
            self.coef_ = np.linalg.solve(left + self.agreement * gaps.T @ gaps, right)  # (r, n_classes)
            following = (features[n:] @ self.coef_.astype(features.dtype)).argmax(axis=1)
            if target_codes is not None:
                following = np.where(target_codes >= 0, target_codes, following)
            if np.array_equal(following, guess):
                break
            guess = following
        return np.asarray(following)

    def _scores(self, X: NDArray[Any], is_source: bool) -> NDArray[np.float64]:
        features = self.features_(self._embedded(X))
        return np.asarray(self.scale_ * (features @ self.coef_.astype(X.dtype)).astype(np.float64))

    def _flow(self, source: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
        """(d, 2 k) map whose inner products are the geodesic flow kernel."""
        most = max(1, min(len(source) - 1, len(target) - 1, source.shape[1]))
        usual = max(1, min(20, most, source.shape[1] // 2))
        k = usual if self.n_components is None else min(self.n_components, most)
        return geodesic_features(principal_axes(source, k)[1], principal_axes(target, k)[1])

    def _embedded(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, k) rows of unit length on the manifold."""
        rows = X if self.flow_ is None else X @ self.flow_.astype(X.dtype)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1))

    def _smoothness_cost(self, rows: Any, features: Any) -> Any:
        if self.smoothness == 0:
            return 0.0
        laplacian = cosine_laplacian(rows, self.n_neighbours)
        return self.smoothness * (features.T @ (laplacian.astype(features.dtype) @ features)).astype(np.float64)

    def _score_scale(self, values: Any, codes: Codes, weights: NDArray[np.float64]) -> float:
        from headstart.heads._score_scale import fit_score_scale

        return fit_score_scale(values.astype(np.float64), codes, weights)[0]

    def _check_settings(self) -> None:
        wrong = [f"{key} of 0 or more" for key in ("agreement", "smoothness") if not getattr(self, key) >= 0]
        wrong += [f"{key} of 1 or more" for key in ("n_rounds", "n_neighbours") if not getattr(self, key) >= 1]
        wrong += ["ridge above 0"] if not self.ridge > 0 else []
        if self.balance != "auto" and (isinstance(self.balance, str) or not 0 <= self.balance <= 1):
            wrong.append("balance 'auto' or from 0 to 1")
        if self.n_components is not None and not self.n_components >= 1:
            wrong.append("n_components of 1 or more or None")
        if wrong:
            raise InputError(f"MEDA needs {'; '.join(wrong)}, got {self.get_params(deep=False)}. Correct it.")
