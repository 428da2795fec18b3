"""What a kind of prediction has, and which kind two arrays are."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from headstart.errors import UnknownNameError
from headstart.evaluation._row_terms import RowTerms

Float = NDArray[np.float64]

KINDS = ("classes", "numbers", "labels", "alarms")


class Kind(Protocol):
    """A module of this folder. ``y`` and ``predicted`` are what its ``judged`` returns."""

    METRICS: tuple[str, ...]
    """The names of its scores, higher is better."""

    def judged(self, y: Any, predicted: Any) -> tuple[NDArray[Any], Float]:
        """Both, checked, at the rows that have a prediction (NaN has none).

        Raises:
            InputError: they cannot be.
        """
        ...

    def row_terms(self, metric: str, y: NDArray[Any], predicted: Float) -> RowTerms:
        """What each row adds to the metric's sums."""
        ...

    def score_of_sums(self, metric: str, sums: Float) -> Float:
        """(r,) scores of (r, n_terms) sums; NaN where the metric is undefined."""
        ...

    def margins(self, metric: str, y: NDArray[Any], predicted: Float, groups: Any) -> tuple[float, float]:
        """How far below and above a score its truth may lie where the bootstrap cannot see it."""
        ...

    def unseen_margin(self, metric: str, y: NDArray[Any], predicted: Float, groups: Any) -> float:
        """How far a difference may lie from what was seen where no unit tells two models apart."""
        ...

    def n_few(self, metric: str, y: NDArray[Any], predicted: Float, groups: Any) -> float:
        """Units of the rarer sort; with few of them the interval is widened to ``margins``."""
        ...

    def decided(self, metric: str, predicted: Float) -> NDArray[Any]:
        """What of a prediction the metric looks at: rows where it is equal do not tell two models apart."""
        ...

    def bounds(self, metric: str) -> tuple[float, float]:
        """The lowest and the highest score there can be."""
        ...


def kind_of(metric: str, y: Any, predicted: Any) -> Kind:
    """Classes: (n,) codes and (n, n_classes); labels: two tables; numbers and alarms: two (n,) columns.

    Raises:
        UnknownNameError: that kind has no such metric.
    """
    has_tables, has_columns = np.ndim(y) == 2, np.ndim(predicted) == 1
    name = "labels" if has_tables else "classes"
    if has_columns and not has_tables:
        name = next((other for other in ("numbers", "alarms") if metric in get_kind(other).METRICS), name)
    kind = get_kind(name)
    if metric not in kind.METRICS:
        raise UnknownNameError("metric", metric, known_metrics() if metric not in known_metrics() else kind.METRICS)
    return kind


def get_kind(name: str) -> Kind:
    """The module of a kind of :data:`KINDS`."""
    return cast(Kind, import_module(f"headstart.evaluation.kinds.{name}"))


def bounds_of(metric: str) -> tuple[float, float]:
    """The lowest and the highest score there can be by a metric of any kind."""
    kind = next(kind for kind in map(get_kind, KINDS) if metric in kind.METRICS)
    return kind.bounds(metric)


def known_metrics() -> tuple[str, ...]:
    """The names of all kinds' metrics, each once."""
    return tuple(dict.fromkeys(metric for name in KINDS for metric in get_kind(name).METRICS))
