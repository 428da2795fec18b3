"""The statistics of batch norms while a part of the network moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from headstart.errors import InputError
from headstart.training.batches import Batches
from headstart.training.callback import Callback
from headstart.training.forward import device_of
from headstart.training.state import TrainState

STATISTICS = ("frozen", "own", "moving", "re-estimated")
"""What becomes of them: all stay; they move with their layer's weights; all move; "own", and estimated at the end."""


@final
class FrozenParts(Callback):
    """What does not move stays as it is, bit for bit: blocks in which no weight moves are in evaluation mode.

    So they have no dropout and answer alike in every epoch. Within the other blocks this goes for each layer with
    running statistics (batch norm) whose own weights do not move; one without weights of its own follows the module
    that holds it.

    Args:
        trunk: without the head.
        blocks: of the trunk.
    """

    def __init__(self, trunk: nn.Module, blocks: Mapping[str, nn.Module]) -> None:
        self.trunk, self.blocks = trunk, blocks

    def on_epoch_begin(self, state: TrainState) -> None:
        """The loop has just put everything in training mode."""
        for part in (self.trunk, *self.blocks.values()):
            if any(True for _ in part.parameters()) and not _moves(part):
                part.eval()
        for layer, holder in _running(self.trunk):
            if not _layer_moves(layer, holder):
                layer.eval()


@final
class FrozenStatistics(Callback):
    """All running statistics of a network stay, those of layers whose weights move too.

    So few examples cannot spoil what many have told, and a layer answers in training as it will afterwards.

    Args:
        network: whose layers are meant.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def on_epoch_begin(self, state: TrainState) -> None:
        """After :class:`FrozenParts`."""
        for layer, _ in _running(self.network):
            layer.eval()


@final
class MovingStatistics(Callback):
    """All running statistics of a network follow the batches, those of frozen layers too.

    Args:
        network: whose layers are meant.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def on_epoch_begin(self, state: TrainState) -> None:
        """After :class:`FrozenParts`."""
        for layer, _ in _running(self.network):
            layer.train()


@final
class ReEstimatedStatistics(Callback):
    """The running statistics of layers that move are estimated anew with the final weights.

    Args:
        network: whose layers are meant.
        batches: the examples of the training.
        n_batches: most batches that are looked at.
    """

    def __init__(self, network: nn.Module, batches: Batches, n_batches: int = 200) -> None:
        self.network, self.batches, self.n_batches = network, batches, n_batches

    def on_train_end(self, state: TrainState) -> None:
        """The module has its final weights, averaged or the best ones."""
        re_estimate(self.network, self.batches, n_batches=self.n_batches)


def statistics_callbacks(statistics: str, network: nn.Module, batches: Batches | None = None) -> tuple[Callback, ...]:
    """What makes it so; to be told after the callbacks of what moves, which freeze what does not.

    Args:
        statistics: one of :data:`STATISTICS`.
        network: which is trained.
        batches: the examples; needed by "re-estimated".

    Raises:
        InputError: it is no such word, or examples are missing.
    """
    if statistics not in STATISTICS:
        raise InputError(f"batch_norm needs one of {', '.join(STATISTICS)}, got {statistics!r}. Choose one.")
    if statistics == "moving":
        return (MovingStatistics(network),)
    if statistics == "frozen":
        return (FrozenStatistics(network),)
    if statistics == "own":
        return ()
    if batches is None:
        raise InputError("batch_norm='re-estimated' needs the training batches, got None. Pass them.")
    return (ReEstimatedStatistics(network, batches),)


@torch.no_grad()
def re_estimate(network: nn.Module, batches: Batches, *, n_batches: int = 200) -> None:
    """Set the running mean and variance of moving layers to those of all values that enter them.

    The layers normalise by each batch meanwhile, as in training; everything else is in evaluation mode. The variance is
    that of the pooled values, not the mean of the batches' variances. The modes of the modules are as before
    afterwards.

    Args:
        network: whose layers with weights that move are meant.
        batches: the examples; those of epoch 0, in its order.
        n_batches: most batches that are looked at.

    Source: Wu and Johnson, Rethinking "batch" in BatchNorm, 2021 (precise BN).
    """
    layers = [layer for layer, holder in _running(network) if _layer_moves(layer, holder)]
    if not layers:
        return
    modes = [(module, module.training) for module in network.modules()]
    kept = [(layer.momentum, {name: buffer.clone() for name, buffer in layer.named_buffers()}) for layer in layers]
    sums = [_Sums() for _ in layers]
    hooks = [layer.register_forward_pre_hook(partial(_book, own)) for layer, own in zip(layers, sums, strict=True)]
    try:
        network.eval()
        for layer in layers:
            layer.train()
        for rows in batches.epoch(0)[:n_batches]:
            network(*batches.load(rows, 0).to(device_of(network)).inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for layer, (_, buffers) in zip(layers, kept, strict=True):
            for name, buffer in layer.named_buffers():
                buffer.copy_(buffers[name])
        for module, was_training in modes:
            module.training = was_training
    for layer, own in zip(layers, sums, strict=True):
        own.set(layer)


@final
class _Sums:
    """Sums over all values of each channel, in double precision."""

    def __init__(self) -> None:
        self.n = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def see(self, values: Tensor) -> None:
        """Take in (n, channels, ...) values."""
        flat = values.detach().double().transpose(0, 1).flatten(1)  # (channels, n values)
        self.n += flat.shape[1]
        self.total, self.squares = self.total + flat.sum(1), self.squares + flat.square().sum(1)

    def set(self, layer: _NormBase) -> None:
        """Give ``layer`` the mean and the unbiased variance of what was seen."""
        if self.n < 2 or layer.running_mean is None or layer.running_var is None:
            return  # a layer that no example passes
        mean = torch.as_tensor(self.total) / self.n
        variance = (torch.as_tensor(self.squares) / self.n - mean.square()).clamp_min(0) * (self.n / (self.n - 1))
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)


def _book(sums: _Sums, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    sums.see(inputs[0])


def _running(network: nn.Module) -> Iterator[tuple[_NormBase, nn.Module]]:
    """Layers with running statistics, each with the module that holds it."""
    if isinstance(network, _NormBase) and network.running_mean is not None:
        yield network, network
    for holder in network.modules():
        for layer in holder.children():
            if isinstance(layer, _NormBase) and layer.running_mean is not None:
                yield layer, holder


def _layer_moves(layer: nn.Module, holder: nn.Module) -> bool:
    has_own = any(True for _ in layer.parameters())
    return _moves(layer if has_own else holder)


def _moves(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
