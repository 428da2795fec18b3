"""``headstart predict``: files, folders and tables through a saved model."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

BATCH_ROWS = 512


def predict(
    model: Annotated[Path, typer.Argument(help="A run's folder, a bundle, or a bundle's zip archive.")],
    inputs: Annotated[list[str], typer.Argument(help="Files, folders, or tables of paths or texts.")],
    out: Annotated[Path | None, typer.Option(help="Write there (.csv or .json) instead of to the screen.")] = None,
    path: Annotated[str | None, typer.Option(help="The tables' column of paths.")] = None,
    text: Annotated[str | None, typer.Option(help="The tables' column of texts.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of CSV.")] = False,
) -> None:
    """Predict classes, numbers, labels or anomalies; unreadable rows are reported in place."""
    from headstart.bundle.load import load_bundle
    from headstart.cli.progress import progress_bars
    from headstart.data.read_examples import read_examples
    from headstart.whole_file import write_whole

    loaded = load_bundle(model)
    names: list[str] = []
    examples: list[Any] = []
    for source in _sources(inputs):
        found = read_examples(source, loaded.modality, loaded.about.get("roles", {}), path=path, text=text)
        examples += found.inputs
        names += found.ids
    rows: list[dict[str, Any]] = []
    with progress_bars() as progress:
        for begin in range(0, len(examples), BATCH_ROWS):
            rows += _predict_batch(loaded, names[begin : begin + BATCH_ROWS], examples[begin : begin + BATCH_ROWS])
            progress("predict", len(rows), len(examples))
    is_json = as_json or (out is not None and out.suffix == ".json")
    text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n" if is_json else _as_csv(rows, loaded)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_whole(out, text)
        n_bad = sum(row["problem"] is not None for row in rows)
        typer.echo(f"{len(rows)} rows, {n_bad} unreadable -> {out}", err=True)


def _sources(inputs: Sequence[str]) -> list[Any]:
    """Single files together in one list; folders and tables one by one, for the reader."""
    from headstart.errors import MissingPathError

    sources: list[Any] = []
    for name in inputs:
        if not Path(name).exists():
            raise MissingPathError(f"predict needs files or folders, got {name!r}. There is no such path.")
        if Path(name).is_dir() or Path(name).suffix.lower() in (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson"):
            sources.append(name)
        elif sources and isinstance(sources[-1], list):
            sources[-1].append(Path(name))
        else:
            sources.append([Path(name)])
    return sources


def _predict_batch(model: Any, names: Sequence[str], examples: Sequence[Any]) -> list[dict[str, Any]]:
    found = model.predict_rows(examples)
    columns = model.answer.columns(model.classes)
    rows = []
    for position, name in enumerate(names):
        problem = found.problems.get(position)
        row = {"path": name, model.answer.COLUMN: found.labels[position]}
        if model.answer.FIGURES == "predict_proba":
            columns = model.classes
            row["proba"] = None
        figures = None if problem else dict(zip(columns, map(float, found.figures[position]), strict=True))
        row |= {"proba": figures} if "proba" in row else figures or dict.fromkeys(columns)
        rows.append(row | {"problem": problem})
    return rows


def _as_csv(rows: Sequence[dict[str, Any]], model: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    answer = model.answer
    columns = answer.columns(model.classes)
    writer.writerow(["path", answer.COLUMN, *columns, "problem"])
    for row in rows:
        said = row[answer.COLUMN]
        values = (row["proba"] or {}).values() if "proba" in row else [row[name] for name in columns]
        figures = ["" if value is None else _figure(value) for value in values] or [""] * len(columns)
        writer.writerow([row["path"], "" if said is None else answer.as_text(said), *figures, row["problem"] or ""])
    return text.getvalue()


def _figure(value: float) -> str:
    """Six decimals of what lies in 0..1, else eight digits."""
    return f"{value:.6f}" if 0 <= value <= 1 else f"{value:.8g}"
