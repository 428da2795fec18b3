"""Tasks by name: one file a task, found by file name."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from headstart.errors import UnknownNameError
from headstart.tasks.task import Task

NOT_TASKS = ("task", "registry")


def names() -> list[str]:
    """The known tasks, sorted."""
    import headstart.tasks as package

    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name not in NOT_TASKS)


def get_task(name: str) -> Task:
    """The task ``name``.

    Raises:
        UnknownNameError: there is no such task.
    """
    if name not in names():
        raise UnknownNameError("Task", name, names())
    task: Task = import_module(f"headstart.tasks.{name}").TASK
    return task
