"""A Transformers encoder behind the one signature that text backbones have."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class HiddenStates(nn.Module):
    """(n, t) ids and (n, t) mask -> (n, t, dim) states of the last layer.

    Args:
        model: a Transformers encoder.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """States of every token; those where the mask is 0 mean nothing."""
        states: Tensor = self.model(input_ids=ids, attention_mask=mask, return_dict=True).last_hidden_state
        return states
