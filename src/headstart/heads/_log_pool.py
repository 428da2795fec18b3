"""Several predictors' evidence added up in log-probabilities, with weights from rows that they did not see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1e-6
"""Probabilities are held above this: one predictor's certainty must not outvote all others."""


def evidence(proba: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_parts, n, n_classes) what each predictor adds to the classes' shares, in log-probability; 0: it adds nothing.

    Args:
        proba: (n_parts, n, n_classes) probabilities, those of a missing part equal to ``shares``.
        shares: (n_classes,) of the training rows.
    """
    return np.asarray(np.log(np.clip(proba, SMALLEST, 1)) - np.log(np.clip(shares, SMALLEST, 1)))


def gated_terms(proba: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_blocks * 3, n, n_classes) each part's evidence times 1, its margin and its entropy.

    Args:
        proba: (n_blocks, n, n_classes) probabilities.
        shares: (n_classes,) of the training rows.
    """
    safe = np.clip(proba, 1e-6, 1.0)
    ordered = np.sort(safe, axis=2)
    margin = np.log(ordered[:, :, -1]) - np.log(ordered[:, :, -2])
    entropy = -(safe * np.log(safe)).sum(axis=2)
    seen = np.stack([np.ones_like(margin), margin, entropy], axis=1)  # (n_blocks, 3, n)
    terms = seen[:, :, :, None] * evidence(proba, shares)[:, None]
    return terms.reshape(-1, *proba.shape[1:])


def pooled(terms: NDArray[np.float64], pool: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n_classes) probabilities: the softmax of ``log(shares) + sum_k pool_k terms_k``.

    Args:
        terms: (n_terms, n, n_classes) evidence.
        pool: (n_terms,) its weights.
        shares: (n_classes,) of the training rows.
    """
    scores = np.log(np.clip(shares, SMALLEST, 1)) + np.einsum("k,knc->nc", pool, terms)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_pool(
    terms: NDArray[np.float64],
    shares: NDArray[np.float64],
    codes: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    penalty: float = 0.0,
    at_least: float | None = None,
) -> NDArray[np.float64]:
    """(n_terms,) the weights of the least log-loss, a convex problem with one optimum.

    Args:
        terms: (n_terms, n, n_classes) evidence about rows that the predictors did not see.
        shares: (n_classes,) of the training rows.
        codes: (n,) true classes.
        weights: (n,) of the rows.
        penalty: on the squared weights, for each row.
        at_least: lower bound of the weights, or None.
    """
    from scipy.optimize import minimize

    rows, weight = np.arange(len(codes)), weights / weights.sum()

    def loss(pool: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        proba = pooled(terms, pool, shares)
        value = -(weight * np.log(np.maximum(proba[rows, codes], 1e-300))).sum() + penalty * (pool**2).sum()
        expected = np.einsum("nc,knc->kn", proba, terms)
        slope = (weight * (expected - terms[:, rows, codes])).sum(axis=1)
        return float(value), slope + 2 * penalty * pool

    start = np.full(len(terms), 1.0 / max(1, len(terms)))
    bounds = [(at_least, None)] * len(terms)
    options = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x)
