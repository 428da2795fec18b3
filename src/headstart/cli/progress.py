"""Progress on a terminal: a bar with rate and time left; silence without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from headstart.types import Progress, silent


@contextmanager
def progress_bars(is_quiet: bool = False) -> Iterator[Progress]:
    """A progress that draws on standard error while the block lasts."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield silent
        return
    rate = TextColumn("{task.fields[rate]}", style="cyan")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate)
    bars = Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True)
    tasks: dict[str, TaskID] = {}
    lock = Lock()

    def show(what: str, done: int, total: int) -> None:
        with lock:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None, rate="")
            speed = bars.tasks[tasks[what]].speed
            bars.update(tasks[what], completed=done, total=total or None, rate=f"{speed:.0f}/s" if speed else "")

    with bars:
        yield show
