"""What a task's account has."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from headstart.run.judged_model import JudgedModel
    from headstart.run.route import Route


class TaskAccount(Protocol):
    """A module of this folder."""

    def figures(self, route: Route, judged: JudgedModel) -> dict[str, float]:
        """Every figure of the model handed over, for run.json."""
        ...

    def result(self, route: Route, judged: JudgedModel) -> dict[str, Any]:
        """What else run.json holds."""
        ...

    def parts(self, route: Route, judged: JudgedModel) -> dict[str, Any]:
        """Fields of the :class:`~headstart.report.record.ReportRecord` that the task fills."""
        ...

    def target_text(self, target: Any) -> str:
        """A target as people read it."""
        ...


def account_of(task: str) -> TaskAccount:
    """The account of a task."""
    return cast(TaskAccount, import_module(f"headstart.run.accounts.{task}"))
