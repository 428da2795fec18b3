"""A functional Keras model as a torch module: parameters, buffers and blocks like any other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_NORMALISATIONS = frozenset({"BatchNormalization", "LayerNormalization", "Normalization"})


class KerasGraph(nn.Module):
    """(n, 3, h, w) -> (n, dim); blocks are cut wherever a single tensor is passed on.

    Args:
        model: a functional Keras model on the torch backend, (n, h, w, 3) -> (n, dim).
        wants_blue_first: the weights want the channels in the order blue, green, red.
        deviation_roots: (3,) what the deviation of the first standardisation is multiplied with, or None.
    """

    runs_in = ("torch",)
    """Keras' layers look at the device while they run, which no converter follows."""

    def __init__(
        self, model: Any, *, wants_blue_first: bool, deviation_roots: tuple[float, float, float] | None = None
    ) -> None:
        super().__init__()
        self.wants_blue_first = wants_blue_first
        nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
        calls = [_Call(node) for node in nodes if node.operation is not None and not node.is_input]
        source, target = id(model.inputs[0]), id(model.outputs[0])
        self.blocks = nn.ModuleList()
        for part in _merged(_cut(calls, target)):
            self.blocks.append(_Block(part, source))
            source = part[-1].outputs[0]
        if deviation_roots is not None:
            first = next(part for part in self.modules() if isinstance(part, _Standardised))
            first.deviation *= torch.tensor(deviation_roots)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pooled features."""
        x = pixels.flip(1) if self.wants_blue_first else pixels
        x = x.permute(0, 2, 3, 1)  # (n, h, w, 3)
        for block in self.blocks:
            x = block(x)
        return x


class _Shared:
    """Belongs to the architecture: copies of a module share it, because a tensor's place in it is told by identity."""

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class _Call(_Shared):
    """One operation of the graph: what it reads and makes, by the identity of Keras' symbolic tensors."""

    def __init__(self, node: Any) -> None:
        self.arguments, self.operation = node.arguments, node.operation
        self.inputs = [id(tensor) for tensor in node.input_tensors]
        self.outputs = [id(tensor) for tensor in node.outputs]
        self.kind = type(node.operation).__name__
        self.takes_training = bool(getattr(node.operation, "_call_has_training_arg", False))
        is_normalisation = self.kind in _NORMALISATIONS
        self.has_module = self.kind == "Normalization" or bool(getattr(node.operation, "variables", None))
        self.is_block = bool(getattr(node.operation, "trainable_variables", None)) and not is_normalisation

    def new_module(self) -> nn.Module:
        """What holds its variables."""
        return _Standardised(self.operation) if self.kind == "Normalization" else _Layer(self.operation)


class _Block(nn.Module):
    """Operations between two places where a single tensor is passed on."""

    def __init__(self, calls: Sequence[_Call], source: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList([call.new_module() for call in calls if call.has_module])
        self._calls, self._source, self._target = tuple(calls), source, calls[-1].outputs[0]

    def forward(self, x: Tensor) -> Tensor:
        """The block's last tensor."""
        import keras

        values: dict[int, Tensor] = {self._source: x}
        parts = iter(self.parts)
        with keras.device(str(x.device)):
            for call in self._calls:
                args, kwargs = call.arguments.fill_in(values)
                if call.takes_training:
                    kwargs = {**kwargs, "training": self.training}
                run = next(parts) if call.has_module else call.operation
                found = run(*args, **kwargs)
                values.update(zip(call.outputs, found if isinstance(found, (tuple, list)) else [found], strict=True))
        return values[self._target]


class _Held(_Shared):
    """A Keras layer, hidden from torch, which would list its variables twice."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer


class _Layer(nn.Module):
    """A Keras layer whose variables are this module's parameters (trainable ones) and buffers (the others)."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self._held = _Held(layer)
        self._trainable = self._register(layer.trainable_variables, is_trainable=True)
        self._others = self._register(layer.non_trainable_variables, is_trainable=False)

    def _register(self, variables: Iterable[Any], *, is_trainable: bool) -> list[str]:
        names: list[str] = []
        for number, variable in enumerate(variables):
            name = str(variable.name).replace(".", "_")
            name = f"{name}_{number}" if hasattr(self, name) else name
            value = variable.value.detach()  # shared with the layer, which never reads it itself
            if is_trainable:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)
            names.append(name)
        return names

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The layer's output; in training what it keeps of the batch is kept."""
        trainable, others = ([getattr(self, name) for name in names] for names in (self._trainable, self._others))
        if "training" in kwargs:
            kwargs["training"] = self.training
        found, states = self._held.layer.stateless_call(trainable, others, *args, **kwargs)
        if self.training:
            with torch.no_grad():
                for slot, state in zip(others, states, strict=True):
                    if state is not slot:
                        slot.copy_(state)
        return found


class _Standardised(nn.Module):
    """Keras' ``Normalization`` layer; its figures are no variables there, here they are buffers."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, layer: Any) -> None:
        super().__init__()
        mean = torch.as_tensor(layer.mean, dtype=torch.float32).detach().cpu().clone()
        variance = torch.as_tensor(layer.variance, dtype=torch.float32).detach().cpu().clone()
        self.register_buffer("mean", mean.flatten())  # (3,)
        self.register_buffer("deviation", variance.flatten().sqrt().clamp_min(1e-7))  # (3,)

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, 3) with the mean taken off, over the deviation."""
        return (x - self.mean) / self.deviation


def _cut(calls: Sequence[_Call], target: int) -> list[list[_Call]]:
    """The calls in pieces, each of which hands one tensor to the next."""
    last_use = {tensor: place for place, call in enumerate(calls) for tensor in call.inputs}
    last_use[target] = len(calls)
    pieces: list[list[_Call]] = []
    piece: list[_Call] = []
    alive: set[int] = set()
    for place, call in enumerate(calls):
        piece.append(call)
        alive = {tensor for tensor in (*alive, *call.outputs) if last_use.get(tensor, -1) > place}
        if alive == {call.outputs[0]}:
            pieces.append(piece)
            piece = []
    return pieces


def _merged(pieces: Iterable[list[_Call]]) -> list[list[_Call]]:
    """Pieces without parameters of their own, and bare normalisations, go to the one before, the first to the next."""
    merged: list[list[_Call]] = []
    for piece in pieces:
        holds_one = bool(merged) and any(call.is_block for call in merged[-1])
        starts_anew = any(call.is_block for call in piece)
        if merged and not (starts_anew and holds_one):
            merged[-1].extend(piece)
        else:
            merged.append(list(piece))
    return merged
