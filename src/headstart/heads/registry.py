"""Heads by name: one file a head, found by file name."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from headstart.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from headstart.heads._feature_head import FeatureHead

NOT_HEADS = ("registry", "trusted")


def names(task: str | None = None) -> list[str]:
    """The known heads, sorted: all, which imports none of them, or those that serve ``task``."""
    import headstart.heads as package

    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    known = sorted(name for name in found if not name.startswith("_") and name not in NOT_HEADS)
    return known if task is None else [name for name in known if head_class(name).task == task]


def head_class(name: str) -> type[FeatureHead]:
    """The class of the head ``name``.

    Raises:
        UnknownNameError: there is no such head.
    """
    if name not in names():
        raise UnknownNameError("head", name, names())
    module = import_module(f"headstart.heads.{name}")
    found: type[FeatureHead] = next(value for value in vars(module).values() if getattr(value, "name", None) == name)
    return found


def make(name: str, **settings: Any) -> FeatureHead:
    """The unfitted head ``name``.

    Raises:
        UnknownNameError: there is no such head.
        InputError: the head has no such setting.
    """
    found = head_class(name)
    known = set(inspect.signature(found).parameters)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise InputError(f"{name} needs settings out of {sorted(known)}, got {unknown}. Correct the names.")
    return found(**settings)
