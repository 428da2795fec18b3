"""A target without labels to learn from: adapt the source's model to it only where the evidence says so."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.registry import open_backbone
from headstart.errors import InputError
from headstart.evaluation.accuracy_estimate import estimate_accuracy
from headstart.evaluation.calibrations import Calibration, calibration
from headstart.evaluation.intervals import bootstrap
from headstart.evaluation.metric_names import METRIC_NAMES, shown_score
from headstart.heads.registry import make
from headstart.report import record as page
from headstart.selection.source_model import SOURCE_ONLY
from headstart.selection.tournament import Contender
from headstart.strategies.safe_transfer import WHAT, SafeTransfer
from headstart.strategies.transfer_head import TransferHead
from headstart.tasks.registry import get_task

if TYPE_CHECKING:
    from headstart.run.prepared import Prepared
    from headstart.selection.tournament import Field

STRATEGIES = ("coral", "standardise", "tca", "kmm")
"""What is tried unless other strategies are named."""
JUDGING_RULE = "labels of the target, read once, for judging alone"
ORACLE_RULE = "oracle: learnt from labels of the target, out of fold"


@dataclass(frozen=True, eq=False)
class TargetModel:
    """What is handed over for the target.

    Args:
        head: on features; None where the source's model stays as it is.
        calibration: of its probabilities, for the target.
        part: what is said of it.
    """

    head: TransferHead | None
    calibration: Calibration
    part: page.SourcePart


def can_be_adapted(contender: Contender) -> bool:
    """True for a head on dense features, whose fit can be repeated on others."""
    recipe = contender.recipe
    if recipe.strategy or not recipe.backbones or recipe.label == contender.choice.winner.head:
        return False
    return not any(open_backbone(name).is_sparse for name in recipe.backbones)


def target_model(
    data: Prepared, field: Field, base: Contender, strategies: tuple[str, ...] | None, random_state: int
) -> TargetModel:
    """Choose between the source's model and adapted ones, say how good it will be, and judge where that is wanted.

    Args:
        data: ``elsewhere.unlabelled`` are the target's rows; ``hidden`` their labels for judging alone, or None.
        field: source rows that may be learnt from.
        base: the model of the source.
        strategies: names, or None for :data:`STRATEGIES`.
        random_state: the seed.
    """
    assert data.elsewhere is not None, "a target domain has rows"
    settings = base.choice.winner.settings
    source = field.features(base.recipe)
    target = field.library.features(base.recipe.backbones, data.elsewhere.unlabelled)
    if not len(target):
        raise InputError("fit needs readable rows of the target, got none. Look at the audit.")
    head = make(base.choice.winner.head, **settings)
    safe = SafeTransfer(head, strategies or STRATEGIES, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # told as evidence
        safe.fit(source, field.y, X_target=target)
    outputs = TransferHead(safe.model_).outputs(target, field.n_outputs)
    plain = TransferHead(safe.source_model_).outputs(target, field.n_outputs)
    expected = estimate_accuracy(
        base.predicted,
        field.y,
        plain,
        source_features=source,
        target_features=target,
        random_state=random_state,
    )
    rows = [page.SourceRow(SOURCE_ONLY, None, f"expected accuracy on the target {_told(expected)}")]
    rows += [
        page.SourceRow(e.strategy, None, e.against or f"gain {e.gain:+.3f} {WHAT[e.rule]}, p = {e.p_value:.2g}")
        for e in safe.evidence_
    ]
    sentence = (
        f"For the target, whose labels were not learnt from, {safe.chosen_} is handed over: {safe.reason_}. The "
        f"source's model is expected to be right on {_told(expected)} of its rows."
    )
    if data.hidden is not None:
        found = _judged(data, field, base, {SOURCE_ONLY: plain, safe.chosen_: outputs}, target)
        rows = [replace(row, score=found.get(row.name)) for row in rows] + [
            page.SourceRow(name, score, score.rule) for name, score in found.items() if name.startswith("oracle")
        ]
        chosen = found[safe.chosen_]
        ends = f"{chosen.value:.3f} [{chosen.low:.3f}, {chosen.high:.3f}]"
        sentence += f" Judged by its labels: {METRIC_NAMES.get(field.metric, field.metric)} {ends}."
    scaled = calibration("temperature", {"temperature": safe.temperature_})
    adapted = TransferHead(safe.model_) if safe.adapted_ else None
    return TargetModel(adapted, scaled, page.SourcePart(sentence, tuple(rows)))


def _judged(
    data: Prepared, field: Field, base: Contender, outputs: dict[str, NDArray[np.float64]], target: NDArray[Any]
) -> dict[str, Any]:
    """Scores on target rows with a hidden label, and those of a model that learnt from these labels."""
    assert data.hidden is not None
    assert data.elsewhere is not None
    known = np.array([label in field.classes for label in data.hidden])
    if not known.any():
        raise InputError("fit needs labels of the target for target_labels='judge', got none. Leave it out.")
    y = get_task(field.task).encode(list(data.hidden[known]), field.classes)
    groups = data.elsewhere.groups[data.elsewhere.unlabelled][known]
    found = {
        name: shown_score(field.metric, bootstrap(field.metric, y, p[known], groups=groups, rule=JUDGING_RULE))
        for name, p in outputs.items()
    }
    oracle = _oracle(field, base, target[known], y, groups)
    score = bootstrap(field.metric, y, oracle, groups=groups, rule=ORACLE_RULE)
    return found | {"oracle: trained on the target": shown_score(field.metric, score)}


def _oracle(
    field: Field, base: Contender, rows: NDArray[Any], y: NDArray[Any], groups: NDArray[Any]
) -> NDArray[np.float64]:
    """(n, n_classes) out-of-fold probabilities of a head trained on the target's own labels."""
    from headstart.data.folds import folds

    predicted = np.full((len(y), field.n_outputs), np.nan)
    for train, valid in folds(y, groups=groups, n_folds=len(field.folds), random_state=field.random_state):
        head = make(base.choice.winner.head, **base.choice.winner.settings).fit(rows[train], y[train])
        predicted[valid] = head.outputs(rows[valid], field.n_outputs)
    return predicted


def _told(score: Any) -> str:
    return f"{score.value:.0%} [{score.low:.0%}, {score.high:.0%}]"
