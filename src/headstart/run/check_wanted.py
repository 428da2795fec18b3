"""Refuse what was asked for and would be passed over, before anything long is begun."""

from __future__ import annotations

from headstart.data.problem import UNLABELLED, Problem
from headstart.errors import InputError
from headstart.run.settings import FitSettings
from headstart.selection.source_recipes import STRATEGIES
from headstart.selection.strategy_recipes import suitable
from headstart.strategies.raw_head import RAW_STRATEGIES


def check_wanted(problem: Problem, settings: FitSettings, *, has_unlabelled: bool) -> None:
    """Pass where every strategy that was named, and all rows that were given, can be of use.

    Args:
        problem: the rows.
        settings: the strategies.
        has_unlabelled: True where rows without labels were given by themselves.

    Raises:
        InputError: one of them cannot.
    """
    dataset = problem.found.dataset
    if has_unlabelled and not problem.has_source:
        raise InputError("fit needs a source for unlabelled=..., got none. Pass source=..., or leave it out.")
    if problem.has_source and dataset.task not in STRATEGIES:
        raise InputError(f"fit needs {' or '.join(STRATEGIES)} for a source, got {dataset.task}. Leave the source out.")
    if problem.has_source and dataset.modality == "mixed":
        raise InputError("fit needs examples of one kind for a source, got mixed ones. Say which with modality=...")
    if problem.has_source and not problem.is_labelled and dataset.task != "classification":
        raise InputError(f"fit needs labels of the target for {dataset.task}, got none. Label some of its rows.")
    if problem.has_source and not problem.is_labelled and not (problem.role == UNLABELLED).any():
        raise InputError("fit needs rows of the target, got none. Check the data.")
    for name in settings.strategies or ():
        _check_strategy(name, problem)


def _check_strategy(name: str, problem: Problem) -> None:
    dataset = problem.found.dataset
    if name not in RAW_STRATEGIES.names():
        if not problem.has_source:
            raise InputError(f"fit needs a source for strategy {name!r}, got none. Pass source=... or target=...")
        return
    known = suitable(dataset.modality)
    if name not in known:
        told = f"one of {', '.join(known)}" if known else "none"
        raise InputError(f"fit needs {told} for examples of kind {dataset.modality!r}, got strategy {name!r}.")
    if dataset.task != "classification":
        raise InputError(f"fit needs classification for strategy {name!r}, got {dataset.task}. Leave it out.")
