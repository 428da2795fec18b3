"""``headstart diagnose``: how a target differs from a source, what that costs, and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

REPORTS = (".json", ".md", ".txt")


def diagnose(
    source: Annotated[Path, typer.Argument(help="The labelled data: a folder with one folder a class, or a table.")],
    target: Annotated[Path, typer.Argument(help="The data it is to serve; labels there are read to judge alone.")],
    label: Annotated[str | None, typer.Option(help="Column of the labels. Default: guessed.")] = None,
    path: Annotated[str | None, typer.Option(help="Column of the paths.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the texts.")] = None,
    modality: Annotated[
        str | None, typer.Option(help="image, text, audio, video, table, series or mixed. Default: guessed.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="What makes features. Default: the cheapest that is ready.")
    ] = None,
    random_state: Annotated[int, typer.Option(help="The seed.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the report there too (.json, .md or .txt).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Test how two domains differ, estimate what that costs a model of the first, and name what fits."""
    from headstart.cli.progress import progress_bars
    from headstart.errors import InputError
    from headstart.selection.diagnose import diagnose as compare
    from headstart.whole_file import write_whole

    if out is not None and out.suffix.lower() not in REPORTS:
        raise InputError(f"diagnose needs --out with an ending of {', '.join(REPORTS)}, got {out.name!r}. Rename it.")
    with progress_bars(is_quiet=as_json) as progress:
        found = compare(
            source,
            target,
            label=label,
            path=path,
            text=text,
            modality=modality,
            backbone=backbone,
            random_state=random_state,
            progress=progress,
        )
    content = json.dumps(found.to_json(), ensure_ascii=False, indent=1) + "\n"
    if out is not None:
        text_of = {".json": content, ".md": found.to_markdown(), ".txt": f"{found}\n"}
        write_whole(out, text_of[out.suffix.lower()])
    typer.echo(content if as_json else f"{found}", nl=not as_json)
