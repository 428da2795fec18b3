"""What a series is like, in a few dozen numbers that people can read."""

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

LAGS = (1, 2, 3, 5, 8, 13)
N_BANDS = 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = (
    *("mean", "spread", "least", "most", "slope", "mean_step", "crossings", "skewness", "kurtosis"),
    *(f"quantile_{q:g}" for q in QUANTILES),
    *(f"autocorrelation_{lag}" for lag in LAGS),
    *(f"power_{band}" for band in range(N_BANDS)),
)
"""What each number of a channel is called."""
_FILE = "channels"

_CARD = BackboneCard(
    name="series_statistics",
    modality="series",
    dim=0,
    provider="series_statistics",
    licence="Apache-2.0",
    commercial=True,
    pretraining="none",
    parameters=0,
    input=None,
    weights="learnt",
)


def cards() -> list[BackboneCard]:
    """The statistics."""
    return [_CARD]


def learn(card: BackboneCard, examples: Sequence[Any]) -> dict[str, bytes]:
    """How many channels there are; no label is read."""
    return {_FILE: json.dumps({"channels": shape_of(examples)[1]}).encode()}


def from_files(files: Mapping[str, bytes]) -> Backbone:
    """The backbone that was learnt."""
    from headstart.backbones.backbone import Backbone

    channels = int(json.loads(files[_FILE])["channels"])
    card = replace(_CARD, dim=channels * len(NAMES), weights_id=f"series_statistics:1:{channels}")
    return Backbone(card, _Learnt(channels, dict(files)))


class _Learnt:
    """The provider for series of so many channels."""

    def __init__(self, n_channels: int, files: dict[str, bytes]) -> None:
        self._n_channels, self._files = n_channels, files

    def cards(self) -> list[BackboneCard]:
        """None: what was learnt has no public name."""
        return []

    def encode(self, card: BackboneCard, examples: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(n, n_channels * len(NAMES)) of n arrays (n_steps, n_channels)."""
        rows = [np.concatenate([statistics(c) for c in checked(series, self._n_channels).T]) for series in examples]
        return np.array(rows, dtype=np.float32).reshape(len(examples), card.dim)

    def saved_files(self, card: BackboneCard) -> dict[str, bytes]:
        """What a bundle keeps."""
        return self._files


def statistics(values: NDArray[Any]) -> NDArray[np.float64]:
    """(len(NAMES),) statistics of (n_steps,) numbers; those of the shape are of the standardised series."""
    values = np.asarray(values, dtype=np.float64)
    mean, spread = values.mean(), values.std()
    scaled = (values - mean) / spread if spread > 1e-12 else np.zeros_like(values)
    steps = np.linspace(-1.0, 1.0, len(values)) if len(values) > 1 else np.zeros(1)
    found = [
        mean,
        spread,
        values.min(),
        values.max(),
        (steps * scaled).sum() / max((steps**2).sum(), 1e-12),
        np.abs(np.diff(scaled)).mean() if len(values) > 1 else 0.0,
        (np.diff(np.signbit(scaled)) != 0).mean() if len(values) > 1 else 0.0,
        (scaled**3).mean(),
        (scaled**4).mean(),
        *np.quantile(values, QUANTILES),
        *((scaled[lag:] * scaled[:-lag]).sum() / len(values) if lag < len(values) else 0.0 for lag in LAGS),
        *_bands(scaled),
    ]
    return np.array(found)


def _bands(scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N_BANDS,) share of the power in bands of frequency, each twice as wide as the one below."""
    power = np.abs(np.fft.rfft(scaled))[1:] ** 2
    if not power.sum():
        return np.zeros(N_BANDS)
    edges = np.unique(np.round(len(power) * 2.0 ** np.arange(-N_BANDS + 1, 1)).astype(int))
    parts = np.split(power, edges[(edges > 0) & (edges < len(power))])
    found = np.zeros(N_BANDS)
    found[N_BANDS - len(parts) :] = [part.sum() / power.sum() for part in parts]
    return found
