"""Read a tree of files with one folder a class, with or without train/val/test above."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from headstart.data.examples import Examples
from headstart.data.modalities.modality import get_modality, modality_of
from headstart.data.natural_order import natural_order
from headstart.data.split_names import split_name
from headstart.errors import InputError
from headstart.types import Guess

_IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini", "__pycache__"})


def read_folder(root: Path, modality: str | None = None) -> Examples:
    """Files of one kind under ``root``: the folder below the root (or below train/val/test) is the class.

    Args:
        root: an absolute path to a folder.
        modality: the kind of file that counts, or None for the most frequent one.

    Raises:
        InputError: there is no such file below ``root``.
    """
    by_kind, others = _files(root)
    modality = modality or _most_frequent(by_kind)
    files = by_kind.pop(modality, []) if modality else []
    for path in (path for left in by_kind.values() for path in left):
        others[path.suffix.lower()] += 1
    if modality is None or not files:
        noun, suffixes = (get_modality(modality).NOUN + "s", get_modality(modality).SUFFIXES) if modality else (
            "pictures or other examples", get_modality("image").SUFFIXES
        )  # fmt: skip
        found = f"{sum(others.values()):,} other files ({_counts(others)})" if others else "an empty folder"
        raise InputError(
            f"read needs {noun} ({', '.join(sorted(suffixes)[:6])} ...), got no readable file in "
            f"{str(root)!r}: {found}. Name the folder that holds the class folders."
        )
    files.sort(key=lambda path: natural_order(path.as_posix()))
    examples = Examples(
        inputs=[_input(root / path, modality) for path in files],
        ids=[path.as_posix() for path in files],
        modality=modality,
    )
    noun = get_modality(modality).NOUN
    if others:
        examples.notes.append(f"{sum(others.values()):,} files that are no {noun}s were left out ({_counts(others)}).")
    n_levels = 1 if _has_split_folders(files) else 0
    if n_levels:
        examples.split = [split_name(path.parts[0]) or "" if len(path.parts) > 1 else "" for path in files]
        names = sorted({path.parts[0] for path in files if len(path.parts) > 1}, key=natural_order)
        why = f"the first folders are {', '.join(names)}"
        examples.guesses.append(Guess("split", "first folder level", why, "split=[one name a row]"))
    labels = [path.parts[n_levels] if len(path.parts) > n_levels + 1 else None for path in files]
    _set_labels(examples, labels, n_levels)
    return examples


def _most_frequent(by_kind: dict[str, list[PurePath]]) -> str | None:
    """The kind with the most files; one document alone is a note about the folder, not an example in it."""
    counts = {kind: len(files) for kind, files in by_kind.items() if kind != "text" or len(files) > 1}
    return max(counts, key=lambda kind: counts[kind], default=None)


def _input(path: Path, modality: str) -> Any:
    """A string is a text itself, so that a document is a path."""
    return path if modality == "text" else os.path.join(path)


def _set_labels(examples: Examples, labels: list[str | None], n_levels: int) -> None:
    names = {label for label in labels if label is not None}
    if not names:
        examples.notes.append("The folder holds no class folders: all examples are unlabelled.")
        return
    examples.labels, examples.labels_are_names = labels, True
    where = "second folder level" if n_levels else "folder name"
    noun = get_modality(examples.modality).NOUN
    why = f"{len(names):,} folders hold {sum(label is not None for label in labels):,} {noun}s"
    examples.guesses.append(Guess("label", where, why, "labels=[one label a row]"))


def _has_split_folders(files: list[PurePath]) -> bool:
    """True when all first folders mean parts, and there are several or one with class folders inside."""
    first = {path.parts[0] for path in files if len(path.parts) > 1}
    if not first or any(split_name(name) is None for name in first):
        return False
    return len(first) > 1 or any(len(path.parts) > 2 for path in files)


def _files(root: Path) -> tuple[dict[str, list[PurePath]], Counter[str]]:
    """Files by kind, pictures first, and the endings of all others."""
    by_kind: dict[str, list[PurePath]] = {"image": []}
    others: Counter[str] = Counter()
    for path in _walk(root):
        kind = modality_of(path)
        if kind is None:
            others[path.suffix.lower() or "no ending"] += 1
        else:
            by_kind.setdefault(kind, []).append(path)
    return {kind: files for kind, files in by_kind.items() if files}, others


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
