"""Tokens of texts that are hidden."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.training.augmentation._augmentation import Draws, Inputs, Prepared

Choose = Callable[[int, np.random.Generator], NDArray[np.bool_]]
"""Number of tokens -> (n,) True for those to hide."""


def hide_tokens(inputs: Inputs, draws: Draws, prepared: Prepared, choose: Choose) -> Inputs:
    """Ids and mask (b, t) or (b, n_windows, t), chosen ids replaced by the token that stands for a hidden one.

    Special tokens and filling stay, and of each window at least one token.
    """
    ids, mask = inputs
    hidden = ids.clone()
    special = torch.tensor(sorted(prepared.special_ids), dtype=ids.dtype)
    is_text = (mask > 0) & ~torch.isin(ids, special)
    for windows, are_text, draw in zip(hidden, is_text, draws, strict=True):
        for window, own in zip(windows.view(-1, ids.shape[-1]), are_text.view(-1, ids.shape[-1]), strict=True):
            places = own.nonzero().squeeze(1)  # (n,)
            if len(places) > 1:
                chosen = choose(len(places), draw)
                if chosen.all():
                    chosen[draw.integers(len(chosen))] = False
                window[places[torch.from_numpy(chosen)]] = prepared.mask_id
    return hidden, mask
