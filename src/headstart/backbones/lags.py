"""The last steps of a series as they are: what forecasts are commonly made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._series_scale import checked, shape_of
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone

MOST_LAGS = 128
"""Of a longer window the latest steps are taken."""
_FILE = "lags"

_CARD = BackboneCard(
    name="lags",
    modality="series",
    dim=0,
    provider="lags",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights="learnt",
)


def cards() -> list[BackboneCard]:
    """The lags."""
    return [_CARD]


def learn(card: BackboneCard, examples: Sequence[Any]) -> dict[str, bytes]:
    """What :func:`from_files` needs: how many steps and channels there are; no label is read.

    Args:
        card: the card of ``lags``.
        examples: raw series.
    """
    steps, channels = shape_of(examples)
    return {_FILE: json.dumps({"lags": min(steps, MOST_LAGS), "channels": channels}).encode()}


def from_files(files: Mapping[str, bytes]) -> Backbone:
    """The backbone that was learnt."""
    from headstart.backbones.backbone import Backbone

    wanted = json.loads(files[_FILE])
    n_lags, n_channels = int(wanted["lags"]), int(wanted["channels"])
    card = replace(_CARD, dim=n_lags * n_channels, weights_id=f"lags:1:{n_lags}x{n_channels}")
    return Backbone(card, _Learnt(n_lags, n_channels, dict(files)))


class _Learnt:
    """The provider of so many lags.

    Args:
        n_lags: of each channel.
        n_channels: of the series.
        files: what it was made from.
    """

    def __init__(self, n_lags: int, n_channels: int, files: dict[str, bytes]) -> None:
        self._n_lags, self._n_channels, self._files = n_lags, n_channels, files

    def cards(self) -> list[BackboneCard]:
        """None: what was learnt has no public name."""
        return []

    def encode(self, card: BackboneCard, examples: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(n, n_channels * n_lags): the channels one after the other, each with its latest step first.

        A shorter series is continued into the past with its first step.

        Args:
            card: of the learnt backbone.
            examples: n arrays (n_steps, n_channels).
        """
        rows = np.zeros((len(examples), card.dim), dtype=np.float32)
        for place, series in enumerate(examples):
            latest = checked(series, self._n_channels)[-self._n_lags :]
            whole = np.concatenate([np.repeat(latest[:1], self._n_lags - len(latest), axis=0), latest])
            rows[place] = whole[::-1].T.ravel()
        return rows

    def saved_files(self, card: BackboneCard) -> dict[str, bytes]:
        """What a bundle keeps."""
        return self._files
