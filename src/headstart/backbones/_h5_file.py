"""Looking into an HDF5 file before anything is read from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.errors import IntegrityError

_MOST_OBJECTS = 200_000
_MOST_TIMES = 50


def check_h5(path: Path, who: str) -> None:
    """Refuse what is no HDF5 file, points into other files, or claims far more data than it can hold.

    Raises:
        IntegrityError: any of these.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            claimed = sum(_bytes_of(part) for part in _parts(file))
    except _Hostile as error:
        raise IntegrityError(
            f"{who} needs a plain HDF5 file of weights, got {str(path)!r} with {error}. Do not trust its source."
        ) from error
    except Exception as error:  # a border: h5py raises many kinds for a damaged file
        raise IntegrityError(
            f"{who} needs a whole HDF5 file of weights, got {str(path)!r} ({type(error).__name__}). Get it again."
        ) from error
    if claimed > _MOST_TIMES * path.stat().st_size:
        raise IntegrityError(
            f"{who} needs a plain HDF5 file of weights, got {str(path)!r}, which claims {claimed} bytes. "
            "Do not trust its source."
        )


class _Hostile(ValueError):
    """Something that weights never need."""


def _parts(file: Any) -> Iterator[Any]:
    """Every data set, each once; links to other places are refused."""
    import h5py

    todo, seen = [file], set()
    while todo:
        group = todo.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _Hostile(f"a link at {name!r}")
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise _Hostile("too many parts")
            if isinstance(part, h5py.Group):
                todo.append(part)
            else:
                yield part


def _bytes_of(part: Any) -> int:
    import h5py

    if not isinstance(part, h5py.Dataset):
        return 0
    if part.is_virtual or part.external:
        raise _Hostile(f"data kept in another file at {part.name!r}")
    return int(part.size or 0) * int(part.dtype.itemsize)
