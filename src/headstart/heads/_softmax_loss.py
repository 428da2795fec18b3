"""Weighted softmax (or logistic) loss and gradient of many problems in one pass over shared rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_ELEMENTS = 5_000_000
"""Numbers in one block of rows: large enough for the products, small enough for what lies between them."""


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that the same problems use: neighbours in memory."""

    rows: NDArray[Any]  # (b, d)
    codes: NDArray[np.int64]  # (b,)
    weights: NDArray[Any]  # (n_used, b)
    used: NDArray[np.int64]  # problems whose weights are not all zero here


class SoftmaxLoss:
    """Sum over the rows of weight times cross-entropy, for several weightings of the same rows (folds).

    Rows with weight 0 for a problem cost it nothing: they are sorted by the set of problems that use them.

    Args:
        rows: (n, d) features; float32 or float64 decides the precision of the products; sums are float64.
        codes: (n,) class codes.
        weights: (n_problems, n) non-negative weights.
        n_outputs: number of classes, or 1 for two classes with one logistic output.
    """

    def __init__(self, rows: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[Any], *, n_outputs: int) -> None:
        self.n_problems, self.n_outputs, self.dim = len(weights), n_outputs, rows.shape[1]
        self.dtype = rows.dtype
        self.resolution = 2e-6 if rows.dtype == np.float32 else 1e-14
        present = np.zeros((self.n_problems, max(n_outputs, 2)), dtype=bool)
        for problem, weight in enumerate(weights):
            present[problem, codes[weight > 0]] = True
        present[~present.any(axis=1)] = True  # a problem without rows
        self.absent = ~present if n_outputs > 1 and not present.all() else None
        self.blocks = list(_blocks(rows, codes, weights.astype(rows.dtype)))
        self.sums = self._class_sums()

    def __call__(self, points: dict[int, NDArray[Any]]) -> dict[int, tuple[float, NDArray[np.float64]]]:
        """Loss and (n_outputs * d,) gradient at each problem's flat point."""
        losses = dict.fromkeys(points, 0.0)
        gradients = {problem: np.zeros((self.n_outputs, self.dim)) for problem in points}
        stacked: tuple[list[int], NDArray[Any]] = ([], np.empty(0))
        for block in self.blocks:
            where = [place for place, problem in enumerate(block.used) if problem in points]
            problems = [int(block.used[place]) for place in where]
            if not problems:
                continue
            if problems != stacked[0]:
                together = np.concatenate([points[p].reshape(self.n_outputs, self.dim) for p in problems])
                stacked = (problems, together.astype(self.dtype))
            scores = (stacked[1] @ block.rows.T).reshape(len(problems), self.n_outputs, -1)
            sums = self._residuals(scores, block, block.weights[where], problems)
            gradient = scores.reshape(-1, scores.shape[2]) @ block.rows
            for place, problem in enumerate(problems):
                losses[problem] += float(sums[place])
                gradients[problem] += gradient[place * self.n_outputs : (place + 1) * self.n_outputs]
        return {problem: (losses[problem], gradients[problem].ravel()) for problem in points}

    def _class_sums(self) -> NDArray[np.float64]:
        """(n_problems, n_classes, d) weighted sums of each class's rows."""
        n_classes = max(self.n_outputs, 2)
        sums = np.zeros((self.n_problems, n_classes, self.dim))
        for block in self.blocks:
            for place, problem in enumerate(block.used):
                target = np.zeros((n_classes, len(block.codes)), dtype=self.dtype)
                target[block.codes, np.arange(len(block.codes))] = block.weights[place]
                sums[problem] += target @ block.rows
        return sums

    def _residuals(
        self, scores: NDArray[Any], block: Block, weights: NDArray[Any], problems: list[int]
    ) -> NDArray[np.float64]:
        """Turn (p, n_outputs, b) scores into weight * (probability - label) in place; return the (p,) losses."""
        if self.n_outputs == 1:
            return _logistic_residuals(scores[:, 0], block.codes, weights)
        if self.absent is not None:
            scores[self.absent[problems]] = -np.inf
        each = np.arange(scores.shape[2])
        scores -= scores.max(axis=1, keepdims=True)
        picked = scores[:, block.codes, each]
        np.exp(scores, out=scores)
        own = scores[:, block.codes, each]
        scores[:, block.codes, each] = 0
        others = scores.sum(axis=1)  # apart from the own class: 1 - probability would lose confident rows to rounding
        total = own + others
        losses = np.where(own > 0.5, np.log1p(others / np.maximum(own, 0.5)), np.log(total) - picked)
        losses[weights == 0] = 0
        share = weights / total
        scores *= share[:, None, :]
        scores[:, block.codes, each] = -others * share
        return np.asarray(np.einsum("pb,pb->p", losses, weights, dtype=np.float64))

    def curvature(self, points: dict[int, NDArray[Any]]) -> dict[int, NDArray[np.float64]]:
        """(n_outputs * d,) diagonal of the loss's Hessian at each point."""
        result = {problem: np.zeros((self.n_outputs, self.dim)) for problem in points}
        for problem, rows, weights, chances in self._chances(points):
            result[problem] += (chances * (1 - chances) * weights) @ np.square(rows)
        return {problem: values.ravel() for problem, values in result.items()}

    def intercept_curvature(self, points: dict[int, NDArray[Any]]) -> dict[int, NDArray[np.float64]]:
        """(n_outputs, n_outputs) Hessian of the loss in the intercepts at each point."""
        result = {problem: np.zeros((self.n_outputs, self.n_outputs)) for problem in points}
        for problem, _, weights, chances in self._chances(points):
            exact = chances.astype(np.float64)
            exact /= exact.sum(axis=0) if self.n_outputs > 1 else 1  # so that a common shift stays exactly free
            weighted = exact * weights
            result[problem] += np.diag(weighted.sum(axis=1)) - weighted @ exact.T
        return result

    def _chances(
        self, points: dict[int, NDArray[Any]]
    ) -> Iterator[tuple[int, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Problem, rows, weights and (n_outputs, b) probabilities of each block."""
        for block in self.blocks:
            for place, used in enumerate(block.used):
                problem = int(used)
                if problem in points:
                    table = points[problem].reshape(self.n_outputs, self.dim).astype(self.dtype)
                    chances = self.probabilities((table @ block.rows.T)[None], [problem])[0]
                    yield problem, block.rows, block.weights[place], chances

    def probabilities(self, scores: NDArray[Any], problems: list[int]) -> NDArray[Any]:
        """(p, n_outputs, b) scores as probabilities (of the second class where there is one output)."""
        if self.n_outputs == 1:
            return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)))
        if self.absent is not None:
            scores[self.absent[problems]] = -np.inf
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def _logistic_residuals(scores: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[Any]) -> NDArray[np.float64]:
    label = codes.astype(scores.dtype)
    small = np.exp(-np.abs(scores))
    losses = np.log1p(small) + np.where(label > 0, np.maximum(-scores, 0), np.maximum(scores, 0))
    chance = np.where(scores >= 0, 1, small) / (1 + small)
    wrong = np.where(scores >= 0, small, 1) / (1 + small)  # 1 - chance, without rounding
    scores[...] = weights * np.where(label > 0, -wrong, chance)
    return np.asarray(np.einsum("pb,pb->p", losses, weights, dtype=np.float64))


def _blocks(rows: NDArray[Any], codes: NDArray[np.int64], weights: NDArray[Any]) -> Iterator[Block]:
    pattern = weights > 0  # (n_problems, n)
    order = np.lexsort(pattern)
    rows, codes, weights, pattern = rows[order], codes[order], weights[:, order], pattern[:, order]
    changes = np.flatnonzero((pattern[:, 1:] != pattern[:, :-1]).any(axis=0)) + 1
    height = max(1, BLOCK_ELEMENTS // max(rows.shape[1], 1))
    if len(changes) > max(8, 2 * len(rows) // height):  # patterns too mixed to be worth separate blocks
        changes = changes[:0]
    edges = [0, *changes.tolist(), len(rows)]
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        for start in range(low, high, height):
            part = slice(start, min(start + height, high))
            used = np.flatnonzero(pattern[:, part].any(axis=1))
            if len(used):
                yield Block(rows[part], codes[part], np.ascontiguousarray(weights[used, part]), used)
