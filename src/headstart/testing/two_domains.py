"""Two small domains on which strategies are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TwoDomains:
    """Rows and labels of both.

    Args:
        source: (n_source, d) rows.
        y_source: (n_source,) class codes, or names.
        target: (n_target, d) rows.
        y_target: (n_target,) object array of codes, None where missing.
    """

    source: NDArray[Any]
    y_source: NDArray[Any]
    target: NDArray[Any]
    y_target: NDArray[Any]

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All of them."""
        return self.source, self.y_source, self.target, self.y_target


def two_domains(
    *, n_source: int = 60, n_target: int = 45, d: int = 4, n_classes: int = 3, random_state: int = 0
) -> TwoDomains:
    """Gaussian classes; in the target their shares and their place differ a little, and every third row is labelled."""
    draw = np.random.default_rng(random_state)
    centres = 2 * draw.standard_normal((n_classes, d))
    codes = np.arange(n_source) % n_classes
    others = draw.permutation(np.minimum(np.arange(n_target) % (2 * n_classes), n_classes - 1))
    source = centres[codes] + draw.standard_normal((n_source, d))
    target = centres[others] + draw.standard_normal((n_target, d)) + 0.4
    labels = np.array([int(c) if place % 3 == 0 else None for place, c in enumerate(others)], dtype=object)
    return TwoDomains(source, codes, target, labels)


def labels_for(n_classes: int) -> list[NDArray[Any]]:
    """Names of the classes in every kind: strings in another order, numbers below 0, truth values where two suffice."""
    names = [np.array(["owl", "猫", "ant"][:n_classes]), np.array([1, -1, 7][:n_classes])]
    return [*names, np.array([True, False])] if n_classes == 2 else names
