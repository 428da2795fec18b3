"""The nouns every layer shares: frozen, without behaviour beyond looking things up in themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODALITIES = ("image", "text", "audio", "video", "table", "series", "mixed")
"""What an input can be."""


def _frozen_array(values: Any, dtype: Any, n: int, name: str) -> NDArray[Any] | None:
    if values is None:
        return None
    array: NDArray[Any] = _object_array(values) if dtype is object else np.array(values, dtype=dtype)
    if array.shape != (n,):
        raise ValueError(f"Dataset needs {name} of shape ({n},), got {array.shape}. Give one value per input.")
    array.setflags(write=False)
    return array


def _object_array(values: Any) -> NDArray[Any]:
    """(n,) whatever the values are: sequences stay one cell each."""
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples of one kind, with what is known about each. Arrays are copied and read-only.

    Args:
        inputs: n examples, lazily read: absolute paths, strings, arrays or rows.
        targets: (n,) labels, None where missing: strings, floats or tuples of strings, as the task has them; or None
            when nothing is labelled.
        classes: the class names in order; never inferred from the largest label. None of numbers.
        modality: one of :data:`MODALITIES`.
        domain: (n,) domain names, or None.
        group: (n,) group names (rows of one group never stand on both sides of a split), or None.
        time: (n,) sortable times, or None.
        split: (n,) "train", "val" or "test" as the data came, "" where unsaid, or None.
        ids: (n,) names shown to people (relative paths, row numbers); default: row numbers.
        task: what is asked, a name of ``headstart.tasks``.
    """

    inputs: Sequence[Any]
    targets: NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    modality: str = "image"
    domain: NDArray[Any] | None = None
    group: NDArray[Any] | None = None
    time: NDArray[Any] | None = None
    split: NDArray[Any] | None = None
    ids: NDArray[Any] = field(default_factory=lambda: np.empty(0, dtype=object))
    task: str = "classification"

    def __post_init__(self) -> None:
        n = len(self.inputs)
        ids = [str(i) for i in range(n)] if self.ids is None or (n and not len(self.ids)) else self.ids
        for name, dtype, values in (
            ("targets", object, self.targets),
            ("domain", object, self.domain),
            ("group", object, self.group),
            ("time", None, self.time),
            ("split", object, self.split),
            ("ids", object, ids),
        ):
            object.__setattr__(self, name, _frozen_array(values, dtype, n, name))

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(n,) True where a label is present."""
        if self.targets is None:
            return np.zeros(len(self), dtype=bool)
        return np.array([t is not None for t in self.targets], dtype=bool)

    @property
    def codes(self) -> NDArray[np.int64]:
        """(n,) index into ``classes``; raises KeyError for a missing or unknown label, so take labelled rows first."""
        lookup = {name: code for code, name in enumerate(self.classes)}
        targets = () if self.targets is None else self.targets
        return np.array([lookup[t] for t in targets], dtype=np.int64)

    def counts(self, names: Callable[[Any], tuple[str, ...]]) -> dict[str, int]:
        """How many labelled rows each class has; ``names`` says which classes a target names."""
        found = dict.fromkeys(self.classes, 0)
        for target in () if self.targets is None else self.targets[self.labelled]:
            for name in names(target):
                found[name] += 1
        return found

    def take(self, rows: Any) -> Dataset:
        """The same data set with only ``rows`` (integer positions or a boolean mask), in that order."""
        rows = np.arange(len(self))[np.asarray(rows)]

        def pick(array: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if array is None else array[rows]

        return replace(
            self,
            inputs=[self.inputs[i] for i in rows],
            targets=pick(self.targets),
            domain=pick(self.domain),
            group=pick(self.group),
            time=pick(self.time),
            split=pick(self.split),
            ids=self.ids[rows],
        )


@dataclass(frozen=True)
class Guess:
    """One thing headstart inferred about the data and how to say otherwise (shown to the user)."""

    what: str
    value: str
    why: str
    override: str


@dataclass(frozen=True)
class ImageInput:
    """What pixels a backbone wants: belongs to the weights.

    Args:
        height: rows of the model input, pixels.
        width: columns of the model input, pixels.
        crop_fraction: the short side is resized to ``size / crop_fraction`` and the centre cut out; 1 keeps all of it.
        interpolation: "bicubic" or "bilinear" (Pillow's, antialiased).
        mean: per-channel mean on the 0..1 scale.
        std: per-channel standard deviation on the 0..1 scale.
        window: "center" (resize the short side, cut the centre) or "squash" (resize both sides, keep everything).
    """

    height: int = 224
    width: int = 224
    crop_fraction: float = 0.875
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    window: str = "center"


@dataclass(frozen=True)
class VideoInput:
    """What a backbone of pictures wants of a clip of video.

    Args:
        n_frames: frames of a clip, evenly spread.
        image: the pixels of each.
        is_joint: True where all frames of a clip go through the backbone together, (n, t, 3, h, w); else one by one.
    """

    n_frames: int
    image: ImageInput
    is_joint: bool = False


@dataclass(frozen=True)
class TextInput:
    """What tokens a backbone wants: belongs to the weights.

    Args:
        max_tokens: tokens of one window, special ones among them; longer texts are read in several windows.
        pooling: "mean" over tokens, "cls" (the first) or "max".
        is_normalised: True where the features of a text have length 1.
    """

    max_tokens: int = 256
    pooling: str = "mean"
    is_normalised: bool = False


@dataclass(frozen=True)
class AudioInput:
    """What sound a backbone wants: belongs to the weights.

    Args:
        rate: samples a second.
        n_mels: mel bands of the log-mel spectrogram.
        n_fft: samples of one Fourier window.
        hop: samples between two windows.
        max_seconds: length of one window of the backbone; longer clips are read in several.
        step_seconds: clips are filled up with silence to a multiple of this.
    """

    rate: int = 16_000
    n_mels: int = 80
    n_fft: int = 400
    hop: int = 160
    max_seconds: float = 30.0
    step_seconds: float = 1.0


@dataclass(frozen=True)
class WaveInput:
    """What samples of sound a backbone wants: belongs to the weights. Scaling and spectrograms are the module's own.

    Args:
        rate: samples a second.
        window_samples: samples of one window; longer clips are read in several.
        min_samples: shorter clips are filled up with silence to so many.
        is_filled_up: whether windows of unlike length go through together, filled up with silence that the module
            leaves out; else only those of one length.
        is_normalised: True where the features of a clip have length 1.
    """

    rate: int = 16_000
    window_samples: int = 240_000
    min_samples: int = 400
    is_filled_up: bool = False
    is_normalised: bool = False


@dataclass(frozen=True)
class BackboneCard:
    """What is known about a pretrained encoder without loading it.

    Args:
        name: the name users type.
        modality: one of :data:`MODALITIES`.
        dim: number of pooled features.
        provider: the provider file that loads it.
        licence: SPDX name of the weights' licence, or "unknown".
        commercial: True where the licence allows commercial use.
        pretraining: data it was trained on.
        sha256: digest of the weights file, or None where the weights are not a single known file.
        size_bytes: size of that file, or None.
        parameters: number of weights, or None.
        extra: the headstart extra to install.
        package: the package holding the weights, or None.
        revision: version of the weights.
        input: the pixels, tokens or sound it wants, or None for classic backbones, which take opened examples.
        weights: "pretrained", "random", or "learnt" for what is learnt from the unlabelled examples at hand.
        weights_id: names the exact weights in cache keys; "" for what is still to be learnt.
        steps: of how many blocks of like width, in order of time, the features are made.
    """

    name: str
    modality: str
    dim: int
    provider: str
    licence: str = "unknown"
    commercial: bool = False
    pretraining: str = "unknown"
    sha256: str | None = None
    size_bytes: int | None = None
    parameters: int | None = None
    extra: str = "image"
    package: str | None = None
    revision: str = "1"
    input: ImageInput | VideoInput | TextInput | AudioInput | WaveInput | None = None
    weights: str = "pretrained"
    weights_id: str = ""
    steps: int = 1


@dataclass(frozen=True)
class Score:
    """A figure with its interval and the rule it was chosen by.

    Args:
        value: the estimate.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        rule: how it came about, e.g. "honest: test part, read once" or "honest: out-of-fold".
    """

    value: float
    low: float
    high: float
    rule: str


Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``: the one way long work reports; called from any thread, cheap."""


def silent(what: str, done: int, total: int) -> None:
    """The progress that says nothing."""


Decide = Callable[[str, Callable[[], Any]], Any]
"""``decide(name, choose)``: a JSON-able choice that hangs on time, made by ``choose()`` or replayed from before."""


def decide_now(name: str, choose: Callable[[], Any]) -> Any:
    """The decision that remembers nothing."""
    return choose()
