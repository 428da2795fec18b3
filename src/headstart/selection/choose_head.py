"""Choose the head by cross-validation, the simplest one that is not clearly worse than the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.deadline import Deadline
from headstart.errors import DeadlineExceededError, InputError
from headstart.types import Progress, silent

if TYPE_CHECKING:
    from headstart.heads._feature_head import FeatureHead
    from headstart.heads._path_result import Folds

Metric = str | Callable[[NDArray[Any], NDArray[np.float64]], float]
"""A name that ``headstart.evaluation.metrics.score`` knows, or (y, predicted) -> higher is better."""

SETTINGS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "prototypes": ({"shrinkage": 1.0}, {"shrinkage": "auto"}),
    "neighbours": ({"n_neighbors": 20}, {"n_neighbors": 5}),
    "linear_svm": ({"C": 0.1}, {"C": 1.0}),
    "rbf_svm": ({"C": 3.0}, {"C": 10.0}),
    "tfidf_linear": ({"C": 0.3}, {"C": 1.0}),
    "constant": ({"statistic": "mean"}, {"statistic": "median"}),
    "neighbours_regression": ({"n_neighbors": 20}, {"n_neighbors": 5}),
    "tfidf_ridge": ({"alpha": 3.0}, {"alpha": 1.0}, {"alpha": 0.3}),
    "multi_label_neighbours": ({"n_neighbors": 20}, {"n_neighbors": 5}),
    "tfidf_labels": ({"alpha": 3.0}, {"alpha": 1.0}),
    "attention_pooling": ({"penalty": 3e-2}, {"penalty": 3e-3}),
    "temporal": ({"penalty": 3e-2}, {"penalty": 3e-3}),
    "neighbour_distance": ({"n_neighbors": 5}, {"n_neighbors": 1}),
}
"""What is tried of heads without a path, the simpler first; the others are tried as they are."""

SLOW_SECONDS = 4.0
"""Without a deadline a slow head is tried if its size says that all its fits take less than this."""

NAMED_SECONDS = 60.0
"""The same for a head that was asked for by name."""


@dataclass(frozen=True, eq=False)
class HeadCandidate:
    """One head with one setting, judged out of fold.

    Args:
        head: its name.
        settings: what :func:`headstart.heads.registry.make` is given.
        cost_rank: smaller is simpler.
        strength: position among the settings of its head, the strongest penalty first.
        fold_scores: (n_folds,) score on each validation part; empty where it was not tried.
        mean: their mean.
        standard_error: of that mean, over the folds.
        seconds: its share of the time that its head took.
        skipped: why it was not tried, or "".
    """

    head: str
    settings: dict[str, Any]
    cost_rank: int
    strength: int
    fold_scores: NDArray[np.float64]
    mean: float
    standard_error: float
    seconds: float
    skipped: str = ""


@dataclass(frozen=True, eq=False)
class HeadChoice:
    """What was tried and what won.

    Args:
        candidates: all of them, in the order tried.
        winner: the chosen one.
        probabilities: (n, n_classes) of the winner, or what else its task predicts, out of fold; NaN for rows in no
            validation part.
        within_one_standard_error: (n_candidates,) True for those not clearly worse than the best.
        random_state: seed of the heads.
        class_weight: as given.
        blocks: as given.
    """

    candidates: tuple[HeadCandidate, ...]
    winner: HeadCandidate
    probabilities: NDArray[np.float64]
    within_one_standard_error: NDArray[np.bool_]
    random_state: int
    class_weight: str | None
    blocks: tuple[int, ...] = ()

    def refit(self, X: NDArray[Any], y: NDArray[Any]) -> FeatureHead:
        """The winner fitted to (n, d) rows and their encoded targets; ask its ``outputs`` for predictions."""
        head: Any = _make(self.winner.head, self.winner.settings, self)
        head.fit(X, y)
        return cast("FeatureHead", head)


@dataclass(frozen=True, eq=False)
class _Judge:
    """The data and the rules, the same for every candidate."""

    X: NDArray[Any]
    y: NDArray[Any]
    n_outputs: int
    folds: Folds
    metric: Metric
    class_weight: str | None
    random_state: int
    blocks: tuple[int, ...]

    def score(self, y: NDArray[Any], predicted: NDArray[np.float64]) -> float:
        if callable(self.metric):
            return float(self.metric(y, predicted))
        from headstart.evaluation.metrics import score

        return float(score(self.metric, y, predicted))

    def fold_scores(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([self.score(self.y[valid], predicted[valid]) for _, valid in self.folds])


def choose_head(
    X: NDArray[Any],
    y: NDArray[Any],
    classes: Sequence[str],
    folds: Folds,
    *,
    task: str = "classification",
    heads: Sequence[str] | None = None,
    metric: Metric = "macro_f1",
    groups: NDArray[Any] | None = None,
    class_weight: str | None = None,
    deadline: Deadline | None = None,
    progress: Progress = silent,
    random_state: int = 0,
    blocks: tuple[int, ...] = (),
) -> HeadChoice:
    """Cross-validate every head and setting on the same folds and take the simplest within one standard error.

    The standard error is that of the paired difference to the best over the folds. Simpler is a smaller
    ``cost_rank``, then a stronger penalty. Rows outside the folds are never read. Without a deadline the slow heads
    are tried by fixed rules of size, so the result does not depend on the machine; with one they are tried while
    twice their rough time is left.

    Args:
        X: (n, d) float32 features.
        y: (n,) codes into ``classes``, or what else the task encodes targets as.
        classes: the class names; none for numbers.
        folds: (training rows, validation rows) pairs.
        task: whose heads are tried.
        heads: names to try; default all of the task that suit any features.
        metric: a name or a callable, higher is better.
        groups: (n,) group of each row; a fold that has one on both sides is refused.
        class_weight: None or "balanced".
        deadline: when to stop trying; at least one head is tried.
        progress: told after each head.
        random_state: seed of the heads.
        blocks: how many features each of several backbones gave, for heads that keep them apart.

    Raises:
        InputError: the folds are not usable, or none of the heads could be tried.
        DeadlineExceededError: the deadline left no time for a single head.

    Source: Breiman et al., Classification and Regression Trees (1984), section 3.4.3.
    """
    from headstart.heads._one_standard_error import within_one_standard_error

    deadline = deadline or Deadline()
    n_outputs = max(1, len(classes))
    judge = replace(_judge(X, y, n_outputs, folds, metric, groups, class_weight, random_state), blocks=blocks)
    candidates: list[HeadCandidate] = []
    probabilities: dict[int, NDArray[np.float64]] = {}
    ordered = _ordered(task, heads)
    for done, name in enumerate(ordered):
        limit = SLOW_SECONDS if heads is None else NAMED_SECONDS
        reason = _reason_to_skip(name, judge, deadline, limit, is_first=not probabilities)
        if reason:
            candidates.append(_skipped(name, reason))
        else:
            for candidate, proba in _tried(name, judge):
                probabilities[len(candidates)] = proba
                candidates.append(candidate)
        progress("heads", done + 1, len(ordered))
    if not probabilities:
        if deadline.is_over:
            raise DeadlineExceededError("choose_head needs time for one head, got none. Raise the budget.")
        why = "; ".join(f"{candidate.head}: {candidate.skipped}" for candidate in candidates)
        raise InputError(f"choose_head needs a head that fits this size, got {why}. Add 'logistic'.")
    tried = list(probabilities)
    eligible = np.zeros(len(candidates), dtype=bool)
    eligible[tried] = within_one_standard_error(np.stack([candidates[i].fold_scores for i in tried]))
    chosen = min(np.flatnonzero(eligible), key=lambda i: (candidates[i].cost_rank, candidates[i].strength))
    found = probabilities[int(chosen)]
    proba = np.full((len(y), *found.shape[1:]), np.nan)
    proba[_used(folds)] = found
    return HeadChoice(tuple(candidates), candidates[chosen], proba, eligible, random_state, class_weight, blocks)


def _used(folds: Folds) -> NDArray[np.int64]:
    return np.unique(np.concatenate([part for fold in folds for part in fold]))


def _judge(
    X: NDArray[Any],
    y: NDArray[Any],
    n_outputs: int,
    folds: Folds,
    metric: Metric,
    groups: NDArray[Any] | None,
    class_weight: str | None,
    random_state: int,
) -> _Judge:
    from headstart.heads._path_result import rows_of, within

    used = rows_of(folds, len(y))
    for number, (train, valid) in enumerate(folds):
        if groups is not None and np.isin(groups[valid], groups[train]).any():
            what = f"choose_head needs folds with whole groups, got a group on both sides of fold {number}"
            raise InputError(f"{what}. Split by group.")
    seen = y[used]
    is_codes = seen.ndim == 1 and np.issubdtype(seen.dtype, np.integer)
    if is_codes and (seen.min() < 0 or seen.max() >= n_outputs):
        raise InputError(f"choose_head needs codes from 0 to {n_outputs - 1}, got {seen.min()} to {seen.max()}.")
    inner = within(folds, used)
    rows = X if len(used) == X.shape[0] else X[used]
    return _Judge(rows, seen, n_outputs, inner, metric, class_weight, random_state, ())


def _ordered(task: str, heads: Sequence[str] | None) -> list[str]:
    from headstart.heads.registry import head_class, names

    general = [name for name in names(task) if head_class(name).is_general]
    chosen = general if heads is None else list(dict.fromkeys(heads))
    for name in chosen:
        if head_class(name).task != task:
            raise InputError(f"choose_head needs heads for {task}, got {name!r}. Take some of {', '.join(general)}.")
    return sorted(chosen, key=lambda name: (head_class(name).is_slow, head_class(name).cost_rank))


def _reason_to_skip(name: str, judge: _Judge, deadline: Deadline, limit: float, *, is_first: bool) -> str:
    from headstart.heads.registry import head_class

    if deadline.is_over:
        return "no time left"
    head = head_class(name)
    if head.missing():
        return head.missing()
    if not head.is_slow or (is_first and deadline.ends_at is not None):
        return ""
    n, d = int(np.mean([len(train) for train, _ in judge.folds])), judge.X.shape[1]
    n_fits = len(judge.folds) * len(SETTINGS.get(name, ({},)))
    seconds = n_fits * head.fit_seconds(n, d, judge.n_outputs)
    if deadline.ends_at is None:
        return "" if seconds <= limit else f"too slow for {n} x {d} without a time budget"
    return "" if deadline.allows(2 * seconds) else f"needs about {seconds:.0f} s"


def _tried(name: str, judge: _Judge) -> Iterator[tuple[HeadCandidate, NDArray[np.float64]]]:
    """Each setting of one head with its (n, n_classes) out-of-fold probabilities."""
    from headstart.heads.registry import head_class

    start = time.perf_counter()
    pairs = list(_path(name, judge) if hasattr(head_class(name), "fit_path") else _cross_validated(name, judge))
    seconds = (time.perf_counter() - start) / max(1, len(pairs))
    for strength, (settings, proba) in enumerate(pairs):
        scores = judge.fold_scores(proba)
        known = scores[~np.isnan(scores)]
        mean = float(known.mean()) if len(known) else float("nan")
        error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else float("nan")
        rank = head_class(name).cost_rank
        yield HeadCandidate(name, settings, rank, strength, scores, mean, error, seconds), proba


def _path(name: str, judge: _Judge) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
    head: Any = _make(name, {}, judge)
    path = head.fit_path(judge.X, judge.y, judge.folds)
    for setting, settings in enumerate(path.settings):
        yield settings, path.outputs(setting, judge.n_outputs)


def _cross_validated(name: str, judge: _Judge) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
    for settings in SETTINGS.get(name, ({},)):
        full: NDArray[np.float64] | None = None
        for train, valid in judge.folds:
            found = _outputs(name, settings, judge, train, valid)
            full = np.full((len(judge.y), *found.shape[1:]), np.nan) if full is None else full
            full[valid] = found
        if full is not None:
            yield settings, full


def _outputs(
    name: str, settings: dict[str, Any], judge: _Judge, train: NDArray[np.int64], valid: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What a head that was fitted to ``train`` says of ``valid``."""
    head: Any = _make(name, settings, judge)
    if head.task == "classification" and len(np.unique(judge.y[train])) < 2:  # nothing to fit: the one class there is
        return np.asarray(np.tile(np.eye(judge.n_outputs)[judge.y[train[0]]], (len(valid), 1)))
    head.fit(judge.X[train], judge.y[train])
    return np.asarray(head.outputs(judge.X[valid], judge.n_outputs))


def _make(name: str, settings: dict[str, Any], rules: _Judge | HeadChoice) -> FeatureHead:
    from headstart.heads.registry import head_class, make

    known = head_class(name)().get_params()
    shared = {"class_weight": rules.class_weight, "random_state": rules.random_state, "blocks": rules.blocks}
    return make(name, **{key: value for key, value in shared.items() if key in known}, **settings)


def _skipped(name: str, reason: str) -> HeadCandidate:
    from headstart.heads.registry import head_class

    nan = float("nan")
    return HeadCandidate(name, {}, head_class(name).cost_rank, 0, np.empty(0), nan, nan, 0.0, reason)
