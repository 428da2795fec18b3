"""``headstart search``: settings of a fine-tuning by trials, and what they are worth on rows put aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def search(
    data: Annotated[Path, typer.Argument(help="A folder with one folder a class, or a table (CSV, Parquet, JSONL).")],
    out: Annotated[
        Path | None, typer.Option(help="Where the settings go (.json). Default: settings.json in the storage.")
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="What is tuned: a name or a folder. Default: the cheapest that is ready.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Time for all of it, e.g. 10m, 2h. Default: 30 trials.")] = None,
    trials: Annotated[
        int | None, typer.Option(help="How many settings to try, those of earlier calls included.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="A folder or URL (as Optuna's) to go on from, or to share. Default: runs/NAME-search."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Trials at once.")] = 1,
    fix: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, a setting of FineTune that is not tried; repeat for more.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression. Default: guessed.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the labels. Default: guessed.")] = None,
    path: Annotated[str | None, typer.Option(help="Column of the paths.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the texts.")] = None,
    modality: Annotated[str | None, typer.Option(help="image, text, audio or video. Default: guessed.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of the groups that no split parts.")] = None,
    split: Annotated[str | None, typer.Option(help="Column that says train, val (judges the trials) or test.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times: the latest rows are the test part.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Share put aside for the one test.")] = 0.2,
    random_state: Annotated[int, typer.Option(help="The seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """Search settings of fine-tuning, then compare them with the rule's on a test part that is read once.

    For example: headstart search photos/ --backbone efficientnet_lite0 --budget 1h --out settings.json. Killed and
    run again it goes on; hs.FineTune(**settings) takes what is found.
    """
    from headstart.cli.progress import progress_bars
    from headstart.errors import InputError
    from headstart.run.fit import RUNS
    from headstart.run.search_settings import search_settings
    from headstart.whole_file import write_whole

    if out is not None and out.suffix.lower() != ".json":
        raise InputError(f"search needs --out with the ending .json, got {out.name!r}. Rename it.")
    kept = storage or str(RUNS / f"{data.resolve().stem}-search")
    out = Path(kept) / "settings.json" if out is None and "://" not in kept else out
    with progress_bars(is_quiet=as_json) as progress:
        found = search_settings(
            data,
            backbone=backbone,
            fixed=dict(map(_setting, fix or ())),
            budget=budget,
            n_trials=trials,
            storage=kept,
            n_jobs=jobs,
            task=task,
            label=label,
            path=path,
            text=text,
            modality=modality,
            group=group,
            split=split,
            time_column=time,
            test_fraction=test_fraction,
            random_state=random_state,
            progress=progress,
        )
    content = json.dumps(found.to_json(), ensure_ascii=False, indent=1) + "\n"
    if out is not None:
        write_whole(out, content)
    if as_json:
        typer.echo(content, nl=False)
        return
    typer.echo(str(found))
    if out is not None:
        typer.echo(f"\n{out}: settings for hs.FineTune, all trials, the figures")


def _setting(text: str) -> tuple[str, Any]:
    """Name and value of NAME=VALUE; what is no number, truth or null is a name."""
    from headstart.errors import InputError

    name, mark, value = text.partition("=")
    if not (name and mark):
        raise InputError(f"search needs --fix NAME=VALUE, got {text!r}. Write, say, --fix epochs=10.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
