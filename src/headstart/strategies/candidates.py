"""Strategies by name or as instances, each made into an estimator that takes ``X_target``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from headstart.errors import InputError, UnknownNameError


def candidates(estimator: Any, strategies: Iterable[Any]) -> dict[str, Any]:
    """Unfitted estimators by name, in the given order; of equal names the later ones are numbered.

    Args:
        estimator: what alignments and weightings wrap.
        strategies: names of alignments, weightings and methods; instances of them; or estimators that take
            ``X_target`` themselves.

    Raises:
        UnknownNameError: there is no strategy of such a name.
        InputError: there is none at all, or an instance is none of these.
    """
    if isinstance(strategies, str):
        raise InputError(f"SafeTransfer needs a list of strategies, got {strategies!r}. Put it in brackets.")
    found: dict[str, Any] = {}
    for strategy in strategies:
        name = strategy if isinstance(strategy, str) else _name_of(strategy)
        number = sum(key.split(" ")[0] == name for key in found) + 1
        found[name if number == 1 else f"{name} {number}"] = _made(estimator, strategy)
    if not found:
        raise InputError("SafeTransfer needs at least one strategy, got none. Name one, e.g. 'coral'.")
    return found


def known_names() -> list[str]:
    """Names of all alignments, weightings and methods on features."""
    from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
    from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS

    return [name for kind in (ALIGNMENTS, WEIGHTINGS, FEATURE_METHODS, INSTANCE_METHODS) for name in kind.names()]


def _made(estimator: Any, strategy: Any) -> Any:
    from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
    from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS

    if not isinstance(strategy, str):
        return _wrapped(estimator, strategy)
    if strategy in ALIGNMENTS.names() or strategy in WEIGHTINGS.names():
        members = ALIGNMENTS if strategy in ALIGNMENTS.names() else WEIGHTINGS
        return _wrapped(estimator, members.make(strategy))
    for members in (FEATURE_METHODS, INSTANCE_METHODS):
        if strategy in members.names():
            takes_one = "estimator" in inspect.signature(members.class_of(strategy)).parameters
            return members.class_of(strategy)(estimator) if takes_one else members.make(strategy)
    raise UnknownNameError("SafeTransfer", strategy, known_names())


def _wrapped(estimator: Any, strategy: Any) -> Any:
    from headstart.strategies.feature.aligned import Aligned
    from headstart.strategies.instance._sample_weight import weight_keyword
    from headstart.strategies.instance.reweighted import Reweighted

    takes = set(inspect.signature(strategy.fit).parameters) if hasattr(strategy, "fit") else set()
    if hasattr(strategy, "predict") and "X_target" in takes:
        return strategy
    if hasattr(strategy, "transform_source") and hasattr(strategy, "transform_target"):
        return Aligned(estimator, strategy)
    if {"X_source", "X_target"} <= takes:
        return Reweighted(estimator, strategy, resample=weight_keyword(estimator) is None)
    what = f"SafeTransfer needs alignments, weightings or estimators whose fit takes X_target, got {strategy!r}"
    raise InputError(f"{what}. Take one of them, or its name.")


def _name_of(strategy: Any) -> str:
    """The member's name; for a wrapper the name of what it wraps; else the class."""
    parts = strategy, getattr(strategy, "alignment", None), getattr(strategy, "weighting", None)
    names = [str(getattr(part, "name", "")) for part in parts]
    return next(filter(None, names), type(strategy).__name__)
