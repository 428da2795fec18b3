"""Head first: a head that is as good as the frozen features allow before a weight of the trunk moves (LP-FT).

Source: Kumar et al., Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

    from headstart.strategies.parameter._tuning_target import ClassTarget, NumberTarget

_HEAD_EPOCHS = 100
_HEAD_BATCH = 64
_HEAD_RATE = 3e-3


def start_head(
    head: nn.Module,
    features: NDArray[np.float32],
    encoded: NDArray[Any],
    weights: NDArray[np.float32] | None,
    target: ClassTarget | NumberTarget,
    *,
    random_state: int,
    known_rows: NDArray[np.bool_] | None = None,
) -> None:
    """Bring ``head`` to where the frozen features lead.

    A linear head without known rows is solved for: the logistic or ridge head of a probe, its penalty chosen by
    cross-validation. Any other is trained on the features.

    Args:
        head: one of ``training/heads/``.
        features: (n, dim) of the training examples.
        encoded: (n,) codes or (n, 1) numbers.
        weights: (n,) or None.
        target: what is predicted.
        random_state: seed of folds and batches.
        known_rows: (n_classes,) True for classes whose rows of the output layer came from an earlier model and stay.
    """
    if known_rows is None:
        _set_scale(head, features, weights)
    if getattr(head, "name", "") == "linear" and known_rows is None and _has_all(encoded, target.n_outputs):
        _solve(head, features, encoded, weights, random_state)
    else:
        _train(head, features, encoded, weights, target, random_state, known_rows)


def _has_all(encoded: NDArray[Any], n_outputs: int) -> bool:
    return encoded.ndim == 2 or len(np.unique(encoded)) == n_outputs


def _solve(head: Any, features: NDArray[np.float32], encoded: NDArray[Any], weights: Any, random_state: int) -> None:
    import torch

    coef, intercept, mean, scale = _probe(features, encoded, weights, random_state)
    head.scale.set(mean, scale)
    with torch.no_grad():
        head.output.weight.copy_(torch.from_numpy(coef))
        head.output.bias.copy_(torch.from_numpy(intercept))


def _probe(
    features: NDArray[np.float32], encoded: NDArray[Any], weights: Any, random_state: int
) -> tuple[NDArray[np.float64], ...]:
    """(n_outputs, d) weights for scaled features, (n_outputs,) intercepts, (d,) means and scales."""
    if encoded.ndim == 2:
        from headstart.heads.ridge_regression import RidgeRegression

        ridge = RidgeRegression().fit(features, encoded[:, 0], sample_weight=weights)
        return ridge.coef_[None], np.array([ridge.intercept_]), ridge.mean_, ridge.scale_
    from headstart.heads.logistic import LogisticRegressionPath

    probe = LogisticRegressionPath(random_state=random_state).fit(features, encoded, sample_weight=weights)
    coef, intercept = probe.coef_, probe.intercept_
    if len(coef) == 1:  # the log-odds of the second of two classes
        coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return coef, intercept, probe.mean_, probe.scale_


def _set_scale(head: Any, features: NDArray[np.float32], weights: NDArray[np.float32] | None) -> None:
    from headstart.heads._scaling import fit_scaling

    each = np.ones(len(features)) if weights is None else weights.astype(np.float64)
    scaling = fit_scaling(features, each, how="pareto")
    head.scale.set(scaling.mean, scaling.scale)


def _train(
    head: Any,
    features: NDArray[np.float32],
    encoded: NDArray[Any],
    weights: NDArray[np.float32] | None,
    target: ClassTarget | NumberTarget,
    random_state: int,
    known_rows: NDArray[np.bool_] | None,
) -> None:
    import torch

    from headstart.training.batches import tensor_batches
    from headstart.training.held_rows import HeldRows
    from headstart.training.loop import train
    from headstart.training.settings import TrainSettings

    batches = tensor_batches(
        (torch.from_numpy(np.ascontiguousarray(features)),),
        (torch.from_numpy(encoded),),
        size=_HEAD_BATCH,
        weights=None if weights is None else torch.from_numpy(weights),
        random_state=random_state,
    )
    n_epochs = max(5, min(_HEAD_EPOCHS, round(_HEAD_EPOCHS * 2000 / max(1, len(features)))))
    settings = TrainSettings(
        epochs=n_epochs, learning_rate=_HEAD_RATE, precision="fp32", patience=None, random_state=random_state
    )
    callbacks = () if known_rows is None else (HeldRows(head.output, torch.from_numpy(known_rows)),)
    train(head, batches, head.loss(target.loss(0.0)), settings=settings, callbacks=callbacks)
