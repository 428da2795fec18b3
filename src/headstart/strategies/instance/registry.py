"""Weightings by name: one file a method, found by file name."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headstart.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from headstart.strategies.instance._weighting import Weighting

NOT_METHODS = ("registry", "reweighted")
ESTIMATORS = (
    "robust_bias_aware",
    "tradaboost",
    "tradaboost_r2",
    "transfer_forest",
    "transfer_tree",
    "two_stage_tradaboost_r2",
)
"""Methods that predict by themselves, and are no weightings."""


def names() -> list[str]:
    """The known weightings, sorted; imports none of them."""
    return sorted(set(_files()) - set(ESTIMATORS))


def estimator_names() -> list[str]:
    """The known methods that predict by themselves, sorted; imports none of them."""
    return sorted(set(_files()) & set(ESTIMATORS))


def weighting_class(name: str) -> type[Weighting]:
    """The class of the weighting ``name``.

    Raises:
        UnknownNameError: there is no such weighting.
    """
    if name not in names():
        raise UnknownNameError("weighting", name, names())
    found: type[Weighting] = _class_in(name)
    return found


def estimator_class(name: str) -> type[Any]:
    """The class of the method ``name`` that predicts by itself.

    Raises:
        UnknownNameError: there is no such method.
    """
    if name not in estimator_names():
        raise UnknownNameError("instance method", name, estimator_names())
    found: type[Any] = _class_in(name)
    return found


def make(name: str, **settings: Any) -> Weighting:
    """The unfitted weighting ``name``.

    Raises:
        UnknownNameError: there is no such weighting.
        InputError: the weighting has no such setting.
    """
    found = weighting_class(name)
    known = set(inspect.signature(found).parameters)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise InputError(f"{name} needs settings out of {sorted(known)}, got {unknown}. Correct the names.")
    return found(**settings)


def _files() -> list[str]:
    import headstart.strategies.instance as package

    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return [name for name in found if not name.startswith("_") and name not in NOT_METHODS]


def _class_in(name: str) -> Any:
    module = import_module(f"headstart.strategies.instance.{name}")
    return next(value for value in vars(module).values() if getattr(value, "name", None) == name)
