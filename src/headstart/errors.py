"""Every error a user can meet: one class per kind, each also deriving from the builtin it specialises.

A message is one line: *{who} needs {what}, got {value!r}. {what to do}.*
"""

from collections.abc import Iterable
from difflib import get_close_matches


class HeadstartError(Exception):
    """Base of every error that headstart raises on purpose; the command line prints it and exits with ``exit_code``."""

    exit_code = 2


class InputError(HeadstartError, ValueError):
    """The data, a setting or an argument is not usable as given."""


class MissingPathError(HeadstartError, FileNotFoundError):
    """A path that was named does not exist."""


class UnknownNameError(HeadstartError, LookupError):
    """A backbone, head, metric or other name is not known."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known[:12])}."
        super().__init__(f"{kind} needs a known name, got {name!r}. {hint}")


class MissingExtraError(HeadstartError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, who: str, package: str, extra: str) -> None:
        super().__init__(f"{who} needs the package {package!r}. Run: pip install 'headstart[{extra}]'")


class IntegrityError(HeadstartError, ValueError):
    """A file is not what its recorded size, hash or structure says."""


class OutputExistsError(HeadstartError, FileExistsError):
    """The output folder holds another run."""


class StorageError(HeadstartError, OSError):
    """The disk is full or cannot be written."""


class DeadlineExceededError(HeadstartError, TimeoutError):
    """The time budget ran out before a first usable model existed."""

    exit_code = 3
