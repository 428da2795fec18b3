"""A backbone without a torch module, such as a colour histogram, made ready: it takes opened examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.data.modalities.modality import get_modality
from headstart.features.runtimes.runtime import Batch
from headstart.features.stream import BatchStream


class ClassicRuntime:
    """The runtime of classic backbones: plain numpy, in the caller's thread."""

    name, version, precision, batch_size = "numpy", "1", "fp32", 16

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def run(self, batches: Iterable[Batch], sink: Any) -> None:
        """``batches`` hold opened examples, and None where one could not be opened."""
        for number, (batch,) in enumerate(batches):
            places = [place for place, example in enumerate(batch) if example is not None]
            rows = np.zeros((len(batch), self._backbone.card.dim), dtype=np.float32)
            if places:
                rows[places] = self._backbone.encode([batch[place] for place in places])
            sink(number, rows)


class ClassicBackbone:
    """Opens examples as their modality says; see :class:`~headstart.features.ready_backbone.ReadyBackbone`.

    Args:
        backbone: a classic one.
    """

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def build(self, name: str, precision: str) -> ClassicRuntime:
        """The one runtime there is."""
        return ClassicRuntime(self._backbone)

    def dim(self) -> int:
        """Width of a row of features."""
        return self._backbone.card.dim

    def stream(
        self, examples: Sequence[Any], digests: Sequence[bytes], rows: Sequence[int], batch_size: int
    ) -> BatchStream:
        """Opened examples, in batches."""
        return BatchStream(rows, self._loader(examples), (), object, batch_size)

    def _loader(self, examples: Sequence[Any]) -> Callable[[int], Any]:
        modality = get_modality(self._backbone.card.modality)
        settings = self._backbone.open_settings

        def load(row: int) -> NDArray[Any]:
            # A cell of an object array keeps what it is given only when that comes wrapped.
            cell = np.empty((), dtype=object)
            cell[()] = modality.open_example(examples[row], **settings)
            return cell

        return load
