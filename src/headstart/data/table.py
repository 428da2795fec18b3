"""Read CSV, TSV, Parquet, JSONL files and data frames into named columns of plain values; nothing is executed."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.data.modalities.modality import modality_of
from headstart.errors import InputError, MissingExtraError
from headstart.types import Guess

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson"})
MAX_TABLE_BYTES = 1 << 30
MAX_ROWS = 20_000_000
MAX_CELL_CHARACTERS = 1 << 27
_SURELY_UTF8 = re.compile(rb"[\xc3-\xf4][\x80-\xbf](?![\x80-\xff])|[\xe0-\xef][\x80-\xbf]{2}")
_ODD_RUN = re.compile(rb"(?<![\x80-\xff])(?:[\x80-\xff]{2})*[\x80-\xff](?![\x80-\xff])")


@dataclass
class Table:
    """Columns of equal length by name, where they came from, and what was guessed on the way."""

    name: str
    columns: dict[str, list[Any]]
    folder: Path
    guesses: list[Guess] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


def read_table(path: Path) -> Table:
    """The table in a CSV, TSV, Parquet or JSONL file.

    Raises:
        InputError: the file is empty, too large, ragged, has two columns of one name, or is no table.
    """
    size = path.stat().st_size
    if not size:
        raise InputError(
            f"read needs a table with a header and rows, got {path.name!r}, which is empty (0 bytes). Write it again."
        )
    if size > MAX_TABLE_BYTES:
        raise InputError(
            f"read needs a table of at most {MAX_TABLE_BYTES:,} bytes, got {size:,} in {path.name!r}. Split it."
        )
    columns, guesses = _reader(path)(path)
    table = Table(path.name, columns, path.parent, guesses)
    if not len(table):
        raise InputError(f"read needs a table with rows, got only a header in {path.name!r}. Check how it was written.")
    return table


def _reader(path: Path) -> Callable[[Path], tuple[dict[str, list[Any]], list[Guess]]]:
    if path.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        from headstart.data.json_lines import read_json_lines

        return lambda path: (read_json_lines(path), [])
    return _read_csv


def table_from_frame(frame: Any) -> Table:
    """The table in a pandas DataFrame; relative paths in it are taken from the working directory."""
    names = [str(name) for name in frame.columns]
    _refuse_repeated("DataFrame", names)
    if not len(frame):
        raise InputError("read needs a DataFrame with rows, got 0 rows. Check the selection that made it.")
    columns = {name: frame.iloc[:, i].tolist() for i, name in enumerate(names)}
    return Table("DataFrame", columns, Path(os.getcwd()))


def _refuse_repeated(who: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"read needs column names that differ, got {twice[0]!r} more than once in {who}. Rename one of them."
        )


def _read_parquet(path: Path) -> tuple[dict[str, list[Any]], list[Guess]]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError("read", "pyarrow", "all") from error
    try:
        with ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_ROWS:
                raise InputError(
                    f"read needs at most {MAX_ROWS:,} rows, got {file.metadata.num_rows:,} in {path.name!r}. Split it."
                )
            _refuse_repeated(path.name, list(file.schema_arrow.names))
            columns = {str(name): column.to_pylist() for name, column in zip(*_arrow(file.read()), strict=True)}
    except (ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"read needs a whole Parquet file, got {path.name!r} ({reason}). Write it again.") from error
    return columns, []


def _arrow(table: Any) -> tuple[list[str], list[Any]]:
    # The column that pandas adds for its row index describes no example.
    names = [name for name in table.column_names if not str(name).startswith("__index_level_")]
    return names, [table.column(name) for name in names]


def _read_csv(path: Path) -> tuple[dict[str, list[Any]], list[Guess]]:
    text, guesses = _decode(path)
    delimiter = _delimiter(path, text)
    rows = _rows(path, text, delimiter)
    header, first = rows[0], 1
    if any(_looks_like_a_file(cell) for cell in header):
        header, first = [f"column {i + 1}" for i in range(len(header))], 0
        why = "the first row already names a file"
        guesses.append(Guess("header", "none", why, "write a header row with column names"))
    header = [name.strip() or f"column {i + 1}" for i, name in enumerate(header)]
    _refuse_repeated(repr(path.name), header)
    columns: dict[str, list[Any]] = {name: [row[i] for row in rows[first:]] for i, name in enumerate(header)}
    return columns, guesses


def _looks_like_a_file(cell: str) -> bool:
    return modality_of(cell) not in (None, "text")


def _decode(path: Path) -> tuple[str, list[Guess]]:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif _ODD_RUN.search(data):
        candidates = ["utf-8-sig", "cp1252", "gb18030"]
    else:  # Chinese characters come as pairs of high bytes, accented letters mostly alone.
        candidates = ["utf-8-sig", "gb18030", "cp1252"]
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "utf-8-sig":
            _refuse_two_encodings(path, data)
        why = "the bytes are not valid UTF-8"
        return text, [] if encoding == "utf-8-sig" else [Guess("encoding", encoding, why, "save the file as UTF-8")]
    raise InputError(
        f"read needs a text file, got {path.name!r}, whose bytes fit none of {', '.join(candidates)}. Save it as UTF-8."
    )


def _refuse_two_encodings(path: Path, data: bytes) -> None:
    """Lines that are UTF-8 beside lines that are not: one of them would be read as other letters than were written."""
    whole, broken = 0, 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            broken = broken or number
        else:
            # Two such letters could stand in another encoding by chance, hardly a line of them.
            whole = whole or (number if _SURELY_UTF8.search(line) else 0)
        if whole and broken:
            raise InputError(
                f"read needs one encoding in {path.name!r}, got UTF-8 in line {whole} and another one in line "
                f"{broken}. Save all of it as UTF-8."
            )


def _delimiter(path: Path, text: str) -> str:
    lines = [line for line in text[:65536].splitlines()[:20] if line.strip()]
    counts = {mark: [line.count(mark) for line in lines] for mark in "\t,;| "}
    if path.suffix.lower() == ".tsv":
        return "\t"
    # The mark that stands in every line, the comma first when several do; blanks only when nothing else does.
    everywhere = [mark for mark in ",\t;|" if lines and min(counts[mark]) > 0]
    if everywhere:
        return max(everywhere, key=lambda mark: len(set(counts[mark])) == 1)
    return " " if lines and min(counts[" "]) > 0 and not any(sum(counts[mark]) for mark in ",\t;|") else ","


def _rows(path: Path, text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True
    )
    rows: list[list[str]] = []
    usual = csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if rows and len(row) != len(rows[0]):
                raise InputError(
                    f"read needs {len(rows[0])} columns in every row of {path.name!r}, got {len(row)} in row "
                    f"{len(rows) + 1} (line {reader.line_num}). Quote cells that hold {delimiter!r}, or complete the "
                    "row."
                )
            if len(rows) > MAX_ROWS:
                raise InputError(f"read needs at most {MAX_ROWS:,} rows, got more in {path.name!r}. Split it.")
            rows.append(row)
    except csv.Error as error:
        raise InputError(
            f"read needs a whole CSV file, got {path.name!r}, damaged at line {reader.line_num} ({error}). Write it "
            "again."
        ) from error
    finally:
        csv.field_size_limit(usual)
    if not rows:
        raise InputError(
            f"read needs a table with a header and rows, got only blank lines in {path.name!r}. Write it again."
        )
    return rows
