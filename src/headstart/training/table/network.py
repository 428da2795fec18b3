"""A small transformer over the cells of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.training.table.column import N_BINS, TableColumn


@final
class _Block(nn.Module):
    """Attention between the cells of a row, then a layer for each cell; what comes in is added to what goes out."""

    def __init__(self, dim: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before, self.between = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mixing, self.mixed = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.wide, self.narrow = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, cells: Tensor) -> Tensor:
        """(b, c, dim) -> (b, c, dim)."""
        b, c, dim = cells.shape
        parts = self.mixing(self.before(cells)).reshape(b, c, 3, self.n_heads, dim // self.n_heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (b, n_heads, c, dim / n_heads)
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(b, c, dim)
        cells = cells + self.dropout(self.mixed(mixed))
        wide = functional.gelu(self.wide(self.between(cells)))
        result: Tensor = cells + self.dropout(self.narrow(wide))
        return result


@final
class TableNetwork(nn.Module):
    """Cells of a row -> (b, dim) features of the row. The order of the columns means nothing to it.

    Args:
        columns: c columns.
        dim: width of a cell and of a row.
        n_layers: blocks.
        n_heads: heads of the attention; divides ``dim``.
        dropout: share set to 0 in training.

    Source: Gorishniy et al., Revisiting deep learning models for tabular data, NeurIPS 2021 (FT-Transformer).
    """

    def __init__(
        self, columns: Sequence[TableColumn], *, dim: int, n_layers: int, n_heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.columns: list[TableColumn] = []
        self.names = nn.ParameterList()
        self.values, self.heads = nn.ModuleList(), nn.ModuleList()
        self.dim = dim
        self.missing, self.hidden = nn.Parameter(0.1 * torch.randn(dim)), nn.Parameter(0.1 * torch.randn(dim))
        self.blocks = nn.ModuleList(_Block(dim, n_heads, dropout) for _ in range(n_layers))
        self.norm = nn.LayerNorm(dim)
        self.unfold = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.grow(columns)

    def grow(self, columns: Sequence[TableColumn]) -> None:
        """Add columns that are new, and categories that are new in columns it has; what was learnt stays."""
        for place, column in enumerate(columns):
            if place == len(self.columns):
                self.columns.append(column)
                self.names.append(nn.Parameter(0.5 * torch.randn(self.dim)))
                self.values.append(_value(column, self.dim))
                self.heads.append(nn.Linear(self.dim, max(1, len(column.values))))
            elif len(column.values) > len(self.columns[place].values):
                self._grow_values(place, column)

    def forward(self, bins: Tensor, codes: Tensor, present: Tensor) -> Tensor:
        """(b, dim) features of the rows."""
        return self.states(bins, codes, present).mean(dim=1)

    def states(self, bins: Tensor, codes: Tensor, present: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(b, c, dim) what is known of each cell from all cells.

        Args:
            bins: (b, c, N_BINS) numbers.
            codes: (b, c) categories.
            present: (b, c) where there is a value.
            hidden: (b, c) where the value is not shown.
        """
        shown = self._shown(bins, codes)
        cells = torch.where(present[:, :, None], shown, self.missing)
        if hidden is not None:
            cells = torch.where(hidden[:, :, None], self.hidden, cells)
        cells = cells + self._names()
        for block in self.blocks:
            cells = block(cells)
        result: Tensor = self.norm(cells)
        return result

    def unfolded(self, rows: Tensor) -> Tensor:
        """(b, c, dim) what (b, dim) features of a row say about each of its cells."""
        names = self._names().expand(len(rows), -1, -1)
        result: Tensor = self.unfold(torch.cat([rows[:, None].expand_as(names), names], dim=2))
        return result

    def cell_losses(self, states: Tensor, bins: Tensor, codes: Tensor) -> Tensor:
        """(b, c) loss of telling each value from its state: squared error of the rank, or cross-entropy.

        Both are about 1 where nothing is known: ranks are scaled to variance 1, cross-entropy by the log of the number
        of categories.
        """
        numbers = self._places("number")
        found: list[Tensor] = [states.new_zeros(len(states))] * len(self.columns)
        if numbers:
            weight, bias = self._stacked(self.heads, numbers)
            guess = torch.einsum("bnd,nd->bn", states[:, numbers], weight[:, 0]) + bias[:, 0]
            n_bins = torch.tensor([max(1, len(self.columns[place].knots) - 1) for place in numbers])
            rank = bins[:, numbers].sum(dim=2) / n_bins.to(bins.device)
            losses = (guess - (rank - 0.5) * 12**0.5).square()
            for place, column_losses in zip(numbers, losses.unbind(1), strict=True):
                found[place] = column_losses
        for place in self._places("category"):
            found[place] = self._name_losses(self.heads[place](states[:, place]), codes[:, place])
        return torch.stack(found, dim=1)

    def _name_losses(self, guess: Tensor, codes: Tensor) -> Tensor:
        n = guess.shape[1]
        if n == 1:
            return torch.zeros_like(guess[:, 0])
        is_known = codes < n  # a name beyond the vocabulary cannot be guessed
        losses = functional.cross_entropy(guess, codes.clamp_max(n - 1), reduction="none")
        return losses * is_known / torch.log(torch.tensor(float(n)))

    def _shown(self, bins: Tensor, codes: Tensor) -> Tensor:
        """(b, c, dim) of the values; numbers of all columns in one product, because many small ones are slow."""
        numbers = self._places("number")
        found: list[Tensor] = [bins.new_zeros(())] * len(self.columns)
        if numbers:
            weight, bias = self._stacked(self.values, numbers)
            values = torch.einsum("bnk,ndk->bnd", bins[:, numbers], weight) + bias
            for place, value in zip(numbers, values.unbind(1), strict=True):
                found[place] = value
        for place in self._places("category"):
            found[place] = self.values[place](codes[:, place])
        return torch.stack(found, dim=1)

    def _places(self, kind: str) -> list[int]:
        return [place for place, column in enumerate(self.columns) if column.kind == kind]

    def _stacked(self, layers: nn.ModuleList, places: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Weights (n, out, in) and biases (n, out) of linear layers."""
        weights, biases = zip(*(layers[place].parameters() for place in places), strict=True)
        return torch.stack(weights), torch.stack(biases)

    def _names(self) -> Tensor:
        return torch.stack(list(self.names))  # (c, dim)

    @torch.no_grad()
    def _grow_values(self, place: int, column: TableColumn) -> None:
        """The row behind the known names stays that of all unknown ones."""
        n_before = len(self.columns[place].values)
        value, head = _value(column, self.dim), nn.Linear(self.dim, len(column.values))
        before, guess = self.values[place].state_dict(), self.heads[place].state_dict()
        value.weight[:n_before], value.weight[-1] = before["weight"][:n_before], before["weight"][-1]
        head.weight[:n_before], head.bias[:n_before] = guess["weight"], guess["bias"]
        self.columns[place], self.values[place], self.heads[place] = column, value, head


def _value(column: TableColumn, dim: int) -> nn.Linear | nn.Embedding:
    if column.kind == "number":
        return nn.Linear(N_BINS, dim)
    embedding = nn.Embedding(len(column.values) + 1, dim)
    nn.init.normal_(embedding.weight, std=0.5)
    return embedding
