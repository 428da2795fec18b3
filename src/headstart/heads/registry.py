"""Heads by name: one file a head, found by file name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headstart.members import Members

if TYPE_CHECKING:
    from headstart.heads._feature_head import FeatureHead

HEADS = Members("headstart.heads", "head", without=("registry", "trusted"))


def names(task: str | None = None) -> list[str]:
    """The known heads, sorted: all, which imports none of them, or those that serve ``task``."""
    known = HEADS.names()
    return known if task is None else [name for name in known if head_class(name).task == task]


def head_class(name: str) -> type[FeatureHead]:
    """The class of the head ``name``.

    Raises:
        UnknownNameError: there is no such head.
    """
    return HEADS.class_of(name)


def make(name: str, **settings: Any) -> FeatureHead:
    """The unfitted head ``name``.

    Raises:
        UnknownNameError: there is no such head.
        InputError: the head has no such setting.
    """
    head: FeatureHead = HEADS.make(name, **settings)
    return head
