"""Learning without forgetting: the tuned network goes on answering as the pretrained one did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.errors import InputError
from headstart.training.batches import Batch, Batches
from headstart.training.penalty import Penalty, batch_mean
from headstart.training.regularisers._pretrained_self import Remembered, frozen_copy, remember_features, trunk_of


@final
class LWF(Penalty):
    """Distillation from the pretrained self.

    With the classifier that the backbone was pretrained with: ``weight * T^2 * KL(p_0 || p)`` of its class
    probabilities at temperature T, before and now. Backbones here come without one; then it is
    ``weight * mean (f - f_0)^2`` of the features, divided by the variance of the pretrained ones.

    The paper's source classifier moves along; here it stays as it is, so that all change lies in the features.

    Args:
        weight: of the penalty, at least 0.
        temperature: T, above 0.
        source_head: (b, dim) features -> (b, n_source) scores of the pretrained classifier, or None.
        is_remembered: True: the pretrained answers are computed once for each example as it stands, which costs
            nothing later; False: a frozen copy sees each batch as it is augmented.

    Raises:
        InputError: a setting makes no sense.

    Source: Li and Hoiem, Learning without forgetting, IEEE TPAMI 2017; Hinton, Vinyals and Dean 2015.
    """

    name: ClassVar[str] = "lwf"
    knows_examples: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: float = 1.0,
        temperature: float = 2.0,
        source_head: nn.Module | None = None,
        is_remembered: bool = True,
    ) -> None:
        if not (weight >= 0 and temperature > 0):
            got = f"{weight!r} and {temperature!r}"
            raise InputError(f"lwf needs a weight of at least 0 and a temperature above 0, got {got}. Correct them.")
        self.weight = weight
        self.temperature = temperature
        self.source_head = source_head
        self.is_remembered = is_remembered
        self._before: Remembered | None = None
        self._copy: nn.Module | None = None
        self._classifier: nn.Module | None = None
        self._variance = 1.0

    def begin(self, network: nn.Module, blocks: Mapping[str, nn.Module], batches: Batches) -> None:
        """Remember the features of every example, and where they are not to be remembered the network."""
        trunk = trunk_of("lwf", network)
        self._before, _ = remember_features("lwf", trunk, batches)
        self._variance = max(float((self._before.values - self._before.values.mean(0)).square().mean()), 1e-12)
        self._copy = None if self.is_remembered else frozen_copy(trunk)
        self._classifier = None if self.source_head is None else frozen_copy(self.source_head)

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """A scalar, 0 as long as nothing has changed."""
        before = self._features_before(batch).to(features.dtype)
        if self._classifier is None:
            each = (features - before).square().mean(dim=1) / self._variance
            return self.weight * batch_mean(each, batch)
        classifier = self._classifier.to(features.device)
        logs, wanted = (
            torch.log_softmax(classifier(rows).to(features.dtype) / self.temperature, dim=1)
            for rows in (features, before)
        )
        each = functional.kl_div(logs, wanted, reduction="none", log_target=True).sum(dim=1)
        return self.weight * self.temperature**2 * batch_mean(each, batch)

    def _features_before(self, batch: Batch) -> Tensor:
        if self._before is None:
            raise InputError("lwf needs the pretrained answers, got none. Call begin before training.")
        if self._copy is None:
            return self._before.of(batch)
        with torch.no_grad():
            before: Tensor = self._copy(*batch.inputs)
        return before
