"""A module cut in two along the graph of its computation, which is traced without running it."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any, final

from torch import fx, nn

from headstart.training.border.part import Part

_WHOLE = "whole"
_FORWARDS: tuple[Callable[..., Any], ...] = (
    lambda self, a: self.whole(a),
    lambda self, a, b: self.whole(a, b),
    lambda self, a, b, c: self.whole(a, b, c),
    lambda self, a, b, c, d: self.whole(a, b, c, d),
)
"""Forwards of one, two, ... names: tracing cannot tell how many ``*inputs`` are."""
MOST_INPUTS = len(_FORWARDS)


def graph_split(module: nn.Module, paths: Collection[str], *, n_inputs: int) -> tuple[Part, Part]:
    """Cut ``module`` where the first of the blocks at ``paths`` begins.

    All that neither stands in one of these blocks nor hangs on one is the lower part. Only the forward of modules
    around a block is traced; any other module is one step of the graph, whatever it does inside.

    Args:
        module: the whole.
        paths: dotted names of the blocks of the upper part, the lowest first.
        n_inputs: tensors that the module takes.

    Returns:
        The lower and the upper part.

    Raises:
        Exception: of many kinds, where a forward around a block branches on values or takes what has no graph.
    """
    lower, upper = zip(
        *(_cut(_traced(module, paths, n_inputs, is_training=mode), paths) for mode in (False, True)), strict=True
    )
    return Part(module, lower), Part(module, upper)


@final
class _Tracer(fx.Tracer):
    """Goes into ``opened`` modules alone."""

    def __init__(self, opened: Collection[nn.Module]) -> None:
        super().__init__()
        self._opened = {id(module) for module in opened}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """True for a module that is one step."""
        return id(m) not in self._opened


def _traced(module: nn.Module, paths: Collection[str], n_inputs: int, *, is_training: bool) -> fx.Graph:
    """The graph with the mode that the opened forwards see; theirs is as before afterwards."""
    opened = _around(module, paths)
    before = [part.training for part in opened]
    try:
        for part in opened:
            part.training = is_training
        root = _of_so_many(module, n_inputs)
        graph = _Tracer([root, *opened]).trace(root)
    finally:
        for part, mode in zip(opened, before, strict=True):
            part.training = mode
    for node in graph.nodes:
        if node.op in ("call_module", "get_attr"):
            node.target = str(node.target).removeprefix(f"{_WHOLE}.")
        if node.op == "call_module":  # one that is a single step was not entered, so nobody has counted its inputs
            inspect.signature(module.get_submodule(str(node.target)).forward).bind(*node.args, **node.kwargs)
    return graph


def _around(module: nn.Module, paths: Collection[str]) -> list[nn.Module]:
    """The modules that the first of the blocks stands in."""
    names = next(iter(paths)).split(".")
    return [module.get_submodule(".".join(names[:depth])) for depth in range(len(names))]


def _of_so_many(module: nn.Module, n_inputs: int) -> nn.Module:
    """``module`` behind a forward of just ``n_inputs`` names."""
    if not 1 <= n_inputs <= len(_FORWARDS):
        raise ValueError(f"{n_inputs} inputs are none, or too many")
    root: nn.Module = type("Whole", (nn.Module,), {"forward": _FORWARDS[n_inputs - 1]})()
    root.add_module(_WHOLE, module)
    return root


def _cut(graph: fx.Graph, paths: Collection[str]) -> tuple[fx.Graph, fx.Graph]:
    above: set[fx.Node] = set()
    moving: set[fx.Node] = set()  # what hangs on an input
    for node in graph.nodes:
        sources = node.all_input_nodes
        if node.op == "output" or _is_in(node, paths) or any(source in above for source in sources):
            above.add(node)
        if node.op == "placeholder" or any(source in moving for source in sources):
            moving.add(node)
    if not any(_is_in(node, paths) for node in above):
        raise ValueError("the block takes no part in the forward")
    for node in reversed(list(graph.nodes)):
        if _is_shape(node) and any(user in above for user in node.users):
            above.add(node)  # a number cannot be stored an example; its tensor can
    crossing = dict.fromkeys(
        source
        for node in graph.nodes
        if node in above
        for source in node.all_input_nodes
        if source not in above and source in moving
    )
    return _lower(graph, above, list(crossing)), _upper(graph, above, moving, list(crossing))


def _is_in(node: fx.Node, paths: Collection[str]) -> bool:
    if node.op not in ("call_module", "get_attr"):
        return False
    target = f"{node.target}."
    return any(target.startswith(f"{path}.") or f"{path}.".startswith(target) for path in paths)


def _is_shape(node: fx.Node) -> bool:
    if node.op == "call_method" and node.target in ("size", "dim"):
        return True
    if node.op != "call_function":
        return False
    is_taken = node.target is getattr and node.args[1] in ("shape", "ndim")
    return is_taken or (node.target is operator.getitem and _is_shape(node.all_input_nodes[0]))


def _lower(graph: fx.Graph, above: set[fx.Node], crossing: list[fx.Node]) -> fx.Graph:
    made, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for node in graph.nodes:
        if node not in above:
            copies[node] = made.node_copy(node, lambda source: copies[source])
    given = tuple(copies[node] for node in crossing)
    made.output(given[0] if len(given) == 1 else given)
    return _without_dead(made)


def _upper(graph: fx.Graph, above: set[fx.Node], moving: set[fx.Node], crossing: list[fx.Node]) -> fx.Graph:
    made, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    for number, node in enumerate(crossing):
        copies[node] = made.placeholder(f"activation_{number}")
    for node in graph.nodes:
        # What hangs on no input, such as a table of positions, is not stored but made again.
        if node in above or (node not in moving and node not in copies):
            copies[node] = made.node_copy(node, lambda source: copies[source])
    return _without_dead(made)


def _without_dead(graph: fx.Graph) -> fx.Graph:
    for node in reversed(list(graph.nodes)):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    return graph


def paths_of(module: nn.Module, blocks: Mapping[str, nn.Module]) -> dict[str, str]:
    """Name of a block -> its dotted name in ``module``."""
    known = {id(part): path for path, part in module.named_modules(remove_duplicate=False)}
    return {name: known[id(block)] for name, block in blocks.items() if id(block) in known}
