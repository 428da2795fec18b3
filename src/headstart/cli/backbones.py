"""``headstart backbones``: list, show, pull and verify pretrained encoders."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from headstart.backbones import registry
from headstart.backbones.backbone import Backbone
from headstart.errors import InputError
from headstart.types import BackboneCard

app = typer.Typer(help="List, show, pull and verify pretrained encoders.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
_Name = Annotated[str, typer.Argument(help="A backbone's name or folder.")]


@app.command("list")
def list_(
    modality: Annotated[str | None, typer.Option(help="Only this kind of input: image, text, ...")] = None,
    commercial: Annotated[bool, typer.Option("--commercial", help="Only licences that allow commercial use.")] = False,
    ready: Annotated[bool, typer.Option("--ready", help="Only those that open without a network.")] = False,
    as_json: _AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Names of all timm and torchvision models too.")] = False,
) -> None:
    """List the backbones that come with headstart, with licence and readiness."""
    cards = registry.list_cards(modality, commercial=commercial or None)
    rows = [_described(card) for card in cards]
    rows = [row for row in rows if row["ready"] or not ready]
    # Of a name alone neither the licence nor the readiness is known, so a filter leaves none of them.
    is_filtered = commercial or ready or modality not in (None, "image")
    more = _more_names() if everything and not is_filtered else []
    if as_json:
        typer.echo(json.dumps(rows + more, indent=2))
        return
    _print_table(rows)
    if more:
        typer.echo("\n".join(row["name"] for row in more))
    elif everything:
        typer.echo("Models known by name only are left out: `headstart backbones show NAME` tells their licence.")


@app.command()
def show(name: _Name, as_json: _AsJson = False) -> None:
    """Show what is known about one backbone."""
    row = _described(registry.get_card(name))
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in row.items():
        table.add_row(key, _text(value))
    Console().print(table)


@app.command()
def pull(name: _Name) -> None:
    """Fetch the weights of one backbone, so that it works without a network."""
    backbone = _opened(name)
    fetch = getattr(backbone.provider, "pull", None)
    if fetch is None or backbone.card.weights == "random":
        raise InputError(f"pull needs a backbone with weights, got {name!r}. It is ready without.")
    path = fetch(backbone.card)
    typer.echo(f"{backbone.card.name}: {path}")


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Backbones; default: all that are ready.")] = None,
    as_json: _AsJson = False,
) -> None:
    """Hash the weights files and compare; exit code 1 when one is another than it should be or is missing."""
    cards = [registry.get_card(name) for name in names] if names else _ready_cards()
    rows = [row for card in cards for row in _verified(card, is_named=bool(names))]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            typer.echo(f"{row['status']:10} {row['name']}  {row['sha256'] or '-'}  {row['path'] or '-'}")
    if any(row["status"] in ("changed", "missing") for row in rows):
        raise typer.Exit(1)


def _opened(name: str) -> Backbone:
    """The backbone of a name; of a hub name its configuration comes first, which tells whose it is."""
    if name.startswith("hf/"):
        from headstart.backbones._hub_file import fetch_hub_file

        fetch_hub_file(name.removeprefix("hf/"), ("config.json",), f"Backbone {name!r}")
    return registry.open_backbone(name)


def _ready_cards() -> list[BackboneCard]:
    return [card for card in registry.list_cards() if registry.is_ready(card)]


def _verified(card: BackboneCard, *, is_named: bool) -> list[dict[str, Any]]:
    """One row a weights file; status "ok", "changed", "unpinned" (no digest to compare with) or "missing"."""
    from headstart.backbones._weights_file import sha256_of

    provider = registry.get_provider(card.provider)
    if not hasattr(provider, "weight_files") or card.weights in ("random", "learnt"):
        status = [{"name": card.name, "status": "no weights", "path": None, "sha256": None, "expected": None}]
        return status if is_named else []
    rows = []
    for file in provider.weight_files(card):
        found = sha256_of(file.path)
        status_of_file = "unpinned" if file.sha256 is None else "ok" if found == file.sha256 else "changed"
        rows.append(
            {
                "name": card.name,
                "status": status_of_file,
                "path": str(file.path),
                "sha256": found,
                "expected": file.sha256,
            }
        )
    return rows or [{"name": card.name, "status": "missing", "path": None, "sha256": None, "expected": card.sha256}]


def _described(card: BackboneCard) -> dict[str, Any]:
    remedy = registry.readiness(card)
    return {**asdict(card), "ready": remedy == "", "remedy": remedy}


def _more_names() -> list[dict[str, Any]]:
    known = {card.name for card in registry.list_cards()}
    named = registry.list_names()
    return [{"name": n, "provider": provider} for provider, names in named.items() for n in names if n not in known]


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for title in ("name", "dim", "weights", "licence", "commercial", "pretraining", "ready"):
        table.add_column(title, no_wrap=title == "name")
    for row in rows:
        size = f"{row['size_bytes'] / 1e6:.0f} MB" if row["size_bytes"] else "-"
        use, ready = ("yes" if row[key] else "no" for key in ("commercial", "ready"))
        table.add_row(row["name"], str(row["dim"]), size, row["licence"], use, row["pretraining"], ready)
    Console().print(table)
    for row in rows:
        if not row["ready"]:
            typer.echo(f"{row['name']}: {row['remedy']}")


def _text(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, dict):
        value = ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return escape("-" if value in (None, "") else str(value))
