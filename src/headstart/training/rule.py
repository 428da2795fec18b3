"""Settings of fine-tuning from what is known beforehand: no search."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from torch import nn

ATTENTION, CONVOLUTION = "attention", "convolution"
"""Kinds of backbones: with attention layers, and all others."""

LIGHT = ("linear_probe", "norms", "biases", "lora", "side_adapters")
"""What moves few weights, which then take a higher rate."""

_POOLING = {"AttentionPooled", "PositionAttention"}
"""Classes of ``training/attention_pooled.py``, which stand above layers of either kind."""

SMALL_SIDE = 96
"""Pictures of a shorter side than this are brought to :data:`SMALL_RESOLUTION` pixels."""
SMALL_RESOLUTION = 128


@final
@dataclass(frozen=True)
class Plan:
    """What the rule says.

    Args:
        epochs: most passes over the examples.
        batch_size: examples of a step.
        learning_rate: highest rate of AdamW.
        weight_decay: decay of matrices.
        warmup: share of the steps in which the rate rises.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup: float


def plan(n: int, *, kind: str, dim: int, trainable: str, is_pretrained: bool = True) -> Plan:
    """Epochs, batch, rate and warm-up for n examples.

    - *epochs*: ``20 sqrt(1000 / n)``, between 3 and 20; three times as many from scratch. Small sets need many short
      epochs to make enough steps, large ones see enough in a few.
    - *batch*: the power of two nearest to n / 16 from below, between 8 and 32, so that an epoch has 16 steps or more.
    - *rate*, of AdamW at a batch of 32: 3e-4 for convolutions; for attention ``5e-5 * 768 / dim``, between 2e-5 and
      2e-4, as the rate of a matrix goes as one over its width. From scratch 1e-3 for both. Ten times as much where
      few weights move (probe, norms, biases, low-rank and side adapters), at most 1e-2. A batch b times 32
      takes ``sqrt(b)`` times the rate.
    - *warm-up*: a tenth of the steps; *decay* 0.05 from scratch, else 0.01.

    Args:
        n: training examples.
        kind: :data:`ATTENTION` or :data:`CONVOLUTION`.
        dim: width of the features.
        trainable: what moves, by name.
        is_pretrained: False where the weights are random.

    Source: the idea of a rule by data size: Kolesnikov et al., Big Transfer, ECCV 2020; many epochs and a warm-up for
    small sets of texts: Mosbach et al., ICLR 2021; rate by width: Yang et al., Tensor Programs V, NeurIPS 2021.

    >>> plan(240, kind="convolution", dim=1280, trainable="full").epochs
    20
    >>> plan(16_000, kind="attention", dim=768, trainable="full")
    Plan(epochs=5, batch_size=32, learning_rate=5e-05, weight_decay=0.01, warmup=0.1)
    """
    batch_size = min(32, max(8, 1 << max(0, (n // 16).bit_length() - 1)))
    epochs = min(20, max(3, round(20 * sqrt(1000 / max(1, n)))))
    rate = 3e-4 if kind == CONVOLUTION else min(2e-4, max(2e-5, 5e-5 * 768 / max(1, dim)))
    if not is_pretrained:
        rate, epochs = 1e-3, 3 * epochs
    if trainable in LIGHT:
        rate = min(1e-2, 10 * rate)
    return Plan(epochs, batch_size, rate * sqrt(batch_size / 32), 0.01 if is_pretrained else 0.05, 0.1)


def kind_of(module: nn.Module) -> str:
    """:data:`ATTENTION` where a layer of the module is called so, else :data:`CONVOLUTION`. Pooling does not count."""
    layers = {type(part).__name__ for part in module.modules()} - _POOLING
    return ATTENTION if any("attention" in layer.lower() for layer in layers) else CONVOLUTION


def resolution_for(short_sides: list[int], *, kind: str, own: int) -> int | None:
    """Side in pixels for pictures of these short sides; None: what the weights were trained with.

    Half of them below :data:`SMALL_SIDE`: convolutions take :data:`SMALL_RESOLUTION` where that is less than theirs.
    What is no larger holds nothing that a larger side would show. Attention keeps the side of its positions.

    >>> resolution_for([32, 32, 32], kind="convolution", own=224), resolution_for([300], kind="convolution", own=224)
    (128, None)
    """
    if kind != CONVOLUTION or not short_sides or own <= SMALL_RESOLUTION:
        return None
    is_small = sorted(short_sides)[len(short_sides) // 2] < SMALL_SIDE
    return SMALL_RESOLUTION if is_small else None
