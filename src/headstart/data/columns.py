"""Guess which column of a table says what: by its name first, then by what stands in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from headstart.data.labels import as_text, is_missing
from headstart.data.modalities.modality import modality_of
from headstart.data.split_names import split_name
from headstart.data.table import Table
from headstart.errors import InputError
from headstart.types import Guess

_NAMES = {
    "path": (
        "path filepath file_path filename file_name file image image_path imagepath img img_path photo picture "
        "audio audio_path wav clip recording 路径 文件 文件名 图片 音频"
    ).split(),
    "text": (
        "text sentence document review comment content body question tweet message post abstract summary title "
        "headline utterance 文本 内容 评论 句子 文章 标题"
    ).split(),
    "label": "label labels class class_name classname target category y diagnosis tags 标签 类别 分类".split(),
    "domain": "domain domains site vendor hospital camera device scanner sensor 域 来源".split(),
    "group": "group groups group_id patient patient_id subject subject_id person_id user_id object_id 组 患者".split(),
    "split": "split set subset fold_name partition part phase 划分 数据集".split(),
    "time": "time timestamp date datetime taken_at created_at captured_at acquired 时间 日期".split(),
}
_SAMPLE_ROWS = 2000
_MAX_CLASSES = 1000
_LONGEST_PATH = 1024


def named_column(table: Table, what: str, name: str) -> list[Any]:
    """The column ``name``, or an error that lists the columns and offers the nearest."""
    if name in table.columns:
        return table.columns[name]
    near = get_close_matches(name, list(table.columns), n=1, cutoff=0.5)
    known = ", ".join(repr(column) for column in list(table.columns)[:20])
    hint = f" Did you mean {near[0]!r}?" if near else f" Give {what}= one of them."
    raise InputError(f"read needs the {what} column {name!r} in {table.name!r}, got the columns {known}.{hint}")


def guess_columns(table: Table, wanted: Sequence[str], taken: set[str], labels: Any = None) -> dict[str, Guess]:
    """For each role in ``wanted`` the guessed column (``Guess.value``), where one fits.

    Args:
        table: the table.
        wanted: roles among "path", "text", "label", "split", "time", "group" and "domain", in the order in which they
            may choose.
        taken: columns the user has already given a role; they are left alone.
        labels: (n,) labels where they are known already.
    """
    found: dict[str, Guess] = {}
    free = [name for name in table.columns if name not in taken]
    for by_content in (False, True):
        for role in wanted:
            if role in found:
                continue
            hit = (
                _by_content(table, role, free, _labels(table, found, labels))
                if by_content
                else _by_name(table, role, free)
            )
            if hit is not None:
                column, why = hit
                found[role] = Guess(role, column, why, f"{role}=<column>")
                free.remove(column)
    return found


def _by_name(table: Table, role: str, free: list[str]) -> tuple[str, str] | None:
    lowered = {name.strip().lower().replace(" ", "_").replace("-", "_"): name for name in reversed(free)}
    for known in _NAMES[role]:
        if known in lowered and _FITS[role](_sample(table, lowered[known])):
            return lowered[known], f"the column is called {lowered[known]!r}"
    return None


def _sample(table: Table, column: str) -> list[Any]:
    values = table.columns[column]
    step = max(1, len(values) // _SAMPLE_ROWS)
    return [value for value in values[::step] if not is_missing(value)]


def _labels(table: Table, found: dict[str, Guess], labels: Any) -> list[Any] | None:
    if labels is not None:
        return list(labels)
    return table.columns[found["label"].value] if "label" in found else None


def _by_content(table: Table, role: str, free: list[str], labels: list[Any] | None) -> tuple[str, str] | None:
    if role == "label":
        return _label_by_content(table, free)
    if role == "group":
        return _group_by_content(table, free, labels)
    if role in _BY_CONTENT:
        holds, why = _BY_CONTENT[role]
        return next(((column, why) for column in free if holds(_sample(table, column))), None)
    return None


def _anything(sample: list[Any]) -> bool:
    return bool(sample)


def _holds_paths(sample: list[Any]) -> bool:
    hits = sum(
        isinstance(v, str | os.PathLike) and len(str(v)) < _LONGEST_PATH and modality_of(v) is not None for v in sample
    )
    return bool(sample) and hits > len(sample) / 2


def _may_hold_paths(sample: list[Any]) -> bool:
    """Text without line breaks, or paths."""
    return bool(sample) and all(
        isinstance(v, os.PathLike) or not isinstance(v, str) or (len(v) < _LONGEST_PATH and "\n" not in v)
        for v in sample
    )


def _holds_texts(sample: list[Any]) -> bool:
    """Mostly different strings of several words (or a dozen characters of a script without spaces)."""
    texts = [value for value in sample if isinstance(value, str)]
    if not texts or len(texts) < len(sample) / 2 or _holds_paths(sample):
        return False
    is_long = sum(len(text.split()) >= 3 or (not text.isascii() and len(text) >= 6) for text in texts)
    return is_long > len(texts) / 2 and len(set(texts)) > len(texts) / 2


def _holds_splits(sample: list[Any]) -> bool:
    names = {split_name(str(value)) for value in sample}
    return None not in names and len(names) > 1


def _holds_times(sample: list[Any]) -> bool:
    from headstart.data.times import as_times

    return bool(sample) and as_times(sample) is not None


def _few_values(sample: list[Any]) -> bool:
    n_values = len({str(value) for value in sample})
    return 1 <= n_values <= max(2, min(_MAX_CLASSES, len(sample) // 2))


_BY_CONTENT = {
    "path": (_holds_paths, "its values end like files"),
    "text": (_holds_texts, "its values are sentences"),
    "split": (_holds_splits, "its values are train, val or test"),
}
_FITS = {
    "path": _may_hold_paths,
    "text": _anything,
    "label": _anything,
    "domain": _few_values,
    "group": _anything,
    "split": _holds_splits,
    "time": _holds_times,
}


def _label_by_content(table: Table, free: list[str]) -> tuple[str, str] | None:
    """The column with the fewest values among those whose values repeat; text before numbers."""
    best: tuple[tuple[bool, int], str] | None = None
    for column in free:
        sample = as_text(_sample(table, column))
        n_values = len(set(sample))
        if n_values < 2 or not _few_values(list(sample)) or _holds_paths(list(sample)):
            continue
        rank = (all(_is_float(value) for value in sample), n_values)
        if best is None or rank < best[0]:
            best = rank, column
    return None if best is None else (best[1], f"it has {best[0][1]:,} different values that repeat")


def _is_float(value: str | None) -> bool:
    try:
        float(value or "")
    except ValueError:
        return False
    return True


def _group_by_content(table: Table, free: list[str], labels: list[Any] | None) -> tuple[str, str] | None:
    """A column whose values repeat a few times each and always with the same label: several views of one object."""
    if labels is None or len(labels) != len(table):
        return None
    for column in free:
        values = as_text(table.columns[column])
        has_fractions = any(_is_float(value) and "." in (value or "") for value in values[:50])
        if not has_fractions and _is_grouping(values, labels):
            return column, f"its {len(set(values)):,} values repeat a few times each, always with one label"
    return None


def _is_grouping(values: Sequence[str | None], labels: Sequence[Any]) -> bool:
    seen: dict[str, Counter[str]] = {}
    for value, label in zip(values, labels, strict=True):
        if value is not None:
            seen.setdefault(value, Counter())[str(label)] += 1
    repeated = [count for count in seen.values() if count.total() > 1]
    n_repeated = sum(count.total() for count in repeated)
    if len(seen) < 10 or n_repeated < len(values) / 2 or n_repeated > 20 * len(repeated):
        return False
    return sum(len(count) == 1 for count in repeated) >= 0.99 * len(repeated)
