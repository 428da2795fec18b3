"""Co-Tuning: the pretrained classifier goes on, on what the target's classes are like in the source's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches
from headstart.training.penalty import Penalty, batch_mean
from headstart.training.regularisers._category_relation import RELATIONS, category_relation
from headstart.training.regularisers._pretrained_self import Remembered, frozen_copy, remember_features, trunk_of

_LEAST = 1e-6


@final
class CoTuning(Penalty):
    """``weight`` times the cross-entropy of the source classifier against ``p(source class | target class)``.

    The relation of the classes is learnt once, from what the pretrained network says of the training examples. It needs
    a backbone's source classifier, or what that said of every training example; backbones here come without one. From
    probabilities alone the classifier is found by least squares of their centred logarithms on the pretrained
    features: the very one, if it is linear and the examples span the features. It stays; the paper's moves along.

    Args:
        weight: at least 0.
        source_head: (b, dim) features -> (b, n_source) scores of the pretrained classifier.
        source_probabilities: (n, n_source) rows of sum 1, in the order of the training rows.
        relation: "direct" (mean probabilities of a target class's examples) or "reverse" (a calibrated classifier from
            source probabilities to target classes, turned round by Bayes' rule).

    Raises:
        InputError: a setting makes no sense.

    Source: You, Kou, Long and Wang, Co-Tuning for transfer learning, NeurIPS 2020.
    """

    name: ClassVar[str] = "co_tuning"
    knows_examples: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: float = 1.0,
        source_head: nn.Module | None = None,
        source_probabilities: NDArray[np.float64] | None = None,
        relation: str = "reverse",
    ) -> None:
        if (source_head is None) == (source_probabilities is None):
            raise InputError(
                "co_tuning needs either source_head or source_probabilities, got both or none. Pass the classifier "
                "that the backbone was pretrained with, or (n, n_source) probabilities that it gave."
            )
        if not weight >= 0 or relation not in RELATIONS:
            what = f"co_tuning needs a weight of at least 0 and a relation of {', '.join(RELATIONS)}"
            raise InputError(f"{what}, got {weight!r} and {relation!r}. Correct them.")
        self.weight = weight
        self.source_head = source_head
        self.source_probabilities = source_probabilities
        self.relation = relation
        self._classifier: nn.Module | None = None
        self._relation: Tensor | None = None

    def begin(self, network: nn.Module, blocks: Mapping[str, nn.Module], batches: Batches) -> None:
        """Learn the relation of the classes, from all training examples.

        Raises:
            InputError: the targets are no class codes, or the probabilities are not those of the examples.
        """
        before, targets = remember_features("co_tuning", trunk_of("co_tuning", network), batches)
        codes = targets[0].cpu().numpy()
        if codes.ndim != 1 or codes.dtype.kind not in "iu":
            raise InputError(
                f"co_tuning needs class codes as targets, got {targets[0].dtype}. Take another regulariser."
            )
        if self.source_head is None:
            self._classifier = _linear_classifier(before, self._given(len(codes)))
        else:
            self._classifier = frozen_copy(self.source_head).cpu()
        with torch.no_grad():
            proba = torch.softmax(self._classifier(before.values).double(), dim=1).numpy()  # (n, n_source)
        given = proba if self.source_head is not None else self._given(len(codes))
        table = category_relation(given, codes, self.relation)
        self._relation = torch.from_numpy(table)

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """A scalar."""
        if self._classifier is None or self._relation is None:
            raise InputError("co_tuning needs the relation of the classes, got none. Call begin before training.")
        logs = torch.log_softmax(self._classifier.to(features.device)(features).to(features.dtype), dim=1)
        wanted = self._relation.to(features.device, features.dtype)[batch.targets[0]]  # (b, n_source)
        return self.weight * batch_mean(-(wanted * logs).sum(dim=1), batch)

    def _given(self, n: int) -> NDArray[np.float64]:
        proba = np.asarray(self.source_probabilities, dtype=np.float64)
        if proba.ndim != 2 or len(proba) != n or (proba < 0).any() or not np.allclose(proba.sum(axis=1), 1, atol=1e-3):
            raise InputError(
                f"co_tuning needs ({n}, n_source) probabilities of sum 1, got shape {proba.shape} or other sums. Pass "
                "a row for each training example."
            )
        return proba


def _linear_classifier(before: Remembered, proba: NDArray[np.float64]) -> nn.Module:
    logs = np.log(np.maximum(proba, _LEAST))
    logs -= logs.mean(axis=1, keepdims=True)
    rows = np.column_stack([before.values.double().numpy(), np.ones(len(proba))])
    solved = torch.from_numpy(np.linalg.lstsq(rows, logs, rcond=None)[0])  # (dim + 1, n_source)
    layer = nn.Linear(rows.shape[1] - 1, proba.shape[1], device="meta")  # draws nothing
    layer.load_state_dict({"weight": solved[:-1].T.float(), "bias": solved[-1].float()}, assign=True)
    return layer.requires_grad_(False)
