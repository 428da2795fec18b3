"""A part of a module: the same parameter objects under the same names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, final

from torch import Tensor, fx, nn

Inputs = Tensor | tuple[Tensor, ...]


@final
class Part(nn.Module):
    """Some of a module's computation; its weights are the module's own, named as there.

    Args:
        module: the whole.
        graphs: the computation in evaluation and in training mode.
    """

    def __init__(self, module: nn.Module, graphs: tuple[fx.Graph, fx.Graph]) -> None:
        super().__init__()
        for graph in graphs:
            share(self, module, (str(node.target) for node in graph.nodes if node.op in ("call_module", "get_attr")))
        runs = [fx.GraphModule(module, graph) for graph in graphs]
        # Not registered: the weights stand in this module's own tree already.
        object.__setattr__(self, "_runs", tuple(runs))
        self.training = module.training

    def extra_repr(self) -> str:
        """What is computed, step by step."""
        return str(self.__dict__["_runs"][0].graph)

    def forward(self, *inputs: Inputs) -> Any:
        """The part's values; several inputs come one by one or as one tuple."""
        run: Any = self.__dict__["_runs"][int(self.training)]
        return run(*spread(inputs))


def spread(inputs: tuple[Inputs, ...]) -> tuple[Tensor, ...]:
    """The tensors of a call, which may have come as one tuple."""
    if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
        return tuple(inputs[0])
    return inputs  # type: ignore[return-value]


def share(part: nn.Module, module: nn.Module, paths: Iterable[str]) -> None:
    """Put submodules, parameters and buffers of ``module`` into ``part`` under their dotted names."""
    for path in paths:
        *above, last = path.split(".")
        here, there = part, module
        for name in above:
            there = getattr(there, name)
            if name not in here._modules:
                here.add_module(name, nn.Module())
            here = here.get_submodule(name)
        found = getattr(there, last)
        if isinstance(found, nn.Module):
            here.add_module(last, found)
        elif isinstance(found, nn.Parameter):
            here.register_parameter(last, found)
        elif isinstance(found, Tensor):
            here.register_buffer(last, found, persistent=last not in there._non_persistent_buffers_set)
