"""A picture of one method on two moons as a small SVG, written by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transfer_moons import Labels, Problem, Rows

COLOURS = ("#1668a8", "#c8560b")
WIDTH, HEIGHT, TOP = 250, 180, 22
LOW, HIGH = np.array([-2.5, -1.8]), np.array([2.5, 1.8])
N_COLUMNS, N_ROWS = 50, 36
RADIUS = 2.6


@dataclass(frozen=True)
class Picture:
    """One method on one problem.

    Args:
        problem: the rows.
        before: what learns from the source alone; has ``fit`` and ``predict``.
        after: the same with the method; its ``fit`` takes ``X_target``, and ``y_target`` where rows have labels.
    """

    problem: Problem
    before: Any
    after: Any


@dataclass(frozen=True)
class Drawn:
    """A picture, and what it says in two figures a side.

    Args:
        svg: the file.
        accuracies: on the target, before and after, 0..1.
        shares: of the plane that go to class 1, before and after, 0..1.
    """

    svg: str
    accuracies: tuple[float, float]
    shares: tuple[float, float]


def figures_of(svg: str) -> tuple[float, ...]:
    """Accuracies and shares as they stand in a file: before, after, before, after.

    >>> figures_of('<desc>accuracy 0.71 to 0.95, class 1 has 0.50 to 0.48 of the plane</desc>')
    (0.71, 0.95, 0.5, 0.48)
    """
    said = re.findall(r"<desc>accuracy (\S+) to (\S+), class 1 has (\S+) to (\S+) of", svg)[0]
    return tuple(float(figure) for figure in said)


def draw(name: str, picture: Picture) -> Drawn:
    """Fit both models and draw them."""
    problem = picture.problem
    rows = problem.source_rows()
    few = {"y_target": problem.y_target} if len(problem.labelled) else {}
    picture.before.fit(rows, problem.y)
    picture.after.fit(rows, problem.y, X_target=problem.target_rows(), **few)
    fields = [_field(model, problem) for model in (picture.before, picture.after)]
    accuracies = tuple(_accuracy(model, problem) for model in (picture.before, picture.after))
    shares = tuple(float((field > 0).mean()) for field in fields)
    said = f"accuracy {accuracies[0]:.2f} to {accuracies[1]:.2f}"
    size = f"{2 * WIDTH + 8} {HEIGHT + TOP}"
    title = f"{name} on two moons: {problem.shift}"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" font-family="sans-serif"'
        f' font-size="12"><title>{title}</title><desc>{said}, class 1 has {shares[0]:.2f} to'
        f' {shares[1]:.2f} of the plane</desc><rect width="100%" height="100%" fill="#fff"/>'
        f'<defs><g id="t" fill="none">{_crosses(problem)}</g></defs>'
        + _half(0, f"source alone {accuracies[0]:.2f}, {problem.shift}", fields[0], _circles(problem.source, problem.y))
        + _half(WIDTH + 8, f"{name} {accuracies[1]:.2f}", fields[1], _after_circles(picture))
        + "</svg>\n"
    )
    return Drawn(svg, (accuracies[0], accuracies[1]), (shares[0], shares[1]))


def _half(left: int, title: str, field: Rows, circles: str) -> str:
    return (
        f'<g transform="translate({left})"><text x="4" y="15">{title}</text>'
        f'<svg y="{TOP}" width="{WIDTH}" height="{HEIGHT}"><rect width="100%" height="100%" fill="#f6f6f4"/>{circles}'
        f'<use href="#t"/><path d="{contour(field)}" fill="none" stroke="#111" stroke-width="1.6"/></svg></g>'
    )


def _after_circles(picture: Picture) -> str:
    """Source rows as the method left them: larger or smaller by weight, or where they were moved to."""
    problem, fitted = picture.problem, picture.after
    weights = getattr(fitted, "weights_", None)
    if weights is not None and len(weights) == len(problem.source):
        return _circles(problem.source, problem.y, np.asarray(weights, dtype=np.float64))
    alignment = getattr(fitted, "alignment_", None)
    if alignment is not None and problem.frames is None:
        image = np.asarray(alignment.transform_target(problem.target))
        if image.shape == problem.target.shape and np.allclose(image, problem.target):
            return _circles(np.asarray(alignment.transform_source(problem.source)), problem.y)
    return _circles(problem.source, problem.y)


def _accuracy(model: Any, problem: Problem) -> float:
    """Of target rows whose labels were hidden."""
    said = np.asarray(model.predict(problem.target_rows()), dtype=np.float64) > 0.5
    hidden = np.setdiff1d(np.arange(len(problem.truth)), problem.labelled)
    return float((said == problem.truth)[hidden].mean())


def _field(model: Any, problem: Problem) -> Rows:
    """(N_ROWS, N_COLUMNS) scores over the plane whose sign is the class."""
    xs, ys = (np.linspace(LOW[k], HIGH[k], n) for k, n in ((0, N_COLUMNS), (1, N_ROWS)))
    places = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return score_of(model, problem.in_target(places)).reshape(N_ROWS, N_COLUMNS)


def score_of(model: Any, rows: Rows) -> Rows:
    """(n,) numbers whose sign is the class: the model's own score where it has one."""
    for ask in ("decision_function", "predict_proba"):
        if hasattr(model, ask):
            found = np.asarray(getattr(model, ask)(rows), dtype=np.float64)
            return found if found.ndim == 1 else found[:, -1] - found[:, 0]
    said: Rows = np.asarray(model.predict(rows), dtype=np.float64) - 0.5
    return said


def contour(field: Rows) -> str:
    """The path on which (h, w) ``field``, whose first row lies at the bottom, is 0: a piece of line for each cell."""
    pieces = []
    n_rows, n_columns = field.shape
    signs = field > 0
    for row in range(n_rows - 1):
        for column in range(n_columns - 1):
            corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
            crossed = [
                _crossing(field, corners[k], corners[k - 3])
                for k in range(4)
                if signs[corners[k]] != signs[corners[k - 3]]
            ]
            pieces += zip(crossed[::2], crossed[1::2], strict=True)
    return _joined([(_place(*a, field.shape), _place(*b, field.shape)) for a, b in pieces])


def _crossing(field: Rows, a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """Where on the edge from corner ``a`` to corner ``b`` the field is 0: row and column."""
    share = field[a] / (field[a] - field[b])
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


def _place(row: float, column: float, shape: tuple[int, ...]) -> tuple[int, int]:
    """Tenths of a pixel, y downwards."""
    return round(10 * WIDTH * column / (shape[1] - 1)), round(10 * HEIGHT * (1 - row / (shape[0] - 1)))


def _joined(pieces: list[tuple[tuple[int, int], tuple[int, int]]]) -> str:
    """The pieces as few polylines."""
    ends: dict[tuple[int, int], list[int]] = {}
    for number, piece in enumerate(pieces):
        for end in piece:
            ends.setdefault(end, []).append(number)
    left = set(range(len(pieces)))
    lines = []
    starts = [n for n, piece in enumerate(pieces) if min(len(ends[end]) for end in piece) == 1]
    for first in [*starts, *range(len(pieces))]:
        if first not in left:
            continue
        a, b = pieces[first]
        line = [a, b] if len(ends[a]) == 1 or len(ends[b]) > 1 else [b, a]
        left.discard(first)
        while (step := next((n for n in ends[line[-1]] if n in left), None)) is not None:
            left.discard(step)
            c, d = pieces[step]
            line.append(d if c == line[-1] else c)
        lines.append("M" + "L".join(f"{x / 10:g} {y / 10:g}" for x, y in line))
    return "".join(lines)


def _pixels(rows: Rows) -> Rows:
    """(n, 2) pixels of the half, y downwards, to a tenth."""
    share = (rows - LOW) / (HIGH - LOW)
    found: Rows = np.round(np.c_[share[:, 0] * WIDTH, (1 - share[:, 1]) * HEIGHT], 1)
    return found


def _circles(rows: Rows, y: Labels, weights: NDArray[np.float64] | None = None) -> str:
    """Circles whose area is the weight."""
    sizes = np.full(len(rows), RADIUS) if weights is None else np.clip(RADIUS * np.sqrt(weights), 0.4, 3.5 * RADIUS)
    parts = []
    for code, colour in enumerate(COLOURS):
        mine = np.flatnonzero(y == code)
        marks = "".join(
            f'<circle cx="{x:g}" cy="{v:g}" r="{size:.1f}"/>'
            for (x, v), size in zip(_pixels(rows[mine]), sizes[mine], strict=True)
        )
        parts.append(f'<g fill="{colour}" fill-opacity=".45">{marks}</g>')
    return "".join(parts)


def _crosses(problem: Problem) -> str:
    """Crosses of the target rows; those with a label are thick."""
    parts = []
    shown = np.isin(np.arange(len(problem.truth)), problem.labelled)
    for code, colour in enumerate(COLOURS):
        for thick in (False, True):
            mine = _pixels(problem.target[(problem.truth == code) & (shown == thick)])
            if len(mine):
                size = 4 if thick else 2
                path = "".join(
                    f"M{x - size:g} {v - size:g}l{2 * size} {2 * size}m0-{2 * size}l-{2 * size} {2 * size}"
                    for x, v in np.round(mine, 1)
                )
                parts.append(f'<path d="{path}" stroke="{colour}" stroke-width="{2.4 if thick else 1}"/>')
    return "".join(parts)
