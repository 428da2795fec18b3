"""The command line: one file a command; nothing else in headstart prints."""

from headstart.cli.app import main

__all__ = ["main"]
