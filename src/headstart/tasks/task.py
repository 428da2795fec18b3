"""What a task is: how labels become numbers, and by which names later layers find the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

CLASSIC_BACKBONES = {
    "image": "colour_histogram",
    "text": "word_ngrams",
    "audio": "audio_vector",
    "video": "frames/colour_histogram",
    "table": "columns",
    "series": "random_convolutions",
}
"""By modality, features that need no pretraining: the cheap classics of every task."""


@dataclass(frozen=True)
class Task:
    """A kind of question asked of the data. What it does lies in the file of its name in every later layer.

    Args:
        name: the file's name.
        metric: what is maximised unless the user says otherwise.
        reported: figures that get an interval in the report.
        dummy_head: the head that knows nothing of the features.
        baseline_heads: heads that the baselines choose from.
        classic_heads: by modality, the heads of the classic features where the usual ones do not suit them.
        calibration: name of what makes outputs honest, from out-of-fold ones, in ``evaluation/calibrations.py``.
        pipeline_tag: what follows the modality in the tags of a model card.
        parse: (label texts, None where missing; names of the rows) -> targets, None where missing; raises InputError
            with the row that cannot be.
        names: target -> the class names in it.
        encode: (targets without None, classes) -> y, what heads and metrics take.
        strata: y -> (n,) or (n, k), what parts and folds keep in proportion.
        objection: targets without None -> why nothing can be learnt from them, or "".
        classic_backbones: by modality, features that need no pretraining.
        balanced_by: what parts and folds keep in proportion, in words.
        is_exclusive: True where a row has one class out of several, each of which must be learnt from.
    """

    name: str
    metric: str
    reported: tuple[str, ...]
    dummy_head: str
    baseline_heads: tuple[str, ...]
    classic_heads: dict[str, tuple[str, ...]]
    calibration: str
    pipeline_tag: str
    parse: Callable[[Sequence[str | None], Sequence[str]], list[Any]] = field(repr=False)
    names: Callable[[Any], tuple[str, ...]] = field(repr=False)
    encode: Callable[[Sequence[Any], tuple[str, ...]], NDArray[Any]] = field(repr=False)
    strata: Callable[[NDArray[Any]], NDArray[Any]] = field(repr=False)
    objection: Callable[[Sequence[Any]], str] = field(repr=False)
    classic_backbones: dict[str, str] = field(default_factory=lambda: CLASSIC_BACKBONES)
    balanced_by: str = "class"
    is_exclusive: bool = False
