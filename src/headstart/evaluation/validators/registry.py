"""Validators by name: one file each, found by file name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from headstart.errors import InputError
from headstart.members import Members

if TYPE_CHECKING:
    from headstart.evaluation.validators._validator import Validator

VALIDATORS = Members("headstart.evaluation.validators", "validator")


def make_validator(
    name: str,
    *,
    X_target: Any,
    candidates: Iterable[Any] | None = None,
    validators: Iterable[Any] | None = None,
    **settings: Any,
) -> Validator:
    """A scorer ``validator(estimator, X, y) -> float``, as ``GridSearchCV(scoring=...)`` takes it; higher is better.

    Args:
        name: one of ``VALIDATORS.names()``.
        X_target: (n_target, d) rows of the target, or raw examples, perhaps in an ``Unlabelled``.
        candidates: fitted models for those that compare with others ("agreement", "mean_rank"); else not used.
        validators: names or scorers that "mean_rank" asks; None is its own list; else not used.
        settings: those of the validator.

    Raises:
        UnknownNameError: there is no such validator.
        InputError: it has no such setting, or needs candidates and gets none.
    """
    found = VALIDATORS.class_of(name)
    if found.needs_candidates:
        models = list(candidates) if candidates is not None else []
        if not models:
            raise InputError(f"{name} needs candidates, got none. Pass the fitted models that are to be compared.")
        settings["candidates"] = models
    if found.asks_others:
        asked = found.usual if validators is None else validators
        settings["validators"] = [
            make_validator(other, X_target=X_target, candidates=candidates) if isinstance(other, str) else other
            for other in asked
        ]
    made: Validator = VALIDATORS.make(name, X_target=X_target, **settings)
    return made
