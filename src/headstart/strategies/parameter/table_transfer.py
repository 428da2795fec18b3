"""A classifier of table rows that begins with the weights of a pre-trained encoder and moves them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.strategies.parameter._labels import class_codes, loss_weights
from headstart.training.held_out_rows import held_out_rows
from headstart.training.table.cells import check_frame
from headstart.training.table.encoder import TableEncoder

if TYPE_CHECKING:
    from headstart.strategies.parameter._table_classifier import TableClassifier
    from headstart.training.batches import Batches
    from headstart.training.settings import TrainSettings
    from headstart.training.table.cells import TableCells

_LEAST_HELD_OUT = 20


class TableTransfer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fine-tunes a :class:`~headstart.training.table.encoder.TableEncoder` with labels.

    Args:
        encoder: an encoder. One that is fitted is carried over as it is; inside cross-validation, where scikit-learn
            clones what is fitted into what is not, wrap it in ``sklearn.frozen.FrozenEstimator``. One that is not is
            pre-trained first, on ``X`` and ``X_target``.
        encoder_rate: what the learning rate of the encoder is multiplied with; 0 leaves it as it is.
        epochs: most passes over the rows.
        batch_size: rows of a step.
        learning_rate: highest rate, of the last layer.
        weight_decay: decay of the matrices.
        smoothing: label smoothing.
        missing_share: share of the cells that is taken away in training, so that it does without columns that the
            target lacks.
        ema_decay: decay of the moving average of the weights, or None.
        validation_fraction: share of the rows that decides when to stop; without 20 such rows all epochs are run.
        patience: epochs without a better loss on them before it stops.
        max_seconds: time for the fine-tuning, or None.
        random_state: seed of everything.

    Source: as ``TableEncoder``.
    """

    name = "table_transfer"
    classes_: NDArray[Any]

    def __init__(
        self,
        encoder: Any = None,
        *,
        encoder_rate: float = 0.3,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        smoothing: float = 0.05,
        missing_share: float = 0.2,
        ema_decay: float | None = 0.95,
        validation_fraction: float = 0.15,
        patience: int = 10,
        max_seconds: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.encoder_rate = encoder_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.smoothing = smoothing
        self.missing_share = missing_share
        self.ema_decay = ema_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.max_seconds = max_seconds
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, X_target: Any = None, sample_weight: Any = None) -> Self:
        """Train on a DataFrame of n rows and (n,) labels; ``X_target`` holds rows without labels.

        Raises:
            InputError: no DataFrame, missing labels, fewer than two classes, or a setting makes no sense.
        """
        from headstart.training.forward import mean_loss
        from headstart.training.loop import train
        from headstart.training.losses.cross_entropy import CrossEntropy

        check_frame("TableTransfer", X)
        if not 0 <= self.missing_share < 1:
            raise InputError(f"TableTransfer needs missing_share in 0..1, got {self.missing_share}. Lower it.")
        self.classes_, codes = class_codes("TableTransfer", y, len(X))
        weights = loss_weights("TableTransfer", sample_weight, len(X))
        self.encoder_ = self._carried_over(X, X_target)
        self.network_ = self._network()
        cells, loss = self.encoder_.cells(X), CrossEntropy(smoothing=self.smoothing)
        fitting, held = self._split(codes)
        checking = self._batches(cells, held, codes, weights, missing_share=0.0)
        self.history_ = train(
            self.network_,
            self._batches(cells, fitting, codes, weights, missing_share=self.missing_share),
            loss,
            settings=self._settings(),
            deadline=Deadline.after(self.max_seconds),
            validate=(lambda network: mean_loss(network, checking, CrossEntropy())) if len(held) else None,
            rate_of=lambda name: self.encoder_rate if name.startswith("encoder.") else 1.0,
        )
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        import torch

        check_is_fitted(self)
        features = torch.from_numpy(self.encoder_.transform(X))
        with torch.inference_mode():
            scores = self.network_.head(features).double()
        return np.asarray(torch.softmax(scores, dim=1).numpy())

    def predict(self, X: Any) -> NDArray[Any]:
        """(n,) most probable label of each row."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)])

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The fitted classifier as JSON-able settings and plain arrays; undone by :meth:`from_state`."""
        check_is_fitted(self)
        encoder, arrays = self.encoder_.to_state()
        head = {f"head:{name}": tensor.numpy().copy() for name, tensor in self.network_.head.state_dict().items()}
        info = {
            "strategy": "table_transfer",
            "params": {name: value for name, value in self.get_params(deep=False).items() if name != "encoder"},
            "classes": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str,
            "encoder": encoder,
        }
        return info, {f"encoder:{name}": array for name, array in arrays.items()} | head

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The classifier that :meth:`to_state` described."""
        import torch

        if info.get("strategy") != "table_transfer":
            what = f"TableTransfer.from_state needs the state of 'table_transfer', got {info.get('strategy')!r}"
            raise InputError(f"{what}. Take the class that saved it.")
        parts: dict[str, dict[str, NDArray[Any]]] = {"encoder": {}, "head": {}}
        for name, array in arrays.items():
            parts[name.partition(":")[0]][name.partition(":")[2]] = array
        encoder = TableEncoder.from_state(info["encoder"], parts["encoder"])
        model = cls(encoder, **info["params"])
        model.classes_ = np.array(info["classes"], dtype=np.dtype(info["classes_dtype"]))
        model.encoder_ = encoder
        model.network_ = model._network()
        model.network_.head.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in parts["head"].items()})
        model.network_.eval()
        return model

    def _carried_over(self, X: Any, X_target: Any) -> Any:
        """A fitted encoder of one's own."""
        from sklearn.frozen import FrozenEstimator

        encoder = self.encoder.estimator if isinstance(self.encoder, FrozenEstimator) else self.encoder
        encoder = TableEncoder(random_state=self.random_state) if encoder is None else encoder
        if hasattr(encoder, "network_"):
            return deepcopy(encoder)
        return clone(encoder).fit(X, X_target=X_target)

    def _network(self) -> TableClassifier:
        """The encoder's network, whose weights move in place, and a linear layer."""
        from headstart.backbones._untrained import fixed_seed
        from headstart.strategies.parameter._table_classifier import TableClassifier

        with fixed_seed(self.random_state):
            return TableClassifier(self.encoder_.network_, len(self.classes_))

    def _split(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return held_out_rows(
            codes, fraction=self.validation_fraction, least=_LEAST_HELD_OUT, random_state=self.random_state
        )

    def _settings(self) -> TrainSettings:
        from headstart.training.settings import TrainSettings

        return TrainSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            ema_decay=self.ema_decay,
            patience=self.patience,
            random_state=self.random_state,
        )

    def _batches(
        self,
        cells: TableCells,
        among: NDArray[np.int64],
        codes: NDArray[np.int64],
        weights: NDArray[np.float32] | None,
        *,
        missing_share: float,
    ) -> Batches:
        """Rows ``among`` the cells; which cells are taken away hangs on seed, epoch and row."""
        import torch

        from headstart.training.batches import Batch, Batches

        def load(rows: NDArray[np.int64], epoch: int) -> Batch:
            own = among[rows]
            part = None if weights is None else torch.from_numpy(weights[own])
            bins, names, present = cells.tensors(own)
            if missing_share:
                draw = np.random.default_rng([self.random_state, epoch, int(rows[0])])
                present = present & torch.from_numpy(draw.random(present.shape) >= missing_share)
            return Batch((bins, names, present), (torch.from_numpy(codes[own]),), own, part)

        return Batches(load, len(among), self.batch_size, random_state=self.random_state)
