"""Classes found by file name: one file a member, nothing imported to list their names."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

from headstart.errors import InputError, UnknownNameError


@final
@dataclass(frozen=True)
class Members:
    """The files of a package that hold one class each, whose ``name`` is the file's.

    Args:
        package: dotted name of the package.
        noun: what a member is, for messages.
        without: files that hold none; those that begin with an underscore never do.
        among: the only files that do, or None.
    """

    package: str
    noun: str
    without: Collection[str] = ("registry",)
    among: Collection[str] | None = None

    def names(self) -> list[str]:
        """The known members, sorted; imports none of them.

        >>> "ridge" in Members("headstart.heads", "head", ("registry", "trusted")).names()
        True
        """
        files = (module.name for module in pkgutil.iter_modules(import_module(self.package).__path__))
        return sorted(name for name in files if self._is_member(name))

    def class_of(self, name: str) -> type[Any]:
        """The class of the member ``name``.

        Raises:
            UnknownNameError: there is no such member.
        """
        if name not in self.names():
            raise UnknownNameError(self.noun, name, self.names())
        module = import_module(f"{self.package}.{name}")
        found: type[Any] = next(v for v in vars(module).values() if getattr(v, "name", None) == name)
        return found

    def make(self, name: str, **settings: Any) -> Any:
        """The unfitted member ``name``.

        Raises:
            UnknownNameError: there is no such member.
            InputError: it has no such setting.
        """
        found = self.class_of(name)
        known = set(inspect.signature(found).parameters)
        unknown = sorted(set(settings) - known)
        if unknown:
            raise InputError(f"{name} needs settings out of {sorted(known)}, got {unknown}. Correct the names.")
        return found(**settings)

    def _is_member(self, name: str) -> bool:
        if name.startswith("_") or name in self.without:
            return False
        return self.among is None or name in self.among
