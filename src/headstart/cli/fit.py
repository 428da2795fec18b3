"""``headstart fit``: from data to a proven and saved model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def fit(
    data: Annotated[Path, typer.Argument(help="A folder with one folder a class, or a table (CSV, Parquet, JSONL).")],
    out: Annotated[Path | None, typer.Option(help="The run's folder. Default: runs/NAME.")] = None,
    source: Annotated[Path | None, typer.Option(help="Labelled data of another domain to learn from too.")] = None,
    unlabelled: Annotated[Path | None, typer.Option(help="Further data of the target, without labels.")] = None,
    target: Annotated[
        str | None, typer.Option(help="Instead: the target among the domains of DATA; the others are sources.")
    ] = None,
    target_labels: Annotated[
        str, typer.Option(help="learn; or judge: the target's labels are read at the end, to judge alone.")
    ] = "learn",
    budget: Annotated[str | None, typer.Option(help="Time to take, e.g. 90s, 10m, 1h. Default: a fixed list.")] = None,
    task: Annotated[
        str | None, typer.Option(help="classification, regression, multi_label or anomaly. Default: guessed.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="What is maximised. Default: the task's own.")] = None,
    backbone: Annotated[list[str] | None, typer.Option(help="A backbone to try; repeat for more.")] = None,
    head: Annotated[list[str] | None, typer.Option(help="A head to try; repeat for more.")] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="What to try beside heads, e.g. fine_tune or coral; repeat for more. Default: by the budget."
        ),
    ] = None,
    augmentation: Annotated[
        str | None, typer.Option(help="Of examples in fine-tuning: auto, or names joined by +, e.g. crop_flip+mixup.")
    ] = None,
    precision: Annotated[str, typer.Option(help="exact, auto or bf16.")] = "exact",
    label: Annotated[
        list[str] | None, typer.Option(help="Column of the labels; repeat for columns of 0 and 1.")
    ] = None,
    normal: Annotated[
        str | None, typer.Option(help="Label that means normal, for anomalies. Default: guessed.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="Column of the paths.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the texts.")] = None,
    modality: Annotated[
        str | None, typer.Option(help="image, text, audio, video, table, series or mixed. Default: guessed.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Steps of a window, for rows that are steps in time.")] = None,
    horizon: Annotated[int, typer.Option(help="Steps ahead of which a number is forecast.")] = 1,
    domain: Annotated[str | None, typer.Option(help="Column of the domains: figures for each.")] = None,
    group: Annotated[str | None, typer.Option(help="Column of the groups that no split parts.")] = None,
    split: Annotated[str | None, typer.Option(help="Column that says train, val or test.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times: the latest rows are the test part.")] = None,
    commercial: Annotated[bool, typer.Option("--commercial", help="Only weights that allow commercial use.")] = False,
    test_fraction: Annotated[float, typer.Option(help="Share put aside for the one test.")] = 0.2,
    n_folds: Annotated[int, typer.Option(help="Folds of the cross-validation.")] = 5,
    random_state: Annotated[int, typer.Option(help="The seed.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Clear another run from the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json.")] = False,
) -> None:
    """Read, audit, split, encode once, choose a head, judge honestly, report and save."""
    from headstart.cli.progress import progress_bars
    from headstart.run.fit import fit as run_fit

    with progress_bars(is_quiet=as_json) as progress:
        run = run_fit(
            data,
            source=source,
            unlabelled=unlabelled,
            target=target,
            target_labels=target_labels,
            budget=budget,
            out=out,
            metric=metric,
            backbones=backbone or None,
            heads=head or None,
            strategies=strategy or None,
            augmentation=augmentation,
            precision=precision,
            task=task,
            label=label[0] if label and len(label) == 1 else label or None,
            normal=normal,
            path=path,
            text=text,
            modality=modality,
            window=window,
            horizon=horizon,
            domain=domain,
            group=group,
            split=split,
            time_column=time,
            commercial=commercial,
            test_fraction=test_fraction,
            n_folds=n_folds,
            overwrite=overwrite,
            random_state=random_state,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(run.result, ensure_ascii=False, indent=1))
        return
    for guess in run.result["guesses"]:
        typer.echo(f"{guess['what']}: {guess['value']} ({guess['why']}; say otherwise with {guess['override']})")
    for finding in run.result["findings"]:
        typer.echo(f"{finding['severity']}: {finding['text']}")
    typer.echo(f"\n{run.leaderboard}\n\n{run.verdict}\n")
    if run.result.get("source", {}).get("sentence", "") not in run.verdict:
        typer.echo(f"{run.result['source']['sentence']}\n")
    typer.echo(f"{run.out}: report.html, model_card.md, leaderboard.csv, run.json, bundle/")
