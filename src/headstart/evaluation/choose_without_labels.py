"""The choice of a model for a target without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._given_labels import given_labels
from headstart.evaluation.collapse import CollapseGuard
from headstart.evaluation.ranks import concordance, mean_ranks
from headstart.evaluation.validators.registry import make_validator

USUAL = ("agreement", "circular", "information_maximisation")
"""Validators that are asked of classifiers where none are named; no two of them look at the same."""
USUAL_OF_REGRESSORS = ("circular", "importance_weighted")
"""Those of regressors."""
SAME = 1e-9
"""Mean ranks that differ by less are a tie."""


@dataclass(frozen=True)
class Candidate:
    """One line of the table.

    Args:
        name: of the model.
        values: validator -> value, higher is better; means over the folds where there are some.
        guard: why it is taken for collapsed; "" where it is sound.
        mean_rank: over the validators, among the sound; NaN for the collapsed.
        rank: 1 is the choice.
    """

    name: str
    values: Mapping[str, float]
    guard: str
    mean_rank: float
    rank: int


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen, and why.

    Args:
        name: of the chosen model.
        estimator: it; fitted.
        candidates: a line a model, in the order given.
        agreement: Kendall's W of the validators over the sound models, from 0 to 1; NaN where they cannot differ.
        rule: how it was chosen, in words.
    """

    name: str
    estimator: Any
    candidates: tuple[Candidate, ...]
    agreement: float
    rule: str

    def __str__(self) -> str:
        """The table as text, the best first."""
        columns = list(self.candidates[0].values)
        width = max(len(row.name) for row in self.candidates)
        lines = [f"{'':>4} {'model':<{width}} " + " ".join(f"{name:>{max(9, len(name))}}" for name in columns)]
        for row in sorted(self.candidates, key=lambda row: row.rank):
            values = " ".join(f"{row.values[name]:>{max(9, len(name))}.4f}" for name in columns)
            lines.append(f"{row.rank:>4} {row.name:<{width}} {values}  {row.guard}".rstrip())
        return "\n".join([*lines, self.rule])


def choose_without_labels(
    estimators: Mapping[str, Any] | Iterable[Any],
    X: Any,
    y: Any,
    X_target: Any,
    *,
    validators: Mapping[str, Callable[..., float]] | Iterable[str] | None = None,
    source_only: Any = None,
    guard: CollapseGuard | None = None,
    cv: Any = None,
    sample_domain: Any = None,
) -> Choice:
    """The model that several validators rank best for the target, collapsed ones left out.

    A tie goes to the model that comes first: give them from the simplest on. Where all have collapsed, the first is
    taken, and the rule says so.

    Args:
        estimators: models by name, or in a row. Fitted where ``cv`` is None; otherwise unfitted.
        X: (n, d) source rows; of fitted models, such as they did not learn from.
        y: (n,) their targets.
        X_target: (n_target, d) rows of the target, perhaps in an ``Unlabelled``.
        validators: names, or scorers by name; None asks :data:`USUAL`, or of regressors those that know numbers.
        source_only: one of the ``estimators`` or its name: the measure of the guard; None takes the first.
        guard: another guard; then ``source_only`` is not used.
        cv: folds, or a splitter, over source rows, on which clones are fitted with ``X_target`` and judged; the chosen
            one is fitted to all rows.
        sample_domain: (n,) names of the sources, which a splitter gets as ``groups``; or None.

    Raises:
        InputError: no models or validators, or a model that is not fitted where it should be.
    """
    from sklearn.utils import _safe_indexing

    models, y = _named(estimators), given_labels("choose_without_labels", X, y)
    rows = getattr(X_target, "X_target", X_target)
    reference = _reference(models, source_only)
    asked = _asked(validators, models)
    found = []
    if cv is None:
        _check_fitted(models)
        found.append(_judged(models, X, y, rows, asked, guard, reference, sample_domain))
    else:
        for train, valid in _folds(cv, X, y, sample_domain):
            domains = None if sample_domain is None else np.asarray(sample_domain)
            part = _safe_indexing(X, train), y[train], None if domains is None else domains[train]
            fitted = {name: _fitted(model, *part, rows) for name, model in models.items()}
            judge = _safe_indexing(X, valid), y[valid]
            own = None if domains is None else domains[valid]
            found.append(_judged(fitted, *judge, rows, asked, guard, reference, own))
    values = np.mean([table for table, _ in found], axis=0)  # (n_models, n_validators)
    words = [_over_folds([each[i] for _, each in found]) for i in range(len(models))]
    lines, agreement, best = _lines(list(models), list(asked), values, words)
    model = models[best]
    estimator = model if cv is None else _fitted(model, X, y, sample_domain, rows)
    return Choice(best, estimator, lines, agreement, _rule(list(asked), words))


def _judged(
    models: Mapping[str, Any],
    X: Any,
    y: NDArray[Any],
    X_target: Any,
    asked: Mapping[str, Callable[..., float] | None],
    guard: CollapseGuard | None,
    reference: str,
    sample_domain: Any,
) -> tuple[NDArray[np.float64], list[str]]:
    """(n_models, n_validators) values, and a word of the guard for each model."""
    check = CollapseGuard(X_target, source_only=models[reference]) if guard is None else guard
    words = [check(model, X, y, sample_domain=sample_domain) for model in models.values()]
    sound = [model for model, word in zip(models.values(), words, strict=True) if not word]
    given = {} if sample_domain is None else {"sample_domain": sample_domain}
    scorers = [
        make_validator(name, X_target=X_target, candidates=sound or list(models.values())) if scorer is None else scorer
        for name, scorer in asked.items()
    ]
    values = [[float(ask(model, X, y, **given)) for ask in scorers] for model in models.values()]
    return np.array(values), words


def _lines(
    names: list[str], asked: list[str], values: NDArray[np.float64], words: list[str]
) -> tuple[tuple[Candidate, ...], float, str]:
    """A line a model, the validators' concordance, and the name of the best."""
    sound = np.array([not word for word in words])
    mean = np.full(len(names), np.nan)
    if sound.any():
        mean[sound] = mean_ranks(values[sound])
    order = sorted(range(len(names)), key=lambda i: (not sound[i], round(float(mean[i]) / SAME) if sound[i] else 0, i))
    place = {i: rank for rank, i in enumerate(order, start=1)}
    lines = tuple(
        Candidate(name, dict(zip(asked, values[i].tolist(), strict=True)), words[i], float(mean[i]), place[i])
        for i, name in enumerate(names)
    )
    return lines, concordance(values[sound]) if sound.any() else float("nan"), names[order[0]]


def _over_folds(words: list[str]) -> str:
    """What the guard said first, and on how many folds; collapsed on one fold is collapsed."""
    told = [word for word in words if word]
    if len(told) == 0 or len(words) == 1:
        return "".join(told)
    return f"{told[0]} (in {len(told)} of {len(words)} folds)"


def _rule(asked: list[str], words: list[str]) -> str:
    if all(words):
        return "every model has collapsed: the first is taken"
    n_collapsed = sum(bool(word) for word in words)
    return f"honest: mean rank by {', '.join(asked)}, without target labels; {n_collapsed} collapsed left out"


def _named(estimators: Mapping[str, Any] | Iterable[Any]) -> dict[str, Any]:
    if isinstance(estimators, Mapping):
        models = {str(name): model for name, model in estimators.items()}
    else:
        given = list(estimators)
        pairs = [m if isinstance(m, tuple) else (f"{i} {type(m).__name__}", m) for i, m in enumerate(given, start=1)]
        models = {str(name): model for name, model in pairs}
    if not models:
        raise InputError("choose_without_labels needs estimators, got none. Pass at least one.")
    return models


def _asked(
    validators: Mapping[str, Callable[..., float]] | Iterable[str] | None, models: Mapping[str, Any]
) -> Mapping[str, Callable[..., float] | None]:
    """Scorers by name, None where the name is all."""
    if validators is None:
        from sklearn.base import is_regressor

        return dict.fromkeys(USUAL_OF_REGRESSORS if any(map(is_regressor, models.values())) else USUAL)
    if isinstance(validators, Mapping):
        asked: Mapping[str, Any] = validators
    else:
        asked = dict.fromkeys(validators)
    if not asked:
        raise InputError("choose_without_labels needs validators, got none. Name at least one.")
    return asked


def _reference(models: Mapping[str, Any], source_only: Any) -> str:
    """Name of the model that the guard measures by."""
    if source_only is None:
        return next(iter(models))
    found = [name for name, model in models.items() if model is source_only or name == source_only]
    if not found:
        raise InputError(
            f"choose_without_labels needs source_only among {list(models)}, got {source_only!r}. Add it to them."
        )
    return found[0]


def _check_fitted(models: Mapping[str, Any]) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    for name, model in models.items():
        try:
            check_is_fitted(model)
        except NotFittedError:
            what = f"choose_without_labels needs fitted estimators, got {name!r} unfitted"
            raise InputError(f"{what}. Fit it, or pass cv to have clones fitted on folds of the source.") from None


def _folds(cv: Any, X: Any, y: Any, groups: Any) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import check_cv

    return list(check_cv(cv, y, classifier=True).split(X, y, groups))


def _fitted(model: Any, X: Any, y: NDArray[Any], sample_domain: Any, X_target: Any) -> Any:
    """A clone, given the target where its ``fit`` takes one."""
    import inspect

    from sklearn.base import clone

    known = inspect.signature(model.fit).parameters
    given = {} if sample_domain is None or "sample_domain" not in known else {"sample_domain": sample_domain}
    if "X_target" in known or "X_target" in (getattr(model, "transform_input", None) or ()):
        given["X_target"] = X_target
    return clone(model).fit(X, y, **given)
