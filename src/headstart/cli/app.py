"""Mounts the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys

import typer

from headstart import __version__
from headstart.errors import HeadstartError

EXIT_CODES = {0: "done", 1: "a check found something", 2: "bad input", 3: "out of time", 130: "interrupted"}
"""What the command line's exit codes mean."""

COMMANDS = ("fit", "predict", "diagnose", "search", "doctor")
GROUPS = ("backbones", "cache")

EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

app = typer.Typer(
    name="headstart",
    help="Transfer learning that pays off, and proves it.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"headstart {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Tell which runtime was taken and why."),
) -> None:
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("headstart").setLevel(logging.INFO if verbose else logging.WARNING)


def _mount() -> None:
    for name in COMMANDS:
        module = importlib.import_module(f"headstart.cli.{name}")
        app.command(name)(getattr(module, name))
    for name in GROUPS:
        module = importlib.import_module(f"headstart.cli.{name}")
        app.add_typer(module.app, name=name)


def main() -> None:
    """Run the command line and exit."""
    _mount()
    try:
        app()
    except HeadstartError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("Interrupted. Run the same command again: it goes on where it was.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _fail(message: str, code: int) -> None:
    line = " ".join(message.split())
    if "--json" in sys.argv:
        print(json.dumps({"error": line, "exit_code": code}, ensure_ascii=False))
    print(f"headstart: {line}", file=sys.stderr)
    sys.exit(code)
