"""Tiny networks of three kinds, a trunk and a head each, for the checks of what moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from torch import Tensor, nn

_DIM, _N = 16, 22


@final
@dataclass(frozen=True, eq=False)
class TinyCase:
    """A network to fine-tune, and examples.

    Args:
        network: with ``trunk`` and ``head``.
        blocks: of the trunk: stem, blocks.0 to blocks.2, norm.
        inputs: (22, ...) tensors.
        targets: (22,) codes of 3 classes.
    """

    network: nn.Module
    blocks: dict[str, nn.Module]
    inputs: tuple[Tensor, ...]
    targets: Tensor


def convolutional() -> TinyCase:
    """Convolutions, one of them depthwise, with batch norms."""
    from torch import nn

    stem = nn.Sequential(nn.Conv2d(3, _DIM, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(_DIM), nn.ReLU())
    blocks = [
        nn.Sequential(nn.Conv2d(_DIM, _DIM, 3, padding=1, groups=groups), nn.BatchNorm2d(_DIM), nn.ReLU())
        for groups in (1, 2)
    ]
    blocks.append(nn.Sequential(nn.Conv2d(_DIM, _DIM, 1), nn.BatchNorm2d(_DIM), nn.Conv2d(_DIM, _DIM, 3, padding=1)))
    return _case(stem, blocks, nn.BatchNorm2d(_DIM), _pixels(), lambda x: x.mean((2, 3)))


def vision_transformer() -> TinyCase:
    """Patches, a class token and positions that are in no block, and torch's own attention."""
    from torch import nn

    stem = nn.Sequential(nn.Conv2d(3, _DIM, 4, stride=4), nn.Flatten(2))
    blocks = [
        nn.TransformerEncoderLayer(_DIM, 2, 2 * _DIM, dropout=0.1, batch_first=True, norm_first=True) for _ in range(3)
    ]
    return _case(stem, blocks, nn.LayerNorm(_DIM), _pixels(), lambda x: x[:, 0], n_tokens=5)


def text_transformer() -> TinyCase:
    """Words, and attention with separate queries, keys and values."""
    import torch
    from torch import nn

    words = torch.randint(0, 30, (_N, 6), generator=torch.Generator().manual_seed(1))
    return _case(nn.Embedding(30, _DIM), [_attention() for _ in range(3)], nn.LayerNorm(_DIM), words, _mean)


NETWORKS: tuple[Callable[[], TinyCase], ...] = (convolutional, vision_transformer, text_transformer)


def _pixels() -> Tensor:
    import torch

    return torch.randn(_N, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def _mean(tokens: Tensor) -> Tensor:
    return tokens.mean(1)


def _attention() -> nn.Module:
    from torch import nn
    from torch.nn.functional import scaled_dot_product_attention

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (nn.Linear(_DIM, _DIM) for _ in range(3))
            self.output, self.norm, self.dropout = nn.Linear(_DIM, _DIM), nn.LayerNorm(_DIM), nn.Dropout(0.1)

        def forward(self, x: Tensor) -> Tensor:
            mixed = scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
            result: Tensor = self.norm(x + self.dropout(self.output(mixed)))
            return result

    return Attention()


def _case(
    stem: nn.Module,
    blocks: Sequence[nn.Module],
    norm: nn.Module,
    inputs: Tensor,
    pool: Callable[[Tensor], Tensor],
    n_tokens: int = 0,
) -> TinyCase:
    """The network with weights of seed 0, whatever the layers drew; torch's generator stays."""
    import torch
    from torch import nn

    class Trunk(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            if n_tokens:
                self.token = nn.Parameter(torch.zeros(1, 1, _DIM))
                self.positions = nn.Parameter(torch.zeros(1, n_tokens, _DIM))
            self.stem, self.blocks, self.norm = stem, nn.Sequential(*blocks), norm

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            if n_tokens:
                x = torch.cat([self.token.expand(len(x), -1, -1), x.transpose(1, 2)], 1) + self.positions
            return pool(self.norm(self.blocks(x)))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.head = Trunk(), nn.Linear(_DIM, 3)

        def forward(self, *inputs: Tensor) -> Tensor:
            scores: Tensor = self.head(self.trunk(*inputs))
            return scores

    network = Network()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_(centre + 0.2 * torch.randn(parameter.shape, generator=draw))
    named = {"stem": stem, **{f"blocks.{i}": block for i, block in enumerate(blocks)}, "norm": norm}
    targets = torch.randint(0, 3, (_N,), generator=draw)
    return TinyCase(network, named, (inputs,), targets)
