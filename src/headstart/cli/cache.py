"""``headstart cache``: look at the feature cache, make it smaller, check it.

Exit codes: 0 all is well; 1 ``verify`` found something damaged (repaired or not); 2 a setting or the folder is wrong.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Look at the feature cache, make it smaller, check it.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_MAX_ROWS_SHOWN = 20


@app.command("ls")
def list_cache(as_json: _AsJson = False) -> None:
    """List what the cache holds, used last first."""
    from headstart.features.cache import FeatureCache
    from headstart.features.cache_size import format_size

    cache = FeatureCache()
    spaces = cache.ls()
    total = sum(space.bytes for space in spaces)
    if as_json:
        told = {"root": str(cache.root), "bytes": total, "max_bytes": cache.max_bytes}
        _print_json(told | {"spaces": [dataclasses.asdict(space) for space in spaces]})
        return
    from rich.markup import escape
    from rich.table import Table

    console = _console()
    if spaces:
        table = Table("space", "rows", "dim", "size", "last used", "what", box=None, pad_edge=False)
        for space in spaces:
            used = datetime.fromtimestamp(space.last_used).strftime("%Y-%m-%d %H:%M")
            used += " (in use)" if space.is_live else ""
            sizes = (f"{space.rows:,}", str(space.dim), format_size(space.bytes))
            table.add_row(space.address[:12], *sizes, used, escape(_describe(space.key)))
        console.print(table)
    console.print(
        f"{format_size(total)} of at most {format_size(cache.max_bytes)} in {cache.root}", markup=False, soft_wrap=True
    )


@app.command("prune")
def prune_cache(
    max_size: Annotated[
        str | None, typer.Option("--max-size", help="Come down to this size, like 5GB. Default: HEADSTART_CACHE_MAX.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete everything that is not being written.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Delete the features used longest ago until the cache is small enough."""
    from headstart.features.cache import FeatureCache
    from headstart.features.cache_size import format_size

    cache = FeatureCache()
    freed = cache.prune(max_size, everything=everything)
    left = sum(space.bytes for space in cache.ls())
    if as_json:
        _print_json({"root": str(cache.root), "freed_bytes": freed, "bytes": left})
    else:
        _console().print(
            f"Freed {format_size(freed)}; {format_size(left)} left in {cache.root}", markup=False, soft_wrap=True
        )


@app.command("verify")
def verify_cache(
    repair: Annotated[bool, typer.Option("--repair", help="Remove the damaged rows; they are computed again.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Check every stored row against its checksum. Exits with 1 when something damaged was found, repaired or not."""
    from headstart.features.cache import FeatureCache

    cache = FeatureCache()
    report = cache.verify(repair=repair)
    if as_json:
        _print_json({"root": str(cache.root), "is_sound": report.is_sound} | dataclasses.asdict(report))
    else:
        console = _console()
        for bad in report.bad[:_MAX_ROWS_SHOWN]:
            row = f" row {bad.row}" if bad.row >= 0 else ""
            console.print(f"{bad.address[:12]} {bad.shard}{row}: {bad.reason}", markup=False, soft_wrap=True)
        if len(report.bad) > _MAX_ROWS_SHOWN:
            console.print(f"... and {len(report.bad) - _MAX_ROWS_SHOWN:,} more; --json lists all")
        console.print(_sum_up(report.rows, len(report.bad), report.repaired), markup=False, soft_wrap=True)
    if not report.is_sound:
        raise typer.Exit(1)


def _sum_up(n_sound: int, n_bad: int, n_repaired: int) -> str:
    if n_bad == 0:
        return f"All {n_sound:,} rows are sound."
    if n_repaired:
        left = n_bad - n_repaired
        return f"{n_sound:,} rows are sound, {n_repaired:,} damaged ones were removed, {left:,} are in use and stay."
    return f"{n_sound:,} rows are sound, {n_bad:,} are damaged and never used. Remove them with --repair."


def _describe(key: dict[str, Any]) -> str:
    text = ", ".join(f"{name}={value}" for name, value in key.items() if not isinstance(value, (dict, list)))
    return text if key else "(its space.json is missing or damaged)"


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
