"""Alignments by name: one file a method, found by file name."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headstart.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from headstart.strategies.feature._alignment import Alignment

NOT_METHODS = ("registry", "aligned")
ESTIMATORS = ("easytl", "meda", "jdot")
"""Methods that predict by themselves, and are no alignments."""


def names() -> list[str]:
    """The known alignments, sorted; imports none of them."""
    return sorted(set(_files()) - set(ESTIMATORS))


def estimator_names() -> list[str]:
    """The known methods that predict by themselves, sorted; imports none of them."""
    return sorted(set(_files()) & set(ESTIMATORS))


def alignment_class(name: str) -> type[Alignment]:
    """The class of the alignment ``name``.

    Raises:
        UnknownNameError: there is no such alignment.
    """
    if name not in names():
        raise UnknownNameError("alignment", name, names())
    found: type[Alignment] = _class_in(name)
    return found


def estimator_class(name: str) -> type[Any]:
    """The class of the method ``name`` that predicts by itself.

    Raises:
        UnknownNameError: there is no such method.
    """
    if name not in estimator_names():
        raise UnknownNameError("feature method", name, estimator_names())
    found: type[Any] = _class_in(name)
    return found


def make(name: str, **settings: Any) -> Alignment:
    """The unfitted alignment ``name``.

    Raises:
        UnknownNameError: there is no such alignment.
        InputError: it has no such setting.
    """
    found = alignment_class(name)
    known = set(inspect.signature(found).parameters)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise InputError(f"{name} needs settings out of {sorted(known)}, got {unknown}. Correct the names.")
    return found(**settings)


def _files() -> list[str]:
    import headstart.strategies.feature as package

    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return [name for name in found if not name.startswith("_") and name not in NOT_METHODS]


def _class_in(name: str) -> Any:
    module = import_module(f"headstart.strategies.feature.{name}")
    return next(value for value in vars(module).values() if getattr(value, "name", None) == name)
