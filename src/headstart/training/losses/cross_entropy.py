"""Cross-entropy of class codes or shares of classes, with smoothed labels and weights of the classes."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor


@final
class CrossEntropy:
    """``-w_y * sum_k q_k log p_k`` for each example, with ``q = (1 - smoothing) * onehot(y) + smoothing / n_classes``.

    Args:
        smoothing: share of the label that is spread over all classes, in 0..1.
        class_weights: (n_classes,) positive weights w, or None for ones. They are taken as they come: weights of mean
            1 over the examples keep the scale of the loss.

    Source: Szegedy et al., Rethinking the Inception architecture, CVPR 2016.
    """

    def __init__(self, *, smoothing: float = 0.0, class_weights: Tensor | None = None) -> None:
        self.smoothing = smoothing
        self.class_weights = class_weights

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(b,) losses of (b, n_classes) raw scores and (b,) codes, or (b, n_classes) shares of the classes.

        The loss of shares is the sum of the losses of the classes, each times its share.
        """
        logs = torch.log_softmax(outputs.float(), dim=1)  # (b, n_classes)
        if targets.ndim == 2:
            return self._of_shares(logs, targets.to(logs.dtype))
        own = -logs.gather(1, targets[:, None]).squeeze(1)
        losses = (1 - self.smoothing) * own - self.smoothing * logs.mean(dim=1) if self.smoothing else own
        if self.class_weights is None:
            return losses
        return losses * self.class_weights.to(losses.device, losses.dtype)[targets]

    def _of_shares(self, logs: Tensor, shares: Tensor) -> Tensor:
        losses = -(1 - self.smoothing) * logs - self.smoothing * logs.mean(dim=1, keepdim=True)
        if self.class_weights is not None:
            losses = losses * self.class_weights.to(losses.device, losses.dtype)
        return (shares * losses).sum(dim=1)
