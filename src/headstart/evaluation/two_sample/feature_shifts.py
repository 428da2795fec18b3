"""Which columns changed from one domain to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.two_sample.label_shift import chi_squares

MISSING = "(missing)"


@dataclass(frozen=True)
class FeatureShift:
    """What changed in one column.

    Args:
        name: of the column.
        kind: "number" or "category".
        effect: largest gap of the distribution functions (numbers), or half the sum of the gaps of shares
            (categories); 0..1. Missing cells are a place of their own.
        p_value: Kolmogorov-Smirnov's or chi-square's, and that of missing cells; the smaller, doubled.
        adjusted_p_value: for looking at all columns, by Holm.
        source: the median, or the commonest category.
        target: the same of the target.
    """

    name: str
    kind: str
    effect: float
    p_value: float
    adjusted_p_value: float
    source: str
    target: str


def feature_shifts(source: Mapping[str, Any], target: Mapping[str, Any]) -> tuple[FeatureShift, ...]:
    """Compare column by column, the surest and largest change first.

    Args:
        source: name -> (n,) numbers or categories, missing ones NaN or None; a DataFrame or a mapping of lists.
        target: the same columns, (m,).

    Raises:
        InputError: the columns differ, or a side has no rows.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    names, others = list(source), list(target)
    if set(names) != set(others):
        gone, new = sorted(set(names) - set(others), key=str), sorted(set(others) - set(names), key=str)
        what = f"got {gone[:3]} in the source alone and {new[:3]} in the target alone"
        raise InputError(f"feature_shifts needs the same columns on both sides, {what}. Rename or drop them.")
    found = [_compared(str(name), _column(source[name]), _column(target[name])) for name in names]
    adjusted = holm([shift.p_value for shift in found])
    shifts = [FeatureShift(**vars(shift) | {"adjusted_p_value": p}) for shift, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(shifts, key=lambda shift: (shift.adjusted_p_value, -shift.effect)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having looked at all of them, in their order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return [float(value) for value in adjusted]


def _compared(name: str, source: NDArray[Any], target: NDArray[Any]) -> FeatureShift:
    if not len(source) or not len(target):
        raise InputError(f"feature_shifts needs rows on both sides, got {len(source)} and {len(target)}. Add rows.")
    gaps = [_is_missing(side) for side in (source, target)]
    known = [side[~gap] for side, gap in zip((source, target), gaps, strict=True)]
    is_number = all(len(side) == 0 or _are_numbers(side) for side in known) and any(len(side) for side in known)
    if not is_number:
        cells = [_named(side, gap) for side, gap in zip((source, target), gaps, strict=True)]
        effect, p_value = _categories(*cells)
        return FeatureShift(name, "category", effect, p_value, 1.0, *(_commonest(side) for side in cells))
    effect, p_value = _numbers(*(side.astype(np.float64) for side in known))
    if gaps[0].any() or gaps[1].any():
        missing, p_missing = _categories(*(gap.astype(str) for gap in gaps))
        effect, p_value = max(effect, missing), min(1.0, 2 * min(p_value, p_missing))
    medians = [f"{np.median(side.astype(np.float64)):.6g}" if len(side) else MISSING for side in known]
    return FeatureShift(name, "number", effect, p_value, 1.0, *medians)


def _numbers(source: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Kolmogorov-Smirnov: the largest gap of the distribution functions, and its p-value."""
    from scipy.stats import ks_2samp

    if not len(source) or not len(target):
        return 0.0, 1.0
    found = ks_2samp(source, target, method="asymp")
    return float(found.statistic), float(np.clip(found.pvalue, 0.0, 1.0))


def _categories(source: NDArray[Any], target: NDArray[Any]) -> tuple[float, float]:
    """Total variation of the shares, and chi-square's p-value."""
    from scipy.stats import chi2

    names, codes = np.unique(np.concatenate([source, target]), return_inverse=True)
    of_source = np.bincount(codes[: len(source)], minlength=len(names))
    totals = np.bincount(codes, minlength=len(names))
    of_target = totals - of_source
    effect = float(np.abs(of_source / len(source) - of_target / len(target)).sum() / 2)
    if len(names) < 2:
        return effect, 1.0
    return effect, float(chi2.sf(chi_squares(of_source[None], totals)[0], len(names) - 1))


def _column(values: Any) -> NDArray[Any]:
    plain = values.to_numpy() if hasattr(values, "to_numpy") else values
    found: NDArray[Any] = np.asarray(plain)
    return found if found.ndim == 1 else np.fromiter(plain, dtype=object, count=len(plain))


def _is_missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype.kind == "f":
        return np.asarray(np.isnan(column))
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    return np.array([cell is None or (isinstance(cell, float) and cell != cell) or cell == "" for cell in column])


def _are_numbers(column: NDArray[Any]) -> bool:
    if column.dtype.kind in "fiu":
        return True
    return column.dtype.kind == "O" and all(
        isinstance(cell, int | float | np.number) and not isinstance(cell, bool | np.bool_) for cell in column
    )


def _named(column: NDArray[Any], is_missing: NDArray[np.bool_]) -> NDArray[Any]:
    return np.array([MISSING if gap else str(cell) for cell, gap in zip(column, is_missing, strict=True)], dtype=object)


def _commonest(cells: NDArray[Any]) -> str:
    names, counts = np.unique(cells, return_counts=True)
    return str(names[counts.argmax()])
