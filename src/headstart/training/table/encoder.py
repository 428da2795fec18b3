"""An encoder of table rows, pre-trained without labels on a source table and carried over to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.training.held_out_rows import held_out_rows
from headstart.training.table.cells import TableCells, check_frame, read_cells
from headstart.training.table.column import TableColumn, learn_column, with_more_values

if TYPE_CHECKING:
    from headstart.training.batches import Batch, Batches
    from headstart.training.table.network import TableNetwork

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What JSON can hold, and what safetensors can hold."""

_LEAST_HELD_OUT = 20


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """DataFrame -> (n, dim) features by a small transformer that has learnt to tell hidden cells from the others.

    A cell is read through the name of its column and its value: a number through its place among the quantiles of
    the column, a category by its name. So columns may come in another order or be missing (which is the same as a
    column of empty cells), and those that it never saw are passed over.

    Args:
        dim: width of the features.
        n_layers: blocks of the transformer.
        n_heads: heads of its attention; divides ``dim``.
        dropout: share set to 0 in training.
        hidden_share: share of the cells that is hidden in pre-training.
        epochs: most passes over the rows; 0 leaves the weights as they are drawn.
        batch_size: rows of a step.
        learning_rate: highest rate.
        validation_fraction: share of the rows that decides when to stop; without 20 such rows all epochs are run.
        patience: epochs without a better loss on them before it stops.
        max_seconds: time for the pre-training, or None.
        random_state: seed of everything.

    Source: Gorishniy et al., NeurIPS 2021 (the transformer) and 2022 (numbers); Wang and Sun, TransTab, NeurIPS 2022
    (carried over by the names of columns).
    """

    def __init__(
        self,
        dim: int = 64,
        *,
        n_layers: int = 2,
        n_heads: int = 4,
        dropout: float = 0.1,
        hidden_share: float = 0.3,
        epochs: int = 100,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        validation_fraction: float = 0.15,
        patience: int = 10,
        max_seconds: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.dim = dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.hidden_share = hidden_share
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.max_seconds = max_seconds
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, X_target: Any = None) -> Self:
        """Pre-train on the rows of a DataFrame and, where given, on those of the target; labels are not read.

        Raises:
            InputError: no DataFrame, no row, no column with a value, or a setting makes no sense.
        """
        self._check_settings()
        self.columns_: tuple[TableColumn, ...] = ()
        self.__dict__.pop("network_", None)
        return self.partial_fit(X, X_target=X_target)

    def partial_fit(self, X: Any, y: Any = None, *, X_target: Any = None) -> Self:
        """Go on with more rows; columns and categories that are new are added, the others keep what they know.

        Raises:
            InputError: no DataFrame, no row or no column with a value.
        """
        frame = _joined(X, X_target)
        self._learn_columns(frame)
        self._pretrain(read_cells(self.columns_, frame))
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """(n, dim) features of a DataFrame.

        Raises:
            InputError: no DataFrame, or none of its columns is known.
        """
        from headstart.training.batches import Batch, Batches
        from headstart.training.forward import outputs_of

        cells = self.cells(X)
        if not len(cells):
            return np.empty((0, self.dim), dtype=np.float32)

        def load(rows: NDArray[np.int64], epoch: int) -> Batch:
            return Batch(cells.tensors(rows), (), rows)

        features: NDArray[np.float32] = outputs_of(self.network_, Batches(load, len(cells), 512)).numpy()
        return features

    def cells(self, X: Any) -> TableCells:
        """The cells of a DataFrame as the network reads them.

        Raises:
            InputError: no DataFrame, or none of its columns is known.
        """
        check_is_fitted(self, "network_")
        check_frame("TableEncoder", X)
        names = [column.name for column in self.columns_]
        if not {str(name) for name in X.columns} & set(names):
            raise InputError(
                f"TableEncoder needs columns out of {names[:12]}, got {list(X.columns)[:12]}. Rename them."
            )
        return read_cells(self.columns_, X)

    def to_state(self) -> State:
        """The fitted encoder as JSON-able settings and plain arrays; undone by :meth:`from_state`."""
        check_is_fitted(self, "network_")
        columns = [[c.name, c.kind, list(c.knots), list(c.values)] for c in self.columns_]
        info = {"strategy": "table_encoder", "params": self.get_params(deep=False), "columns": columns}
        return info, {name: tensor.numpy().copy() for name, tensor in self.network_.state_dict().items()}

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The encoder that :meth:`to_state` described."""
        import torch

        if info.get("strategy") != "table_encoder":
            what = f"TableEncoder.from_state needs the state of 'table_encoder', got {info.get('strategy')!r}"
            raise InputError(f"{what}. Take the class that saved it.")
        encoder = cls(**info["params"])
        encoder.columns_ = tuple(
            TableColumn(name, kind, tuple(knots), tuple(values)) for name, kind, knots, values in info["columns"]
        )
        encoder.network_ = encoder._network()
        encoder.network_.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
        encoder.network_.eval()
        return encoder

    def _learn_columns(self, frame: Any) -> None:
        """Set ``columns_``, and a ``network_`` that has them."""
        from headstart.backbones._untrained import fixed_seed

        by_name = {str(name): frame.iloc[:, place] for place, name in enumerate(frame.columns)}
        known = [with_more_values(c, by_name[c.name]) if c.name in by_name else c for c in self._known()]
        new = by_name.keys() - {column.name for column in known}
        learnt = [learn_column(name, cells) for name, cells in by_name.items() if name in new]
        self.columns_ = (*known, *(column for column in learnt if column is not None))
        if not self.columns_:
            raise InputError("TableEncoder needs a column with a value, got none. Check the table.")
        if not hasattr(self, "network_"):
            self.network_ = self._network()
        with fixed_seed(self.random_state + 1):
            self.network_.grow(self.columns_)

    def _known(self) -> Sequence[TableColumn]:
        return getattr(self, "columns_", ())

    def _network(self) -> TableNetwork:
        from headstart.backbones._untrained import fixed_seed
        from headstart.training.table.network import TableNetwork

        with fixed_seed(self.random_state):
            return TableNetwork(
                self.columns_, dim=self.dim, n_layers=self.n_layers, n_heads=self.n_heads, dropout=self.dropout
            )

    def _pretrain(self, cells: TableCells) -> None:
        from headstart.training.forward import mean_loss
        from headstart.training.loop import train
        from headstart.training.settings import TrainSettings
        from headstart.training.table.masked_cells import MaskedCells

        self.network_.eval()
        if not self.epochs:
            return
        settings = TrainSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            patience=self.patience,
            random_state=self.random_state,
        )
        fitting, held = held_out_rows(
            np.zeros(len(cells), dtype=np.int64),
            fraction=self.validation_fraction,
            least=_LEAST_HELD_OUT,
            random_state=self.random_state,
        )
        task, checking = MaskedCells(self.network_), self._batches(cells, held)
        self.history_ = train(
            task,
            self._batches(cells, fitting),
            _itself,
            settings=settings,
            deadline=Deadline.after(self.max_seconds),
            validate=(lambda module: mean_loss(module, checking, _itself)) if len(held) else None,
        )

    def _batches(self, cells: TableCells, among: NDArray[np.int64]) -> Batches:
        """Rows ``among`` the cells, each with cells hidden that hang on seed, epoch and row."""
        import torch

        from headstart.training.batches import Batch, Batches

        def load(rows: NDArray[np.int64], epoch: int) -> Batch:
            bins, codes, present = cells.tensors(among[rows])
            draw = np.random.default_rng([self.random_state, epoch, int(rows[0])])
            hidden = torch.from_numpy(draw.random(present.shape) < self.hidden_share) & present
            return Batch((bins, codes, present, hidden), (), rows)

        return Batches(load, len(among), self.batch_size, random_state=self.random_state)

    def _check_settings(self) -> None:
        wanted = {
            f"a dim that n_heads divides, got {self.dim} and {self.n_heads}": self.dim > 0
            and self.n_heads > 0
            and self.dim % self.n_heads == 0,
            f"hidden_share between 0 and 1, got {self.hidden_share}": 0 < self.hidden_share < 1,
            f"epochs of at least 0, got {self.epochs}": self.epochs >= 0,
        }
        wrong = [said for said, is_met in wanted.items() if not is_met]
        if wrong:
            raise InputError(f"TableEncoder needs {'; '.join(wrong)}. Correct them.")


def _itself(losses: Any) -> Any:
    return losses


def _joined(X: Any, X_target: Any) -> Any:
    """One table of the rows of both."""
    import pandas as pd

    frames = [frame for frame in (X, X_target) if frame is not None]
    for frame in frames:
        check_frame("TableEncoder", frame)
    if not sum(len(frame) for frame in frames):
        raise InputError("TableEncoder needs at least 1 row, got none. Add rows.")
    return X if X_target is None else pd.concat(frames, ignore_index=True)
