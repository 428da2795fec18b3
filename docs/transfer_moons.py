"""Two moons in a source and in a target that differs in one way: what the pictures of the methods show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Problem:
    """Two moons of a source and of a target that differs in one way.

    Args:
        shift: what differs, in a few words.
        source: (n, 2) places of the source's rows in the picture.
        y: (n,) classes 0 and 1.
        target: (m, 2) places of the target's rows.
        truth: (m,) their classes, for the colours and the figures.
        labelled: (k,) numbers of the target rows whose labels a method may read.
        frames: of source and target, (2, d) matrices that make d columns of a place; None: the columns are the place.
        offset: (d,) added to the target's rows there.
    """

    shift: str
    source: Rows
    y: Labels
    target: Rows
    truth: Labels
    labelled: Labels = field(default_factory=lambda: np.arange(0))
    frames: tuple[Rows, Rows] | None = None
    offset: Rows | float = 0.0

    @property
    def y_target(self) -> NDArray[Any]:
        """(m,) labels, None where they are hidden."""
        shown = np.full(len(self.truth), None, dtype=object)
        shown[self.labelled] = self.truth[self.labelled]
        return shown

    def source_rows(self) -> Rows:
        """(n, d) rows as a method gets them, with a little noise in further columns."""
        return self.source if self.frames is None else self.source @ self.frames[0] + self._noise(len(self.source), 1)

    def target_rows(self) -> Rows:
        """(m, d) rows as a method gets them."""
        return self.target if self.frames is None else self.in_target(self.target) + self._noise(len(self.target), 2)

    def in_target(self, places: Rows) -> Rows:
        """(k, d) rows of the target that lie at (k, 2) ``places``."""
        return places if self.frames is None else places @ self.frames[1] + self.offset

    def _noise(self, n: int, seed: int) -> Rows:
        assert self.frames is not None
        return np.random.default_rng(seed).normal(0, 0.05, (n, self.frames[0].shape[1]))


def moons(rng: np.random.Generator, counts: tuple[int, int], noise: float = 0.12) -> tuple[Rows, Labels]:
    """Two moons around the origin, ``counts`` rows of each."""
    y = np.repeat([0, 1], counts)
    turn = rng.uniform(0, np.pi, len(y))
    upper = np.c_[np.cos(turn) - 0.5, np.sin(turn) - 0.25]
    rows = np.where(y[:, None] == 0, upper, -upper)
    return rows + rng.normal(0, noise, rows.shape), y


def turned(rows: Rows, degrees: float, shift: tuple[float, float] = (0.0, 0.0), stretch: float = 1.0) -> Rows:
    """Rows turned about the origin, and moved."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved: Rows = stretch * rows @ turn.T + shift
    return moved


def turned_problem(degrees: float = 35, n_labels: int = 0, shift: tuple[float, float] = (0.3, 0.2)) -> Problem:
    """The target is the source turned and moved; the first rows of each class may have labels."""
    rng = np.random.default_rng(0)
    source, y = moons(rng, (40, 40))
    target, truth = moons(rng, (50, 50))
    labelled = np.r_[np.arange(n_labels), 50 + np.arange(n_labels)]
    return Problem("turned and moved", source, y, turned(target, degrees, shift), truth, labelled)


def few_labels_problem(n_labels: int = 5) -> Problem:
    """The target is turned so far that labels are needed, and some rows of each class have one."""
    return replace(turned_problem(60, n_labels, (0.2, -0.2)), shift="turned, few labels")


def swapped_problem() -> Problem:
    """The target is the source turned by half: the classes have changed places, and five of each have labels."""
    return replace(turned_problem(180, 5, (0.0, 0.0)), shift="classes changed places")


def scaled_problem() -> Problem:
    """Another instrument: every column has its own zero and unit."""
    problem = turned_problem(0, shift=(0.0, 0.0))
    return replace(problem, shift="another zero and unit", target=problem.target * (0.6, 1.7) + (0.9, -0.3))


def moved_problem() -> Problem:
    """The target is the source moved."""
    return replace(turned_problem(0, shift=(0.5, 0.4)), shift="moved")


def part_problem() -> Problem:
    """Covariate shift: the target lies where the moons meet, and a straight line cannot fit all of both."""
    rng = np.random.default_rng(0)
    source, y = moons(rng, (40, 40))
    target, truth = moons(rng, (200, 200))
    kept = np.flatnonzero(rng.random(400) < np.exp(-2 * (target**2).sum(axis=1)))[:100]
    return Problem("covariate shift", source, y, target[kept], truth[kept])


def shares_problem() -> Problem:
    """Label shift: noisy moons, one class in two of the source and one in eight of the target."""
    rng = np.random.default_rng(0)
    source, y = moons(rng, (40, 40), 0.4)
    target, truth = moons(rng, (12, 88), 0.4)
    return Problem("label shift", source, y, target, truth)


def plane_problem() -> Problem:
    """The moons lie in a plane of ten columns, which is tilted in the target: 0.5 of it in the old columns."""
    old, new = np.eye(10)[:2], np.eye(10)[2:4]
    tilted = 0.5 * old + np.sqrt(0.75) * new
    return replace(turned_problem(0, shift=(0.0, 0.0)), shift="another plane", frames=(old, tilted))


def columns_problem() -> Problem:
    """Each domain has two columns of its own, and two, less precise, that both share."""
    axes = np.eye(6)
    shared = 0.4 * axes[4:]
    frames = (axes[:2] + shared, axes[2:4] + shared)
    return replace(turned_problem(0, shift=(0.0, 0.0)), shift="other columns", frames=frames)


def third_column_problem() -> Problem:
    """The target is moved along a third column that says nothing of the classes, and a little along the first."""
    frame = np.eye(3)[:2]
    problem = turned_problem(0, shift=(0.0, 0.0))
    return replace(problem, shift="moved in a third column", frames=(frame, frame), offset=np.array([0.2, 0.0, 2.0]))
