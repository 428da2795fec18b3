"""Of several sources those that help the target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.strategies._comparison import Comparison
from headstart.strategies._content_folds import content_folds
from headstart.strategies._evidence import NO_EVIDENCE, Evidence, mean_test, sign_test
from headstart.strategies._judges import judged_evidence
from headstart.strategies._labelled_evidence import RULE as LABELS
from headstart.strategies._labelled_evidence import can_prove, column_of, losses
from headstart.strategies._mathematics.domain_distance import proxy_a_distance
from headstart.strategies._plain_unless_proven import PlainUnlessProven
from headstart.strategies.feature._rows import dense_rows

Names = tuple[str, ...]
Score = Callable[[Names], float]


class SourceSelection(PlainUnlessProven):
    """Trains the estimator on the sources that help the target, or on all of them where no choice is proven better.

    With labels of enough target rows sources are added greedily, whichever raises the skill on them most, the nearer
    one in a tie, until none does; the choice is made anew without each part of the labelled rows and compared there
    with the model of all sources. Without, a classifier's sources are added in the order of their distance, and two
    judges that learn the target's own rows say how many are best (see
    :class:`~headstart.strategies.safe_transfer.SafeTransfer`).

    Args:
        estimator: a classifier or regressor.
        level: chance, at most, of leaving sources out that would have helped, as far as the evidence can know it.
        n_folds: parts of the labelled target rows.
        random_state: seed of the parts.

    Attributes:
        selected_: names of the sources that the model learnt from, nearest first.
        distances_: proxy A-distance of each source to the target, 0..2, by name.
        path_: the choices that were tried, each with its score.
        chosen_: the selected names joined by " + ", or "source_only" for all sources.
        adapted_: True where sources were left out.
        reason_: why, in one sentence.
        evidence_: the choice against all sources.

    Source: greedy choice with a way back to everything, ours, after Yao and Doretto, Boosting for Transfer Learning
    with Multiple Sources, CVPR 2010, and Ben-David et al., A Theory of Learning from Different Domains, Machine
    Learning 79 (2010).
    """

    def __init__(self, estimator: Any, *, level: float = 0.05, n_folds: int = 5, random_state: int | None = 0) -> None:
        self.estimator = estimator
        self.level = level
        self.n_folds = n_folds
        self.random_state = random_state

    def _decide(self, data: Comparison) -> None:
        names = np.unique(["source"] if data.sample_domain is None else data.sample_domain).tolist()
        self.distances_ = {name: _distance(data, name) for name in names}
        nearest = tuple(sorted(names, key=lambda name: (round(self.distances_[name], 9), name)))
        self.selected_ = nearest
        self.path_: list[tuple[Names, float]] = []
        if len(nearest) < 2:
            self.reason_ = "there is one source alone"
            return
        models = _Models(data, nearest)
        if can_prove(int(data.known.sum()), self.level, is_number=data.is_number):
            chosen, evidence = self._by_labels(data, models, nearest)
        elif data.is_number or data.y.ndim == 2:
            self.reason_ = "without labels of more target rows only sources of classes can be compared"
            return
        else:
            chosen, evidence = self._by_judges(data, models, nearest)
        self.evidence_ = (evidence,)
        level = self.level if evidence.rule == LABELS else self.level / (len(nearest) - 1)
        told = f"{evidence.gain:+.1%} by {evidence.rule} (p = {evidence.p_value:.2g}, level {level:.2g})"
        if evidence.convinces(level):
            self.selected_ = chosen
            self._hand_over(" + ".join(chosen), models.of(chosen), f"{' + '.join(chosen)} against all sources: {told}")
        else:
            but = f", but {evidence.against}" if evidence.against else ""
            self.reason_ = f"no choice of sources is proven better than all; {' + '.join(chosen)}: {told}{but}"

    def _by_judges(self, data: Comparison, models: _Models, nearest: Names) -> tuple[Names, Evidence]:
        plain, target = models.said(nearest), _dense(data.target)
        found: list[Evidence] = []
        for k in range(1, len(nearest)):
            names = nearest[:k]
            said, n_classes = models.said(names), len(np.unique(data.y))
            found.append(judged_evidence(" + ".join(names), plain, said, target, n_classes=n_classes))
            gain = found[-1].gain if np.isfinite(found[-1].gain) else -1.0
            self.path_.append((names, gain))
        best = int(np.argmax([gain for _, gain in self.path_]))
        names, evidence = nearest[: best + 1], found[best]
        if evidence.gain > 0:
            rows = np.flatnonzero(np.isin(np.asarray(data.sample_domain), names))
            evidence = evidence.but(data.objection(models.said(names), rows))
        return names, evidence

    def _by_labels(self, data: Comparison, models: _Models, nearest: Names) -> tuple[Names, Evidence]:
        rows = np.flatnonzero(data.known)
        told = column_of([data.labels[row] for row in rows], data.y)
        groups = np.zeros(len(rows), dtype=np.int64) if data.is_number or told.ndim > 1 else told
        fold = content_folds(data.target[rows], groups, self.n_folds, self.random_state)

        def lost(names: Names) -> NDArray[np.float64]:
            return losses(told, models.said(names)[rows], data.is_number)

        found = lost(nearest).copy()
        for part in range(int(fold.max()) + 1):
            kept = fold != part
            chosen = self._greedy(nearest, lambda names, kept=kept: -float(lost(names)[kept].mean()))  # type: ignore[misc]
            found[fold == part] = lost(chosen)[fold == part]
        self.path_ = []
        chosen = self._greedy(nearest, lambda names: -float(lost(names).mean()))
        before = lost(nearest)
        return chosen, _compared(" + ".join(chosen), before, found, data.is_number or told.ndim > 1)

    def _greedy(self, nearest: Names, score: Score) -> Names:
        chosen: Names = ()
        best = -np.inf
        while len(chosen) < len(nearest):
            tried = [
                tuple(each for each in nearest if each in (*chosen, name)) for name in nearest if name not in chosen
            ]
            scores = [score(names) for names in tried]
            self.path_ += list(zip(tried, scores, strict=True))
            if max(scores) <= best:
                break
            best = max(scores)
            chosen = tried[int(np.argmax(scores))]
        return chosen


class _Models:
    """Models of choices of sources, each fitted once."""

    def __init__(self, data: Comparison, everything: Names) -> None:
        self._data = data
        self._domain = np.asarray(data.sample_domain)
        self._models: dict[Names, Any] = {everything: data.source_model}
        self._said: dict[Names, NDArray[Any]] = {}

    def of(self, names: Names) -> Any:
        """The model of these sources."""
        if names not in self._models:
            rows = np.flatnonzero(np.isin(self._domain, names))
            y = self._data.y[rows]
            is_one = not self._data.is_number and y.size == len(rows) and len(np.unique(y)) < 2
            self._models[names] = None if is_one else self._data.plain(rows)
        return self._models[names]

    def said(self, names: Names) -> NDArray[Any]:
        """(n_target,) or (n_target, n_outputs) predictions of the target; one class where the sources have one."""
        if names not in self._said:
            model, data = self.of(names), self._data
            if model is None:
                only = data.y[np.isin(self._domain, names)][:1]
                self._said[names] = np.repeat(only, data.target.shape[0])
            else:
                self._said[names] = np.asarray(model.predict(data.target))
        return self._said[names]


def _compared(name: str, before: NDArray[Any], after: NDArray[Any], is_graded: bool) -> Evidence:
    gains = before - after
    if not is_graded:
        return Evidence(name, LABELS, float(gains.mean()), sign_test(int((gains > 0).sum()), int((gains < 0).sum())))
    level = float(before.mean())
    return Evidence(name, LABELS, float(gains.mean()) / level if level > 0 else NO_EVIDENCE, mean_test(gains))


def _distance(data: Comparison, name: str) -> float:
    source = data.X if data.sample_domain is None else data.X[data.sample_domain == name]
    return proxy_a_distance(_dense(source), _dense(data.target))


def _dense(rows: Any) -> NDArray[Any]:
    return np.asarray(dense_rows(rows, "SourceSelection") if hasattr(rows, "toarray") else rows)
