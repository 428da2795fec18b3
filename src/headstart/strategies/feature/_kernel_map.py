"""The projection that TCA and its descendants learn: few components of a kernel over both domains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.accelerator import beside, fetched, placed
from headstart.strategies._mathematics.coefficients import (
    Coefficients,
    Features,
    explicit_features,
    identity,
    work_of,
)
from headstart.strategies._mathematics.eigen import constrained_minimum
from headstart.strategies._mathematics.kernels import Kernel, make_kernel
from headstart.strategies._mathematics.mmd_matrix import BLOCK_ROWS, ClassSums, joint_gap

Codes = NDArray[np.int64]
USUAL_COMPONENTS = 100
USUAL_SHARE = 1e-4
"""The usual penalty, as a share of the trace of what the constraint holds: K H K, or its like for weights on features.

The matrices of cost and constraint grow with the rows, with their square for coefficients and with their number for
weights on features, and the penalty does not. A fixed number therefore fades, and with it what keeps a joint method
from removing the classes themselves wherever guessed labels are wrong. The numbers of the published programs, 1 on SURF
features and 0.1 on digits and objects, are 5e-5 to 9e-4 of that trace on their own data.
"""


@dataclass(frozen=True)
class KernelSettings:
    """What the kernel methods have in common; see :class:`headstart.strategies.feature.tca.TCA`."""

    PENALTIES: ClassVar[tuple[str, str]] = ("coefficients", "weights")
    SCALINGS: ClassVar[tuple[str, str]] = ("length", "variance")

    n_components: int | None
    regularization: float | None
    kernel: str
    gamma: float | str
    penalty: str
    scaling: str
    n_landmarks: int
    approximation: str
    solver: str
    random_state: int | None

    def check(self, who: str) -> None:
        """Raise one line with every setting that cannot be."""
        wrong = []
        if self.regularization is not None and not self.regularization > 0:
            wrong.append(f"regularization above 0 or None, got {self.regularization!r}")
        if self.penalty not in self.PENALTIES:
            wrong.append(f"penalty out of {self.PENALTIES}, got {self.penalty!r}")
        if self.scaling not in self.SCALINGS:
            wrong.append(f"scaling out of {self.SCALINGS}, got {self.scaling!r}")
        if self.approximation not in ("nystrom", "fourier"):
            wrong.append(f"approximation 'nystrom' or 'fourier', got {self.approximation!r}")
        if not self.n_landmarks >= 2:
            wrong.append(f"n_landmarks of 2 or more, got {self.n_landmarks!r}")
        if self.n_components is not None and not self.n_components >= 1:
            wrong.append(f"n_components of 1 or more, got {self.n_components!r}")
        if wrong:
            raise InputError(f"{who} needs {'; '.join(wrong)}. Correct it.")


class KernelMap:
    """One kernel problem over two domains, ready to be solved for any classes of the target rows."""

    def __init__(self, settings: KernelSettings, source: NDArray[Any], target: NDArray[Any], who: str) -> None:
        settings.check(who)
        self.settings, self.who, self.n = settings, who, len(source) + len(target)
        self.kernel, features = self._features(source, target)
        self.coordinates = Coefficients.of(features, source, target)
        most = self.coordinates.rank
        wanted = settings.n_components
        if most == 0 or (wanted is not None and wanted > most):
            need = f"{who} needs n_components of at most {most}, the rank of the kernel over {self.n} rows"
            raise InputError(f"{need}, got {wanted}. Lower it or use None.")
        self.k = min(USUAL_COMPONENTS, most) if wanted is None else int(wanted)

    def _features(self, source: NDArray[Any], target: NDArray[Any]) -> tuple[Kernel, Features]:
        """The kernel, and its features: where these are the rows themselves no copy of both domains is made."""
        settings = self.settings
        if settings.kernel == "linear" and source.shape[1] <= self.n:
            return Kernel("linear"), identity
        rows = np.concatenate([source, target])
        kernel = make_kernel(settings.kernel, settings.gamma, rows, random_state=settings.random_state)
        features = explicit_features(
            kernel,
            rows,
            n_landmarks=settings.n_landmarks,
            approximation=settings.approximation,
            random_state=settings.random_state,
        )
        return kernel, features

    def sums(self, rows: NDArray[Any], codes: Codes | None, n_classes: int) -> ClassSums:
        """Sums of the coordinates of (n, d) rows, within each class too."""
        coordinates = self.coordinates
        turn = coordinates.rotation * self._scale
        return ClassSums.of(rows, codes, n_classes, features=coordinates.features).turned(turn)

    def solve(
        self,
        source: ClassSums,
        target: ClassSums,
        *,
        balance: float = 0.5,
        extra_cost: NDArray[np.float64] | float = 0.0,
        label_share: float = 0.0,
    ) -> NDArray[np.float64]:
        """(n_features, k) map from kernel features to components, for the given sums.

        Args:
            source: sums of the source's coordinates.
            target: those of the target's.
            balance: weight of the classes in the MMD matrix.
            extra_cost: (r, r) further cost.
            label_share: weight of the source's classes against the plain variance, from 0 to 1.
        """
        gaps = joint_gap(source, target, balance=balance)
        cost = gaps.T @ gaps + extra_cost
        centre = (source.total + target.total) / self.n
        scatter = np.diag(self._squares) - self.n * np.outer(centre, centre)
        cost += penalty_for(self.settings.regularization, float(np.trace(scatter))) * np.eye(self.coordinates.rank)
        spread = (1 - label_share) * scatter
        if label_share > 0:
            classes = source.sums - source.counts[:, None] * centre  # (n_classes, r)
            spread += label_share * classes.T @ classes
        _, vectors = constrained_minimum(cost, spread, self.k, solver=self.settings.solver)
        if self.settings.scaling == "length":
            vectors = vectors / np.linalg.norm(vectors, axis=0)
        variance = float(np.einsum("ij,ij->", vectors, scatter @ vectors)) / (self.n * vectors.shape[1])
        return np.asarray((self.coordinates.rotation * self._scale) @ (vectors / np.sqrt(variance)))

    def coordinate_rows(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """(n, r) coordinates of (n, d) rows in float64, all at once."""
        coordinates = self.coordinates
        return np.asarray(coordinates.features(rows).astype(np.float64) @ (coordinates.rotation * self._scale))

    def project(
        self, X: NDArray[Any], weights: NDArray[np.float64], *, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """(n, k) components of (n, d) rows, block by block, into ``out`` where there is one."""
        image = np.empty((len(X), weights.shape[1]), dtype=X.dtype) if out is None else out
        begin = 0
        for block in self.blocks(X, weights):
            image[begin : begin + len(block)] = block
            begin += len(block)
        return image

    def blocks(self, X: NDArray[Any], weights: NDArray[np.float64]) -> Iterator[NDArray[Any]]:
        """The components of (n, d) rows, some rows at a time."""
        turn, features = weights.astype(X.dtype), self.coordinates.features
        for begin in range(0, len(X), BLOCK_ROWS):
            block = features(placed(X[begin : begin + BLOCK_ROWS], work_of(features, X)))
            yield fetched(block @ beside(turn, block))

    @property
    def _is_dual(self) -> bool:
        return self.settings.penalty == "coefficients"

    @property
    def _scale(self) -> NDArray[np.float64]:
        """(r,) factor from uncorrelated features to coordinates: the coordinates' penalty is then the identity."""
        return np.sqrt(self.coordinates.spread) if self._is_dual else np.ones(self.coordinates.rank)

    @property
    def _squares(self) -> NDArray[np.float64]:
        """(r,) sums of squares of the coordinates over the fitted rows."""
        return self.coordinates.spread * np.square(self._scale)


def penalty_for(regularization: float | None, trace: float) -> float:
    """The penalty as a number: the one that was set, or the usual share of a trace; 1 where rows are all the same."""
    if regularization is not None:
        return regularization
    return USUAL_SHARE * trace if trace > 0 else 1.0
