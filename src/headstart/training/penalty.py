"""What is added to the loss of every step so that weights or features stay where they are wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from headstart.training.batches import Batch, Batches


class Penalty:
    """Base of regularisers: a file in ``training/regularisers/`` holds one subclass, whose ``name`` is the file's.

    ``begin`` is called by whoever owns the network, before training: while the weights are the pretrained ones. The
    loop calls the rest. A penalty is a mean over the examples of a batch (weighted as their losses are) or a matter of
    the weights alone; then a batch that goes through in parts has the penalty of the whole.
    """

    name: ClassVar[str] = ""
    knows_examples: ClassVar[bool] = False
    """True where it holds an example to what was remembered of it, which a mixture of two has nothing of."""

    def begin(self, network: nn.Module, blocks: Mapping[str, nn.Module], batches: Batches) -> None:
        """Remember the network as it is now.

        Args:
            network: with ``trunk``, which gives features, and ``head``, which turns them into scores.
            blocks: name -> submodule of the trunk, stem first.
            batches: the training examples as they stand, not augmented; their rows are those of the batches to come.
        """

    def penalty(self, network: nn.Module, batch: Batch, features: Tensor, scores: Tensor) -> Tensor:
        """What is added to the mean loss of a batch.

        Args:
            network: in training mode.
            batch: the b examples, on the network's device.
            features: (b, dim) float32, what the head was called with.
            scores: (b, ...) float32 outputs of the network.

        Returns:
            A scalar with gradient.
        """
        raise NotImplementedError

    def watching(self, network: nn.Module) -> AbstractContextManager[Any]:
        """Open while a batch passes through the network, for penalties that must see its middle."""
        return nullcontext()

    def identity(self) -> dict[str, Any]:
        """What a resumed run must agree in, as JSON can hold it: the name and the settings, arrays by their digest."""
        settings = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        return {"name": self.name, **{key: told(value) for key, value in settings.items()}}


@contextmanager
def seen_by_head(network: nn.Module) -> Iterator[list[Tensor]]:
    """A list that what the network's ``head`` is called with comes into; it stays empty where there is no head."""
    head = getattr(network, "head", None)
    seen: list[Tensor] = []
    if not isinstance(head, nn.Module):
        yield seen
        return
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        hook.remove()


def batch_mean(values: Tensor, batch: Batch) -> Tensor:
    """The mean of (b,) values, weighted as the losses of the batch are."""
    if batch.weights is None:
        return values.mean()
    weights = batch.weights.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp_min(1e-12)


def told(value: Any) -> Any:
    """A setting as JSON can hold it."""
    if isinstance(value, nn.Module):
        return {name: told(tensor) for name, tensor in value.state_dict().items()}
    if isinstance(value, (Tensor, np.ndarray)):
        array = np.ascontiguousarray(value.detach().cpu().numpy() if isinstance(value, Tensor) else value)
        return [str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
    return list(value) if isinstance(value, tuple) else value
