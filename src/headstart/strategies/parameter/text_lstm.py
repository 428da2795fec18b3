"""The classic text classifier: embedding, convolution, pooling, LSTM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from headstart.backbones._word_tokens import word_tokens
from headstart.deadline import Deadline
from headstart.errors import InputError
from headstart.strategies.parameter._labels import class_codes, loss_weights
from headstart.strategies.parameter._word_ids import N_SPECIAL, WordIds, padded
from headstart.strategies.parameter._word_table import vectors_of
from headstart.training.held_out_rows import held_out_rows

if TYPE_CHECKING:
    from torch import Tensor

    from headstart.strategies.parameter._text_network import TextNetwork
    from headstart.training.batches import Batches
    from headstart.training.settings import TrainSettings

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What JSON can hold, and what safetensors can hold."""

_LEAST_HELD_OUT = 20


class TextLSTM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies raw strings: word vectors, Conv1D, max pooling, LSTM, a linear layer.

    Args:
        embedding: where the word vectors come from: "glove_50d", a folder of vectors trained on one's own texts,
            "random": drawn; or None: drawn and always trained.
        embedding_trainable: True where the vectors move too.
        dim: numbers of a drawn vector.
        n_filters: filters of the convolution.
        kernel: words that a filter sees.
        pool: positions of which the largest value is kept.
        n_hidden: width of the LSTM.
        dropout: share of vectors and of last states set to 0 in training.
        min_count: rarer words without a pretrained vector count as unknown.
        max_tokens: words that are read of a text.
        epochs: most passes over the texts.
        batch_size: texts of a step.
        learning_rate: highest rate.
        smoothing: label smoothing.
        class_weight: None, or "balanced" for classes of equal weight.
        validation_fraction: share of the texts that decides when to stop; without 20 such texts all epochs are run.
        patience: epochs without a better loss on them before it stops.
        max_seconds: time for the fit, or None.
        random_state: seed of everything.

    Source: Kim, Convolutional neural networks for sentence classification, EMNLP 2014; Hochreiter and Schmidhuber,
    Long short-term memory, Neural Computation 9 (1997).
    """

    name = "text_lstm"
    classes_: NDArray[Any]

    def __init__(
        self,
        embedding: str | Path | None = None,
        *,
        embedding_trainable: bool = False,
        dim: int = 100,
        n_filters: int = 128,
        kernel: int = 3,
        pool: int = 2,
        n_hidden: int = 128,
        dropout: float = 0.3,
        min_count: int = 2,
        max_tokens: int = 256,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        smoothing: float = 0.0,
        class_weight: str | None = None,
        validation_fraction: float = 0.1,
        patience: int = 4,
        max_seconds: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.embedding = embedding
        self.embedding_trainable = embedding_trainable
        self.dim = dim
        self.n_filters = n_filters
        self.kernel = kernel
        self.pool = pool
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.smoothing = smoothing
        self.class_weight = class_weight
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.max_seconds = max_seconds
        self.random_state = random_state

    def fit(self, X: Sequence[str], y: Any, *, sample_weight: Any = None) -> Self:
        """Train on n strings and (n,) labels.

        Raises:
            InputError: a text is no string, labels are missing or of one class, or a setting makes no sense.
        """
        from headstart.training.forward import mean_loss
        from headstart.training.loop import train
        from headstart.training.losses.cross_entropy import CrossEntropy

        tokens = self._tokens(X)
        self.classes_, codes = class_codes("TextLSTM", y, len(tokens))
        weights = loss_weights("TextLSTM", sample_weight, len(tokens))
        fitting, held = held_out_rows(
            codes, fraction=self.validation_fraction, least=_LEAST_HELD_OUT, random_state=self.random_state
        )
        self._read_words(tokens, fitting)
        loss = CrossEntropy(smoothing=self.smoothing, class_weights=self._class_weights(codes[fitting]))
        texts = [self._ids.rows(text) for text in tokens]
        parts = [
            self._batches([texts[row] for row in rows], codes[rows], None if weights is None else weights[rows])
            for rows in (fitting, held)
        ]
        self.history_ = train(
            self.network_,
            parts[0],
            loss,
            settings=self._settings(),
            deadline=Deadline.after(self.max_seconds),
            validate=(lambda network: mean_loss(network, parts[1], loss)) if len(held) else None,
        )
        return self

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """(n, n_classes) probabilities of ``classes_``."""
        import torch

        from headstart.training.forward import outputs_of

        check_is_fitted(self)
        tokens = self._tokens(X)
        result = np.empty((len(tokens), len(self.classes_)))
        if not tokens:
            return result
        ids, table = self._extended(tokens)
        order = np.argsort([len(text) for text in tokens], kind="stable")
        batches = self._batches([ids.rows(tokens[row]) for row in order], np.zeros(len(order), np.int64), None, table)
        result[order] = torch.softmax(outputs_of(self.network_, batches).double(), dim=1).numpy()
        return result

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """(n,) most probable label of each text."""
        proba = self.predict_proba(X)
        return np.asarray(self.classes_[np.argmax(proba, axis=1)])

    def to_state(self) -> State:
        """The fitted classifier as JSON-able settings and plain arrays; undone by :meth:`from_state`."""
        check_is_fitted(self)
        params = self.get_params(deep=False)
        info = {
            "strategy": "text_lstm",
            "params": params | {"embedding": None if self.embedding is None else str(self.embedding)},
            "classes": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str,
            "words": list(self.words_),
        }
        return info, {name: tensor.numpy().copy() for name, tensor in self.network_.state_dict().items()}

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The classifier that :meth:`to_state` described."""
        import torch

        if info.get("strategy") != "text_lstm":
            raise InputError(f"TextLSTM.from_state needs the state of 'text_lstm', got {info.get('strategy')!r}.")
        model = cls(**info["params"])
        model.classes_ = np.array(info["classes"], dtype=np.dtype(info["classes_dtype"]))
        model.words_ = tuple(info["words"])
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        model.network_ = model._network(tensors["words.weight"])
        model.network_.load_state_dict(tensors)
        model.network_.eval()
        return model

    @property
    def _ids(self) -> WordIds:
        return WordIds(self.words_)

    @property
    def _source(self) -> str | None:
        """The backbone that the vectors come from; None where they are drawn."""
        return None if self.embedding is None or str(self.embedding) == "random" else str(self.embedding)

    def _settings(self) -> TrainSettings:
        from headstart.training.settings import TrainSettings

        return TrainSettings(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            patience=self.patience,
            random_state=self.random_state,
        )

    def _tokens(self, X: Sequence[str]) -> list[list[str]]:
        if isinstance(X, str):
            raise InputError(f"TextLSTM needs a list of texts, got the text {X[:40]!r}. Put it into a list.")
        texts = list(X)
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"TextLSTM needs strings, got {type(text).__name__} as example {row}. Convert it.")
        return [word_tokens(text)[: self.max_tokens] for text in texts]

    def _read_words(self, tokens: Sequence[Sequence[str]], fitting: NDArray[np.int64]) -> None:
        """Set ``words_`` and an untrained ``network_``; words without a pretrained vector count in ``fitting`` only."""
        import torch

        counts = Counter(token for row in fitting for token in tokens[row])
        words = sorted({token for text in tokens for token in text})
        pretrained = None if self._source is None else vectors_of(self._source, words)
        dim = self.dim if pretrained is None else pretrained.shape[1]
        is_known = np.zeros(len(words), dtype=bool) if pretrained is None else np.asarray(pretrained.any(axis=1))
        kept = [row for row, word in enumerate(words) if is_known[row] or counts[word] >= self.min_count]
        self.words_ = tuple(words[row] for row in kept)
        table = np.zeros((N_SPECIAL + len(kept), dim), dtype=np.float32)
        scale = float(pretrained[is_known].std()) if pretrained is not None and is_known.any() else 1.0
        drawn = scale * np.random.default_rng(self.random_state).standard_normal((len(kept), dim), dtype=np.float32)
        if pretrained is None:
            table[N_SPECIAL:] = drawn
        else:
            table[N_SPECIAL:] = np.where(is_known[kept, None], pretrained[kept], drawn)
        self.network_ = self._network(torch.from_numpy(table))

    def _network(self, table: Tensor) -> TextNetwork:
        from headstart.backbones._untrained import fixed_seed
        from headstart.strategies.parameter._text_network import TextNetwork

        with fixed_seed(self.random_state):
            return TextNetwork(
                table.clone(),
                embedding_trainable=self.embedding_trainable or self.embedding is None,
                n_filters=self.n_filters,
                kernel=self.kernel,
                pool=self.pool,
                n_hidden=self.n_hidden,
                dropout=self.dropout,
                n_classes=len(self.classes_),
            )

    def _extended(self, tokens: Sequence[Sequence[str]]) -> tuple[WordIds, Tensor]:
        """The words and their vectors, with those that only the source of the vectors knows."""
        import torch

        ids, table = self._ids, self.network_.words.weight.detach()
        new = [] if self._source is None else ids.unknown(tokens)
        if not new or self._source is None:
            return ids, table
        found = vectors_of(self._source, new)
        is_known = np.asarray(found.any(axis=1))
        words = (*ids.words, *(word for word, known in zip(new, is_known, strict=True) if known))
        return WordIds(words), torch.cat([table, torch.from_numpy(found[is_known])])

    def _class_weights(self, codes: NDArray[np.int64]) -> Tensor | None:
        import torch

        if self.class_weight not in (None, "balanced"):
            raise InputError(f"TextLSTM needs class_weight None or 'balanced', got {self.class_weight!r}. Take one.")
        if self.class_weight is None:
            return None
        counts = np.bincount(codes, minlength=len(self.classes_))
        return torch.from_numpy((len(codes) / (len(counts) * np.maximum(counts, 1))).astype(np.float32))

    def _batches(
        self,
        texts: Sequence[NDArray[np.int64]],
        codes: NDArray[np.int64],
        weights: NDArray[np.float32] | None,
        table: Tensor | None = None,
    ) -> Batches:
        """Batches of ids, or of their vectors in ``table``."""
        import torch

        from headstart.training.batches import Batch, Batches

        def load(rows: NDArray[np.int64], epoch: int) -> Batch:
            ids, lengths = (torch.from_numpy(part) for part in padded([texts[row] for row in rows]))
            part = None if weights is None else torch.from_numpy(weights[rows])
            inputs = ids if table is None else table[ids]
            return Batch((inputs, lengths), (torch.from_numpy(codes[rows]),), rows, part)

        n_words = np.array([len(text) for text in texts], dtype=np.int64)
        return Batches(load, len(texts), self.batch_size, n_words, self.random_state)
