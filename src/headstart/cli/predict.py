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
    """Predict classes and probabilities; unreadable rows are reported in place."""
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
    text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n" if is_json else _as_csv(rows, loaded.classes)
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
    rows = []
    for position, name in enumerate(names):
        problem = found.problems.get(position)
        proba = None if problem else {c: float(p) for c, p in zip(model.classes, found.proba[position], strict=True)}
        rows.append({"path": name, "label": found.labels[position], "proba": proba, "problem": problem})
    return rows


def _as_csv(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", *[f"p({name})" for name in classes], "problem"])
    for row in rows:
        proba = row["proba"] or {}
        figures = [f"{proba[name]:.6f}" if name in proba else "" for name in classes]
        writer.writerow([row["path"], row["label"] or "", *figures, row["problem"] or ""])
    return text.getvalue()
