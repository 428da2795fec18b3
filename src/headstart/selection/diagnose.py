"""``hs.diagnose``: how a target differs from a source, what that costs, and which family of methods fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation._cross_fitting import spread_parts, target_probabilities
from headstart.evaluation.accuracy_estimate import COMBINED, estimate_accuracy
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.two_sample._rows import drawn
from headstart.evaluation.two_sample.concept_shift import concept_shift
from headstart.evaluation.two_sample.feature_shifts import FeatureShift, feature_shifts
from headstart.evaluation.two_sample.label_shift import label_shift
from headstart.evaluation.two_sample.proxy_a_distance import a_distance_of
from headstart.evaluation.two_sample.registry import ROW_TESTS
from headstart.evaluation.two_sample.support_overlap import support_overlap
from headstart.selection.diagnosis import Diagnosis, Measure
from headstart.selection.domain_rows import TwoDomains, are_numbers, rows_of_examples, rows_of_matrices
from headstart.selection.shift_kind import ShiftEvidence, advice, matched_test
from headstart.types import Progress, Score, silent

MOST_ROWS = 20_000
"""Rows of each domain that are looked at; of more so many are drawn."""
FEWEST_ROWS = 5
FEWEST_LABELS = 10
N_FOLDS = 5
"""Of the source's out-of-fold probabilities."""


def diagnose(
    source: Any,
    target: Any,
    *,
    y_source: Any = None,
    y_target: Any = None,
    estimator: Any = None,
    label: str | None = None,
    path: str | None = None,
    text: str | None = None,
    modality: str | None = None,
    backbone: str | None = None,
    cache: bool | str | Path = True,
    random_state: int = 0,
    progress: Progress = silent,
) -> Diagnosis:
    """Compare two domains: tests of rows, of labels and of columns, and the accuracy to expect.

    Labels of the target, where there are any, are read for the test of concept shift and for ``true_accuracy`` alone.

    Args:
        source: (n, d) numbers, a data frame, a list of examples, or a folder or file as ``fit`` takes it.
        target: the same kind of thing with the same columns.
        y_source: (n,) class labels beside the source, or None.
        y_target: (m,) class labels beside the target, missing ones None; or None.
        estimator: a classifier of features with ``predict_proba``; None: logistic regression, its penalty
            cross-validated.
        label: the column of labels in tables; None: guessed from the source.
        path: the column of paths.
        text: the column of texts.
        modality: the kind of example; None: guessed.
        backbone: what makes features of examples; None: the cheapest pretrained one that is ready.
        cache: True (the user's), False (none), or the folder of the feature cache.
        random_state: the seed.
        progress: told of long work.

    Raises:
        InputError: the columns differ, a side is empty, nothing varies, there is but one class, or numbers are missing.
        MissingPathError: a path does not exist.
    """
    if estimator is not None and not hasattr(estimator, "predict_proba"):
        name = type(estimator).__name__
        raise InputError(f"diagnose needs an estimator with predict_proba, got {name}. Take LogisticRegression.")
    if are_numbers(source) and are_numbers(target):
        domains = rows_of_matrices(source, target, y_source, y_target)
    else:
        roles = {"label": label, "path": path, "text": text, "modality": modality, "backbone": backbone}
        domains = rows_of_examples(source, target, y_source, y_target, **roles, cache=cache, progress=progress)
    return _Comparison(domains, estimator, random_state, progress).diagnosis()


class _Comparison:
    """The steps of one diagnosis."""

    def __init__(self, domains: TwoDomains, estimator: Any, random_state: int, progress: Progress) -> None:
        self._estimator, self._seed, self._progress = estimator, random_state, progress
        self._notes = list(domains.notes)
        sides = (domains.source, domains.target)
        for side, name in zip(sides, ("source", "target"), strict=True):
            if len(side.features) < FEWEST_ROWS:
                what = f"got {len(side.features)}"
                raise InputError(f"diagnose needs {FEWEST_ROWS} rows or more in the {name}, {what}. Add rows.")
        self._rows = [drawn(np.arange(len(side.features)), MOST_ROWS, random_state) for side in sides]
        self._source, self._target = (side.features[rows] for side, rows in zip(sides, self._rows, strict=True))
        self._columns = [side.columns for side in sides]
        self._space = domains.space
        self._refuse_constants()
        self._labels = [
            None if side.targets is None else side.targets[rows] for side, rows in zip(sides, self._rows, strict=True)
        ]
        self._read_labels(domains.task)

    def diagnosis(self) -> Diagnosis:
        """Every test, and what follows."""
        tests = {}
        for done, name in enumerate(ROW_TESTS.names()):
            tests[name] = ROW_TESTS.make(name, random_state=self._seed).test(self._source, self._target)
            self._progress("two-sample tests", done + 1, len(ROW_TESTS.names()))
        odds = target_probabilities(self._source, self._target, random_state=self._seed)
        overlap = support_overlap(self._source, self._target, of_source=odds[0], random_state=self._seed)
        labels = matched = concept = None
        scores: dict[str, Score] = {}
        if self._codes is not None:
            known = self._codes >= 0
            rows, codes = self._source[known], self._codes[known]
            proba, others = self._probabilities(rows, codes)
            labels = label_shift(proba, codes, others, random_state=self._seed)
            matched = matched_test(rows, codes, self._target, labels, random_state=self._seed)
            concept = self._concept(rows, codes)
        evidence = ShiftEvidence(tests, a_distance_of(*odds), overlap, labels, matched, concept)
        if self._codes is not None:
            method = "class_weighting" if evidence.kind == "label_shift" else COMBINED
            scores = self._scores(rows, codes, proba, others, method)
        return Diagnosis(
            evidence.kind,
            tuple(self._measures(evidence)),
            advice(evidence),
            **scores,
            feature_shifts=self._feature_shifts(),
            notes=tuple(self._notes),
        )

    def _refuse_constants(self) -> None:
        together = np.concatenate([self._source, self._target])
        varies = np.ptp(together, axis=0) > 0
        if not varies.any():
            what = f"got {together.shape[1]} constant ones"
            raise InputError(f"diagnose needs a column that varies, {what}. Give features that differ from row to row.")
        n_constant = int((~varies).sum())
        if n_constant and self._columns[0]:
            self._notes.append(f"{n_constant} of {len(varies)} columns are the same in every row and say nothing.")

    def _read_labels(self, task: str) -> None:
        """Codes of both sides, -1 where unknown; None where the source has no class labels to learn from."""
        self._codes: NDArray[np.int64] | None = None
        self._target_codes: NDArray[np.int64] | None = None
        labels = self._labels[0]
        if labels is None or all(label is None for label in labels):
            self._notes.append("The source has no labels: what a shift costs and label shift cannot be told.")
            return
        known = [label for label in labels if label is not None]
        if task != "classification" or _are_continuous(known):
            self._notes.append("The labels are no classes: the accuracy to expect and label shift are left out.")
            return
        self._classes = sorted(set(known), key=lambda name: (str(type(name)), name))
        if len(self._classes) < 2:
            what = f"got {self._classes[0]!r} alone"
            raise InputError(f"diagnose needs 2 classes or more in the source, {what}. Add rows of another class.")
        code = {name: place for place, name in enumerate(self._classes)}
        found = np.array([code.get(label, -1) for label in labels])
        if (found >= 0).sum() < FEWEST_LABELS:
            self._notes.append(f"The source has fewer than {FEWEST_LABELS} labels: nothing is learnt from them.")
            return
        self._codes = found
        if self._labels[1] is not None:
            self._target_codes = np.array([code.get(label, -1) for label in self._labels[1]])
            new = sorted({str(label) for label in self._labels[1] if label is not None and label not in code})
            if new:
                named = ", ".join(new[:5])
                self._notes.append(f"The target has classes that the source lacks ({named}): no model of it says them.")

    def _probabilities(
        self, rows: NDArray[Any], codes: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, k) out of fold, and (m, k) of the target by a model of all labelled source rows."""
        from sklearn.base import clone

        from headstart.heads.logistic import LogisticRegressionPath

        model = self._estimator
        if model is None:
            model = LogisticRegressionPath(C=LogisticRegressionPath(random_state=self._seed).fit(rows, codes).C_)
        proba = np.full((len(codes), len(self._classes)), np.nan)
        part = spread_parts(codes, N_FOLDS, self._seed)
        for fold in range(N_FOLDS):
            train, valid = part != fold, part == fold
            if valid.any() and len(np.unique(codes[train])) > 1:
                proba[valid] = self._by_code(clone(model).fit(rows[train], codes[train]), rows[valid])
            self._progress("model of the source", fold + 1, N_FOLDS)
        return proba, self._by_code(clone(model).fit(rows, codes), self._target)

    def _by_code(self, model: Any, rows: NDArray[Any]) -> NDArray[np.float64]:
        found = np.zeros((len(rows), len(self._classes)))
        found[:, np.asarray(model.classes_, dtype=np.int64)] = model.predict_proba(rows)
        return found

    def _scores(
        self, rows: NDArray[Any], codes: NDArray[np.int64], proba: Any, others: Any, method: str
    ) -> dict[str, Score]:
        features: dict[str, Any] = {
            "source_features": rows,
            "target_features": self._target,
            "random_state": self._seed,
        }
        found = {
            "source_accuracy": bootstrap("accuracy", codes, proba, rule="honest: out-of-fold"),
            "expected_accuracy": estimate_accuracy(proba, codes, others, method=method, **features),
        }
        if self._labels[1] is not None:
            told = np.array([label is not None for label in self._labels[1]])
            if told.any() and self._target_codes is not None:
                is_right = (others.argmax(axis=1) == self._target_codes)[told].astype(np.int64)
                rule = "oracle: labels of the target"
                found["true_accuracy"] = bootstrap(
                    "accuracy", np.ones(len(is_right), dtype=np.int64), np.eye(2)[is_right], rule=rule
                )
        return found

    def _concept(self, rows: NDArray[Any], codes: NDArray[np.int64]) -> Any:
        if self._target_codes is None or (self._target_codes >= 0).sum() < FEWEST_LABELS:
            self._notes.append("Without labels of the target concept shift cannot be tested.")
            return None
        told = self._target_codes >= 0
        return concept_shift(rows, codes, self._target[told], self._target_codes[told], random_state=self._seed)

    def _feature_shifts(self) -> tuple[FeatureShift, ...]:
        source, target = self._columns
        shared = [name for name in source if name in target]
        if not shared:
            return ()
        sides = [
            {name: side[name][rows] for name in shared} for side, rows in zip(self._columns, self._rows, strict=True)
        ]
        return feature_shifts(*sides)

    def _measures(self, evidence: ShiftEvidence) -> Iterator[Measure]:
        n, m = len(self._source), len(self._target)
        yield Measure("rows", f"{n:,} and {m:,}", None, f"source and target, {self._space}")
        readings = {
            "classifier": ("area under curve", "can a classifier tell the domains; 0.5 is not at all"),
            "energy": ("energy distance", "0 where the domains are one"),
            "mmd": ("kernel mean distance", "squared, unbiased; about 0 where the domains are one"),
        }
        for name, test in evidence.tests.items():
            what, reading = readings[name]
            yield Measure(what, f"{test.statistic:.4g}", test.p_value, reading)
        yield Measure("proxy A-distance", f"{evidence.a_distance:.2f}", None, "0 one domain, 2 disjoint ones")
        inside, size = evidence.overlap.inside, evidence.overlap.effective_sample_size
        yield Measure("target inside the source", f"{inside:.0%}", None, "about 95 % without a shift")
        share = f"{evidence.overlap.effective_share:.0%} of the source carries its weighted rows"
        yield Measure("effective sample size", f"{size:,.0f}", None, share)
        if evidence.labels is not None:
            gap = np.abs(evidence.labels.target_shares - evidence.labels.source_shares).sum() / 2
            told = self._told_shares(evidence.labels.target_shares)
            yield Measure("predicted labels", f"{gap:.2f}", evidence.labels.p_value, f"gap of shares; target: {told}")
        if evidence.matched is not None:
            reading = "area under curve once the source has the target's estimated shares"
            yield Measure("classes matched", f"{evidence.matched.statistic:.4g}", evidence.matched.p_value, reading)
        if evidence.concept is not None:
            reading = f"log-loss gained by the target's own model, {evidence.concept.n_target} labels"
            yield Measure("concept", f"{evidence.concept.gain:.4f}", evidence.concept.p_value, reading)

    def _told_shares(self, shares: NDArray[np.float64]) -> str:
        most = np.argsort(-shares, kind="stable")[:4]
        return ", ".join(f"{self._classes[place]} {shares[place]:.0%}" for place in most)


def _are_continuous(labels: list[Any]) -> bool:
    from sklearn.utils.multiclass import type_of_target

    return all(isinstance(label, float | np.floating) for label in labels) and type_of_target(
        np.asarray(labels, dtype=np.float64)
    ).startswith("continuous")
