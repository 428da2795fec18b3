"""Embedding, convolution, pooling, LSTM, linear layer."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional


@final
class TextNetwork(nn.Module):
    """(b, t) word ids, or their (b, t, dim) vectors, and (b,) lengths -> (b, n_classes) scores.

    What stands behind a text's end changes nothing.

    Args:
        table: (n_words, dim) first vectors; row 0 is padding.
        embedding_trainable: True where the vectors move.
        n_filters: filters of the convolution.
        kernel: words that a filter sees.
        pool: positions of which the largest value is kept.
        n_hidden: width of the LSTM.
        dropout: share of inputs and of last states that is set to 0 in training.
        n_classes: scores.

    Source: the Conv1D, max pooling, LSTM stack of the Keras examples; Kim, EMNLP 2014; Hochreiter and Schmidhuber 1997.
    """

    def __init__(
        self,
        table: Tensor,
        *,
        embedding_trainable: bool,
        n_filters: int,
        kernel: int,
        pool: int,
        n_hidden: int,
        dropout: float,
        n_classes: int,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(
            len(table), table.shape[1], padding_idx=0, _weight=table, _freeze=not embedding_trainable
        )
        self.convolution = nn.Conv1d(table.shape[1], n_filters, kernel)
        self.around = ((kernel - 1) // 2, kernel // 2)
        self.lstm = nn.LSTM(n_filters, n_hidden, batch_first=True)
        self.output = nn.Linear(n_hidden, n_classes)
        self.dropout = nn.Dropout(dropout)
        self.pool = pool

    def forward(self, texts: Tensor, lengths: Tensor) -> Tensor:
        """(b, n_classes) scores."""
        return self._read(texts if texts.is_floating_point() else self.words(texts), lengths)

    def _read(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """(b, n_classes) scores of (b, t, dim) vectors, zeros behind the end."""
        words = functional.pad(self.dropout(vectors).transpose(1, 2), self.around)
        values = functional.relu(self.convolution(words))  # (b, n_filters, t)
        is_inside = torch.arange(values.shape[2], device=lengths.device) < lengths[:, None]
        values = functional.max_pool1d(values * is_inside[:, None], self.pool, ceil_mode=True)
        states, _ = self.lstm(values.transpose(1, 2))  # (b, t / pool, n_hidden)
        last = states[torch.arange(len(states), device=lengths.device), (lengths - 1) // self.pool]
        scores: Tensor = self.output(self.dropout(last))
        return scores
