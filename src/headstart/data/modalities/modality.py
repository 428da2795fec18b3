"""What a kind of example must say about itself, and how it is found by name."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from headstart.errors import UnknownNameError

if TYPE_CHECKING:
    from headstart.data.audit import Audit
    from headstart.data.finding import Finding


@dataclass(frozen=True, eq=False)
class Look:
    """What one look at one example tells.

    Args:
        digest: sha256 of the content.
        measures: one number for each of the modality's ``MEASURES``.
        imprint: what near-duplicates share, or None.
    """

    digest: bytes
    measures: tuple[float, ...]
    imprint: Any = None


class Modality(Protocol):
    """What a file of this folder has.

    Attributes:
        NAME: one of :data:`headstart.types.MODALITIES`.
        NOUN: what people call one example.
        SUFFIXES: endings, in lower case, of files that hold one example.
        MEASURES: names of the numbers that a look gives.
        SIZE: (one of the measures or a made-up name, its unit) that the report draws.
    """

    NAME: str
    NOUN: str
    SUFFIXES: frozenset[str]
    MEASURES: tuple[str, ...]
    SIZE: tuple[str, str]

    def open_example(self, source: Any, **settings: Any) -> Any:
        """The example as classic backbones take it. Raises :class:`~headstart.data.raw_file.UnreadableError`."""

    def look(self, source: Any) -> Look:
        """Open one example. Raises :class:`~headstart.data.raw_file.UnreadableError`."""

    def digest(self, source: Any) -> bytes:
        """The 32 bytes that name the content. Raises :class:`~headstart.data.raw_file.UnreadableError`."""

    def near_pairs(self, imprints: Sequence[Any]) -> NDArray[np.int64]:
        """(m, 2) positions of examples that are all but the same; exact copies are found elsewhere."""

    def sizes(self, audit: Audit) -> NDArray[np.float64]:
        """(n,) the size that the report draws."""

    def findings(self, audit: Audit) -> list[Finding]:
        """What the measures have to tell."""


def names() -> list[str]:
    """The kinds that can be read, sorted."""
    import headstart.data.modalities as package

    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "modality")


def get_modality(name: str) -> Modality:
    """The kind called ``name``.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if name not in names():
        raise UnknownNameError("Modality", name, names())
    return cast(Modality, import_module(f"headstart.data.modalities.{name}"))


def modality_of(path: Any) -> str | None:
    """The kind that a file's ending tells, or None.

    >>> modality_of("a.PNG"), modality_of("a.exe")
    ('image', None)
    """
    return _by_suffix().get(os.path.splitext(str(path).strip())[1].lower())


@lru_cache(maxsize=1)
def _by_suffix() -> dict[str, str]:
    return {suffix: name for name in names() for suffix in get_modality(name).SUFFIXES}
