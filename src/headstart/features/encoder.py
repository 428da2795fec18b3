"""The first arrow: raw examples in, one row of pretrained features each out, computed once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from headstart.backbones.backbone import Backbone
from headstart.errors import InputError
from headstart.features.cache import FeatureCache
from headstart.features.encoding import Encoded, Encoding
from headstart.features.pixels import View
from headstart.features.settings import EncoderSettings
from headstart.types import Decide, Progress, decide_now, silent


class Encoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Frozen pretrained features as a scikit-learn transformer.

    Args:
        backbone: a name that ``headstart backbones list`` shows, ``name@random`` for the same architecture with
            untrained weights, a local folder, or a :class:`~headstart.backbones.backbone.Backbone`.
        layer: block whose output is taken, or None for the pooled features of the last one.
        pooling: "mean", "max" or "none" over positions, for a named layer.
        precision: "exact": within 1e-3 (batch-centred, relative) of fp32 PyTorch from file to features. "auto": photos
            far larger than the input are decoded at reduced scale, and bf16 is taken where it is at least 1.5 times
            faster and strays under 15 %. "bf16": bf16 wherever it strays under 15 %.
        runtime: "auto" (measured on the first batches), "openvino", "onnxruntime" or "torch".
        window: "center", "squash" (keep all of the picture) or None for what the weights were trained with.
        resolution: side of the square input in pixels, or None for what the weights were trained with.
        n_components: reduce to that many dimensions by PCA, learnt in ``fit``; None keeps all.
        augmentation: "none", "flip" or "crop_flip"; which view is taken says ``view``.
        view: number of the augmented view; 0 is the plain picture.
        cache: True (the user's cache), False (none), or the folder of a cache.
        random_state: seed of the augmentation.

    >>> Encoder("colour_histogram", cache=False).transform([np.zeros((8, 8, 3), np.uint8)]).dtype
    dtype('float32')
    """

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet_lite0",
        *,
        layer: str | None = None,
        pooling: str = "mean",
        precision: str = "exact",
        runtime: str = "auto",
        window: str | None = None,
        resolution: int | None = None,
        n_components: int | None = None,
        augmentation: str = "none",
        view: int = 0,
        cache: bool | str | Path = True,
        random_state: int = 0,
    ) -> None:
        self.backbone = backbone
        self.layer = layer
        self.pooling = pooling
        self.precision = precision
        self.runtime = runtime
        self.window = window
        self.resolution = resolution
        self.n_components = n_components
        self.augmentation = augmentation
        self.view = view
        self.cache = cache
        self.random_state = random_state

    def fit(self, X: Sequence[Any], y: Any = None) -> Encoder:
        """Check the settings; learn the reduction where one is asked for, and the backbone where it needs that.

        Raises:
            UnknownNameError: no such backbone, layer or runtime.
            InputError: an example cannot be read, or a setting is out of range.
        """
        self._settings()
        if self._backbone().is_to_be_learnt:
            self.learnt_ = self._named_backbone().learn(X)
        if self.n_components is not None:
            self._fit_reduction(X)
        return self

    def transform(self, X: Sequence[Any]) -> NDArray[np.float32]:
        """Features of raw examples (paths, arrays (h, w[, 3]) uint8, or the bytes of a file).

        Returns:
            (n, dim) float32; mapped from disk when large.

        Raises:
            InputError: an example cannot be read.
        """
        features = self.encode(X).features
        if self.n_components is None:
            return features
        reduced: NDArray[np.float32] = self.reduction_.transform(features).astype(np.float32)
        return reduced

    def encode(
        self,
        examples: Sequence[Any],
        *,
        digests: Sequence[bytes] | None = None,
        decide: Decide = decide_now,
        progress: Progress = silent,
        keep_going: bool = False,
    ) -> Encoded:
        """Features (before the reduction) with an account of what was computed.

        Args:
            examples: n raw examples.
            digests: their content digests where known; otherwise every file is read once more for it.
            decide: makes or replays the choice of the runtime, which hangs on time.
            progress: told of rows done.
            keep_going: report unreadable examples in ``problems`` instead of raising.
        """
        if isinstance(examples, (str, bytes, Path)):
            raise InputError(f"Encoder needs a list of examples, got {str(examples)[:80]!r}. Put it into a list.")
        backbone = self._backbone()
        if backbone.is_to_be_learnt:
            raise InputError(f"Encoder needs {backbone.card.name!r} learnt from examples first, got none. Call fit.")
        encoding = Encoding(backbone, self._settings(), self.runtime, examples, digests, decide, progress)
        with ExitStack() as stack:
            root: Any = self.cache
            if root is False:
                root = stack.enter_context(tempfile.TemporaryDirectory(prefix="headstart-"))
            encoded = encoding.run(FeatureCache(None if root is True else root))
        if encoded.problems and not keep_going:
            position, reason = next(iter(encoded.problems.items()))
            raise InputError(f"Encoder needs readable examples, got {reason} (position {position}).")
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """(dim,) names: backbone and position; only for pooled or reduced features."""
        card = self._backbone().card
        return np.array([f"{card.name}_{i}" for i in range(self.n_components or card.dim)], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        """True once fitted; without a reduction there is nothing to learn."""
        is_reduced = self.n_components is None or hasattr(self, "reduction_")
        return is_reduced and not self._backbone().is_to_be_learnt

    def __sklearn_tags__(self) -> Any:
        """Rows are raw examples, not numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = self.n_components is not None or self._named_backbone().is_to_be_learnt
        return tags

    def _fit_reduction(self, X: Sequence[Any]) -> None:
        from sklearn.decomposition import PCA

        features = self.encode(X).features
        most = min(features.shape)
        if not 1 <= self.n_components <= most:  # type: ignore[operator]
            raise InputError(
                f"Encoder needs n_components between 1 and {most} for {features.shape[0]} examples, "
                f"got {self.n_components!r}. Choose fewer."
            )
        self.reduction_ = PCA(self.n_components, svd_solver="full").fit(features)

    def _backbone(self) -> Backbone:
        """What encodes: as learnt, once it is."""
        learnt: Backbone | None = getattr(self, "learnt_", None)
        return learnt or self._named_backbone()

    def _named_backbone(self) -> Backbone:
        from headstart.backbones.registry import open_backbone

        return self.backbone if isinstance(self.backbone, Backbone) else open_backbone(self.backbone)

    def _settings(self) -> EncoderSettings:
        view = View(self.augmentation, self.random_state, self.view)
        return EncoderSettings(self.layer, self.pooling, self.precision, self.window, self.resolution, view)
