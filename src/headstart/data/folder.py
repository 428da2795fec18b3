"""Read a tree with one folder a class, with or without train/val/test above."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

from headstart.data.examples import Examples
from headstart.data.image_file import IMAGE_SUFFIXES
from headstart.data.natural_order import natural_order
from headstart.data.split_names import split_name
from headstart.errors import InputError
from headstart.types import Guess

_IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini", "__pycache__"})


def read_folder(root: Path) -> Examples:
    """Pictures under ``root``: the folder below the root (or below train/val/test) is the class.

    Args:
        root: an absolute path to a folder.

    Raises:
        InputError: there is no picture below ``root``.
    """
    pictures, others = _files(root)
    if not pictures:
        found = f"{sum(others.values()):,} other files ({_counts(others)})" if others else "an empty folder"
        raise InputError(
            f"read needs pictures ({', '.join(sorted(IMAGE_SUFFIXES)[:6])} ...), got no readable file in "
            f"{str(root)!r}: {found}. Name the folder that holds the class folders."
        )
    pictures.sort(key=lambda path: natural_order(path.as_posix()))
    examples = Examples(
        inputs=[os.path.join(root, path) for path in pictures], ids=[path.as_posix() for path in pictures]
    )
    if others:
        examples.notes.append(f"{sum(others.values()):,} files that are no pictures were left out ({_counts(others)}).")
    n_levels = 1 if _has_split_folders(pictures) else 0
    if n_levels:
        examples.split = [split_name(path.parts[0]) or "" if len(path.parts) > 1 else "" for path in pictures]
        names = sorted({path.parts[0] for path in pictures if len(path.parts) > 1}, key=natural_order)
        why = f"the first folders are {', '.join(names)}"
        examples.guesses.append(Guess("split", "first folder level", why, "split=[one name a row]"))
    labels = [path.parts[n_levels] if len(path.parts) > n_levels + 1 else None for path in pictures]
    _set_labels(examples, labels, n_levels)
    return examples


def _set_labels(examples: Examples, labels: list[str | None], n_levels: int) -> None:
    names = {label for label in labels if label is not None}
    if not names:
        examples.notes.append("The folder holds no class folders: all pictures are unlabelled.")
        return
    examples.labels = labels
    where = "second folder level" if n_levels else "folder name"
    why = f"{len(names):,} folders hold {sum(label is not None for label in labels):,} pictures"
    examples.guesses.append(Guess("label", where, why, "labels=[one label a row]"))


def _has_split_folders(pictures: list[PurePath]) -> bool:
    """True when all first folders mean parts, and there are several or one with class folders inside."""
    first = {path.parts[0] for path in pictures if len(path.parts) > 1}
    if not first or any(split_name(name) is None for name in first):
        return False
    return len(first) > 1 or any(len(path.parts) > 2 for path in pictures)


def _files(root: Path) -> tuple[list[PurePath], Counter[str]]:
    pictures: list[PurePath] = []
    others: Counter[str] = Counter()
    for path in _walk(root):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            pictures.append(path)
        else:
            others[path.suffix.lower() or "no ending"] += 1
    return pictures, others


def _walk(root: Path) -> Iterator[PurePath]:
    seen: set[str] = set()
    waiting = [PurePath()]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(root / folder)
        if real in seen:  # A link back up would never end.
            continue
        seen.add(real)
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            raise InputError(
                f"read needs folders it may open, got {str(root / folder)!r} ({error.strerror}). Fix its rights."
            ) from error
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _IGNORED:
                continue
            if entry.is_dir():
                waiting.append(folder / entry.name)
            else:
                yield folder / entry.name


def _counts(others: Counter[str]) -> str:
    return ", ".join(f"{suffix} {n:,}" for suffix, n in others.most_common(4))
