"""Runs a backbone without a torch module, such as a colour histogram, on opened pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone


class ClassicRuntime:
    """The runtime of classic backbones: plain numpy, in the caller's thread."""

    name, version, precision, batch_size = "numpy", "1", "fp32", 16

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def run(self, batches: Iterable[NDArray[Any]], sink: Any) -> None:
        """``batches`` hold pictures, and None where one could not be opened."""
        for number, batch in enumerate(batches):
            places = [place for place, image in enumerate(batch) if image is not None]
            rows = np.zeros((len(batch), self._backbone.card.dim), dtype=np.float32)
            if places:
                rows[places] = self._backbone.encode([batch[place] for place in places])
            sink(number, rows)
