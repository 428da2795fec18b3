"""Strategies held against the source-only model, by whatever evidence there is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import target_probabilities
from headstart.evaluation._row_order import content_order
from headstart.evaluation.collapse import CollapseGuard
from headstart.evaluation.model_outputs import predictions
from headstart.strategies._carried_back import carried_back_evidence
from headstart.strategies._content_folds import content_folds, held_out
from headstart.strategies._evidence import NO_EVIDENCE, Evidence
from headstart.strategies._judges import RULE, judged_evidence
from headstart.strategies._labelled_evidence import can_prove, labelled_evidence
from headstart.strategies._read_back import Readings, objection, readings
from headstart.strategies._weighted_evidence import weighted_evidence
from headstart.strategies.feature._rows import dense_rows
from headstart.strategies.instance.reweighted import WeightsCollapsedWarning

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both domains, and the model that does nothing.

    Args:
        estimator: unfitted.
        source_model: the same, fitted to the source.
        X: (n, d) source rows.
        y: (n,) or (n, n_outputs) their targets.
        target: (n_target, d) rows.
        labels: (n_target,) objects, None where missing.
        known: (n_target,) which of them are labels.
        sample_weight: (n,) or None.
        sample_domain: (n,) names or None.
        is_number: True for a regressor.
        validators: scorers ``(fitted, X, y) -> float``, by name.
        n_folds: of every cross-fitting.
        random_state: seed of the folds.
    """

    estimator: Any
    source_model: Any
    X: Any
    y: NDArray[Any]
    target: Any
    labels: NDArray[Any]
    known: NDArray[np.bool_]
    sample_weight: NDArray[Any] | None
    sample_domain: NDArray[Any] | None
    is_number: bool
    validators: dict[str, Callable[[Any, Any, Any], float]]
    n_folds: int
    random_state: int | None

    def fitted(self, candidate: Any, rows: Rows | None = None, labels: NDArray[Any] | None = None) -> Any:
        """A clone fitted to these source rows (None is all of them), the target, and these of its labels."""
        labels = self.labels if labels is None else labels
        given = {"X_target": self.target} | self._of_rows(rows)
        if any(self.known) and any(label is not None for label in labels[self.known]):
            given["y_target"] = labels
        if self.sample_domain is not None:
            given["sample_domain"] = self.sample_domain if rows is None else self.sample_domain[rows]
        X, y = (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])
        return _clone(candidate).fit(X, y, **given)

    def plain(self, rows: Rows) -> Any:
        """The source-only model of these source rows."""
        return _clone(self.estimator).fit(self.X[rows], self.y[rows], **self._of_rows(rows))

    def of_source(self, model: Any, rows: Rows | None = None) -> NDArray[Any]:
        """What a model says of these source rows, taken for source rows."""
        domain, X = self.sample_domain, self.X
        if rows is not None:
            domain, X = None if domain is None else domain[rows], X[rows]
        return predictions(model, X, is_target=False, sample_domain=domain)

    def weigh(self, name: str, candidate: Any, level: float) -> tuple[Any, Evidence, Sequence[Any]]:
        """The fitted strategy, or None, what speaks for it and against it, and the warnings of its fit."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                model = self.fitted(candidate)
                evidence = self._evidence(name, candidate, model, level)
            except (ValueError, np.linalg.LinAlgError) as error:  # a strategy that fails is one that is not taken
                reason = str(error).splitlines()[0]
                return None, Evidence(name, "none", NO_EVIDENCE, 1.0, f"it could not be fitted: {reason}"), ()
        if any(issubclass(warning.category, WeightsCollapsedWarning) for warning in told):
            evidence = evidence.but("its weights collapse on a few source rows")
        return model, evidence, told

    def _evidence(self, name: str, candidate: Any, model: Any, level: float) -> Evidence:
        if can_prove(int(self.known.sum()), level, is_number=self.is_number):
            return self._labelled(name, candidate)
        if self.is_number:
            evidence = self._weighted(name, candidate, model)
        elif self.y.ndim == 2:
            return Evidence(name, RULE, NO_EVIDENCE, 1.0, "several outputs are compared on labelled target rows alone")
        else:
            evidence = self._judged(name, model, level)
        if self.known.any() and evidence.convinces(level) and self._labelled(name, candidate).gain < 0:
            return evidence.but("the few labelled target rows speak against it")
        return evidence

    def _labelled(self, name: str, candidate: Any) -> Evidence:
        return labelled_evidence(
            name,
            lambda hidden: self.fitted(candidate, labels=hidden),
            self._plain_target,
            self.target,
            self.labels,
            self.known,
            is_number=self.is_number,
            n_folds=self.n_folds,
            random_state=self.random_state,
        )

    def _judged(self, name: str, model: Any, level: float) -> Evidence:
        said = np.asarray(model.predict(self.target))
        evidence = self._by_rows(name, said, level)
        evidence = evidence.but(self._guard(model, self.X, self.y, sample_domain=self.sample_domain))
        return evidence.but(self._vote(model))

    def _by_rows(self, name: str, said: NDArray[Any], level: float) -> Evidence:
        """By judges of the target and by the source's labels; each alone may prove it, at half the level then."""
        n_classes = len(np.unique(self.y))
        judged = judged_evidence(name, self._plain_target, said, self._dense_target, n_classes=n_classes)
        if (said == self._plain_target).all():
            return judged
        carried = carried_back_evidence(name, self._plain_target, said, self._dense_target, self._dense_source, self.y)
        if np.isnan(judged.gain):  # the two models agree on too little for judges
            return carried
        carried, judged = carried.one_of(2), judged.one_of(2)
        if carried.convinces(level):
            return carried
        return judged.but(self.objection(said)) if judged.gain > 0 else judged

    def objection(self, said: NDArray[Any], rows: Rows | None = None) -> str:
        """Why the labels of these source rows speak against a classifier that says this of the target, or ""."""
        plain = self._plain_back if rows is None else self._back(self._plain_target, rows)
        return objection(plain, self._back(said, rows))

    def _vote(self, model: Any) -> str:
        """Why the validators speak against the model, or ""; one that cannot judge such models has no vote."""
        worse, n_votes = [], 0
        for name, judge in self.validators.items():
            try:
                is_worse = judge(model, self.X, self.y) < judge(self.source_model, self.X, self.y)
            except InputError:
                continue
            n_votes += 1
            worse += [name] if is_worse else []
        return f"most validators prefer the source-only model: {', '.join(worse)}" if 2 * len(worse) > n_votes else ""

    def _weighted(self, name: str, candidate: Any, model: Any) -> Evidence:
        parts = held_out(lambda rows: self.fitted(candidate, rows), self._as_target, self._fold)
        adapted = self._placed([(rows, said) for rows, _, said in parts])
        return weighted_evidence(name, self.y, self._plain_source, adapted, self.ratio).but(self._vote(model))

    def _as_target(self, model: Any, rows: Rows) -> NDArray[Any]:
        """What a model says of these source rows, taken for target rows, which their like are."""
        return np.asarray(model.predict(self.X[rows]))

    def _of_rows(self, rows: Rows | None) -> dict[str, Any]:
        if self.sample_weight is None:
            return {}
        return {"sample_weight": self.sample_weight if rows is None else self.sample_weight[rows]}

    def _placed(self, parts: list[tuple[Rows, NDArray[Any]]]) -> NDArray[Any]:
        order = np.argsort(np.concatenate([rows for rows, _ in parts]))
        return np.asarray(np.concatenate([said for _, said in parts])[order])

    @cached_property
    def _guard(self) -> CollapseGuard:
        judge = self.source_model if hasattr(self.source_model, "predict_proba") else None
        return CollapseGuard(self._dense_target, source_only=judge)

    @cached_property
    def _fold(self) -> Rows:
        return content_folds(self.X, np.zeros(self.X.shape[0], dtype=np.int64), self.n_folds, self.random_state)

    @cached_property
    def _plain_source(self) -> NDArray[Any]:
        parts = held_out(self.plain, self._as_target, self._fold)
        return self._placed([(rows, said) for rows, _, said in parts])

    @cached_property
    def _plain_target(self) -> NDArray[Any]:
        return np.asarray(self.source_model.predict(self.target))

    def _back(self, said: NDArray[Any], rows: Rows | None = None) -> Readings:
        source, y = (self._dense_source, self.y) if rows is None else (self._dense_source[rows], self.y[rows])
        return readings(said, self._dense_target, source, y)

    @cached_property
    def _plain_back(self) -> Readings:
        return self._back(self._plain_target)

    @cached_property
    def _dense_source(self) -> NDArray[Any]:
        return np.asarray(dense_rows(self.X, "SafeTransfer") if hasattr(self.X, "toarray") else self.X)

    @cached_property
    def _dense_target(self) -> NDArray[Any]:
        return np.asarray(dense_rows(self.target, "SafeTransfer") if hasattr(self.target, "toarray") else self.target)

    @cached_property
    def ratio(self) -> NDArray[np.float64]:
        """(n,) how much likelier each source row is in the target; ones where it cannot be told."""
        source = self._dense_source
        if min(len(source), len(self._dense_target)) < 2:
            return np.ones(len(source))
        order, other = (content_order(rows, self.random_state) for rows in (source, self._dense_target))
        found = np.empty(len(source))
        chance, _ = target_probabilities(source[order], self._dense_target[other])
        found[order] = chance / (1 - chance)
        return found


def _clone(model: Any) -> Any:
    from sklearn.base import clone

    return clone(model)
