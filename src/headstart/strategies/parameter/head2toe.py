"""Head2Toe: a linear head on the most telling features of every layer; no gradient goes through the backbone."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from headstart.errors import InputError
from headstart.heads.logistic import LogisticRegressionPath
from headstart.strategies._mathematics.group_lasso import group_lasso
from headstart.strategies.parameter._labels import class_codes, loss_weights

if TYPE_CHECKING:
    from headstart.training.border.cache import BorderCache

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What JSON can hold, and what safetensors can hold."""

_HEAD, _TRUNK, _FILE = "head:", "trunk:", "file:"


class Head2Toe(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies raw examples by features of all layers of a frozen backbone.

    What each block gives is pooled to about ``layer_size`` numbers and scaled to length 1, once for each example, in
    one pass that goes to the cache. A softmax regression with a group lasso, in which the weights of a feature are
    zero together, says how much each matters; the head is fitted on the best ``fraction`` of them.

    Args:
        backbone: a name, ``name@random``, a folder, a backbone, or a torch module of one's own.
        fraction: most features that are kept, as a share of all.
        strength: of the group lasso, as a share of what makes all weights zero.
        layer_size: most features of a block, where it has not more channels.
        resolution: side of pictures in pixels, or None for what the weights were trained with.
        cache: True (the user's cache), False (none), or the folder of a cache.
        max_bytes: most that may be written to it, bytes or text like "5GB"; None: the cache's own cap.
        random_state: seed of untrained weights and of the head's folds.

    Attributes:
        classes_: (n_classes,) labels.
        columns_: (k,) ascending numbers of the features that are kept.
        n_kept_: how many of each block these are.
        head_: a :class:`~headstart.heads.logistic.LogisticRegressionPath`.

    Source: Evci et al., Head2Toe: utilizing intermediate representations for better transfer learning, ICML 2022.
    """

    name = "head2toe"
    classes_: NDArray[Any]

    def __init__(
        self,
        backbone: Any = "efficientnet_lite0",
        *,
        fraction: float = 0.05,
        strength: float = 0.1,
        layer_size: int = 512,
        resolution: int | None = None,
        cache: bool | str | Path = True,
        max_bytes: int | str | None = None,
        random_state: int = 0,
    ) -> None:
        self.backbone = backbone
        self.fraction = fraction
        self.strength = strength
        self.layer_size = layer_size
        self.resolution = resolution
        self.cache = cache
        self.max_bytes = max_bytes
        self.random_state = random_state

    def fit(self, X: Sequence[Any], y: Any, *, sample_weight: Any = None) -> Self:
        """Choose features and fit the head to n raw examples and (n,) labels.

        Raises:
            InputError: labels are missing or of one class, an example cannot be read, or a setting makes no sense.
        """
        self._check_settings()
        examples = _listed(X)
        self.classes_, codes = class_codes("Head2Toe", y, len(examples))
        weights = loss_weights("Head2Toe", sample_weight, len(examples))
        self._open(self.backbone)
        rows = self._features(examples)
        solution = group_lasso(rows, codes, len(self.classes_), strength=self.strength, weights=weights)
        n_kept = max(1, ceil(self.fraction * rows.shape[1]))
        self.columns_ = np.sort(np.argsort(-solution.relevance, kind="stable")[:n_kept])
        ends = np.cumsum(list(self.sizes_.values()))
        counts = np.bincount(np.searchsorted(ends, self.columns_, side="right"), minlength=len(ends))
        self.n_kept_ = dict(zip(self.sizes_, counts.tolist(), strict=True))
        self.head_ = LogisticRegressionPath(random_state=self.random_state)
        self.head_.fit(rows[:, self.columns_], codes, sample_weight=weights)
        return self

    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        check_is_fitted(self)
        examples = _listed(X)
        if not examples:
            return np.empty((0, len(self.classes_)))
        return self.head_.predict_proba(self._features(examples)[:, self.columns_])

    def predict(self, X: Sequence[Any]) -> NDArray[Any]:
        """(n,) most probable label of each example."""
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])

    def to_state(self) -> State:
        """The fitted classifier as JSON-able settings and plain arrays, the backbone's weights among them."""
        from headstart.training.kept_backbone import keep

        check_is_fitted(self)
        backbone, files = keep(self.trunk_.backbone)
        head, arrays = self.head_.to_state()
        cache = self.cache if isinstance(self.cache, bool) else str(self.cache)
        info = {
            "strategy": self.name,
            "params": self.get_params(deep=False) | {"backbone": self.trunk_.card.name, "cache": cache},
            "backbone": backbone,
            "classes": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str,
            "n_kept": self.n_kept_,
            "head": head,
        }
        kept = {f"{_HEAD}{name}": array for name, array in arrays.items()} | {"columns": self.columns_.copy()}
        weights = self.trunk_.module.state_dict()
        kept |= {f"{_TRUNK}{name}": tensor.cpu().contiguous().numpy().copy() for name, tensor in weights.items()}
        return info, kept | {f"{_FILE}{role}": content for role, content in files.items()}

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]], *, backbone: Any = None) -> Self:
        """The classifier that :meth:`to_state` described.

        Args:
            info: settings.
            arrays: numbers.
            backbone: an architecture for the weights; needed where it is a module of one's own.

        Raises:
            InputError: it is the state of something else, or of another architecture.
        """
        import torch

        from headstart.training.kept_backbone import kept_backbone
        from headstart.training.trunk import load_weights

        if info.get("strategy") != cls.name:
            what = f"Head2Toe.from_state needs the state of 'head2toe', got {info.get('strategy')!r}"
            raise InputError(f"{what}. Take the class that saved it.")
        model = cls(**(info["params"] if backbone is None else info["params"] | {"backbone": backbone}))
        model._open(kept_backbone(info["backbone"], _under(_FILE, arrays)) if backbone is None else backbone)
        weights = {name: torch.from_numpy(np.array(array)) for name, array in _under(_TRUNK, arrays).items()}
        load_weights(model.trunk_.module, weights, repr(model.trunk_.card.name))
        model.classes_ = np.array(info["classes"], dtype=np.dtype(info["classes_dtype"]))
        model.columns_, model.n_kept_ = np.array(arrays["columns"]), dict(info["n_kept"])
        model.head_ = LogisticRegressionPath.from_state(info["head"], _under(_HEAD, arrays))
        return model

    def _check_settings(self) -> None:
        wanted = {
            "fraction": ("above 0, up to 1", 0 < self.fraction <= 1),
            "strength": ("above 0, below 1", 0 < self.strength < 1),
            "layer_size": ("at least 1", self.layer_size >= 1),
        }
        wrong = [f"{name} {said}, got {getattr(self, name)!r}" for name, (said, is_met) in wanted.items() if not is_met]
        if wrong:
            raise InputError(f"Head2Toe needs {'; '.join(wrong)}. Correct them.")

    def _open(self, backbone: Any) -> None:
        from headstart.training.layer_features import layer_features
        from headstart.training.trunk import open_trunk

        self.trunk_ = open_trunk(backbone, resolution=self.resolution, random_state=self.random_state)
        self.trunk_.module.requires_grad_(False)
        self.layers_ = layer_features(self.trunk_, layer_size=self.layer_size)

    def _features(self, examples: Sequence[Any]) -> NDArray[np.float32]:
        """(n, total) features of all layers, each computed once."""
        import tempfile

        from headstart.features.cache import FeatureCache

        if self.cache is False:
            with tempfile.TemporaryDirectory() as folder:
                return self._read(FeatureCache(folder), examples)
        return self._read(FeatureCache(None if self.cache is True else self.cache), examples)

    def _read(self, cache: Any, examples: Sequence[Any]) -> NDArray[np.float32]:
        from headstart.training.border.cache import BorderCache
        from headstart.training.border.inputs import inputs_of

        border: BorderCache = BorderCache(
            self.layers_,
            inputs_of(self.trunk_, examples),
            block="every layer",
            precision="float32",
            cache=cache,
            max_bytes=self.max_bytes,
        )
        border.fill()
        found: NDArray[np.float32] | None = None
        for rows in border.together():
            part = border.read(rows, 0)[0].numpy()
            found = np.empty((len(examples), part.shape[1]), dtype=np.float32) if found is None else found
            found[rows] = part
        assert found is not None, "there are examples"
        return found

    @property
    def sizes_(self) -> dict[str, int]:
        """Number of features of each block, in order."""
        from headstart.training.layer_features import LayerFeatures

        part = next(part for part in self.layers_.modules() if isinstance(part, LayerFeatures))
        return part.sizes


def _listed(X: Sequence[Any]) -> list[Any]:
    if isinstance(X, (str, bytes, Path, dict)) or not hasattr(X, "__len__"):
        raise InputError(f"Head2Toe needs a list of examples, got {str(X)[:60]!r}. Put it into a list.")
    return list(X.tolist() if isinstance(X, np.ndarray) and X.dtype.kind in "OUS" else X)


def _under(part: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with ``part``, without it."""
    return {name.removeprefix(part): array for name, array in arrays.items() if name.startswith(part)}
