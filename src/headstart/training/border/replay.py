"""A module cut in two by running its own code again with stand-ins for what lies below the border."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.border.part import Inputs, share, spread
from headstart.training.border.shape_record import ShapeRecord, growing, record_shapes


def replay_split(module: nn.Module, border: str, sample: Sequence[Tensor]) -> tuple[Lower, Upper]:
    """Cut ``module`` where the block ``border`` begins.

    The upper part runs the module's own code: what is called below the block gives zeros of the right shapes there,
    and the block is handed the stored activations. Whole numbers and truths among the inputs, such as a mask, go over
    the border too, and so does what floats where the upper part looks at it.

    Args:
        module: the whole.
        border: dotted name of the block.
        sample: inputs of two examples or more, to find out with what is called when.

    Returns:
        The lower and the upper part.

    Raises:
        Exception: of many kinds, where the code between the blocks does not go with what stands in for them.
    """
    with torch.no_grad(), evaluating(module):
        record = _recorded(module, border, sample)
        wanted = Upper(module, border, record)(Lower(module, border, record)(*sample))
        for number, given in enumerate(sample):
            fewer = record.without_input(number)
            if given.is_floating_point():
                got = Upper(module, border, fewer)(Lower(module, border, fewer)(*sample))
                record = fewer if torch.equal(got, wanted) else record
    return Lower(module, border, record), Upper(module, border, record)


@final
class Lower(nn.Module):
    """Inputs -> the activations that enter the border block, shapes, and what else the upper part looks at.

    Args:
        module: the whole.
        border: dotted name of the block.
        record: what is called below it.
    """

    def __init__(self, module: nn.Module, border: str, record: ShapeRecord) -> None:
        super().__init__()
        share(self, module, [*record.gave, *record.own, *_own_buffers(module, _around(border))])
        object.__setattr__(self, "_whole", module)
        self.border, self.record = border, record
        self.training = module.training

    def forward(self, *inputs: Inputs) -> tuple[Tensor, ...]:
        """Run up to the border and no further."""
        module, given = self.__dict__["_whole"], spread(inputs)
        entering, gave = _run_to_border(module, self.border, self.record.gave, given)
        return (entering, self.record.shapes(given, gave), *self.record.kept_of(given))


@final
class Upper(nn.Module):
    """What :class:`Lower` gives -> what the module gives. The weights are the module's own, named as there.

    Args:
        module: the whole.
        border: dotted name of the block.
        record: what is called below it.
    """

    def __init__(self, module: nn.Module, border: str, record: ShapeRecord) -> None:
        super().__init__()
        stand_ins = {path: _stand_in(module.get_submodule(path)) for path in record.gave}
        shell = _shell(module, "", _around(border), stand_ins)
        around = [shell.get_submodule(path) for path in sorted(_around(border))]
        share(self, shell, _left_over(shell, "", _around(border), {*record.gave, *record.own}))
        object.__setattr__(self, "_around", around)
        object.__setattr__(self, "_stand_ins", stand_ins)
        self.border, self.record = border, record
        self.training = module.training

    def forward(self, *activations: Inputs) -> Any:
        """Go on from the border."""
        stored, shapes, *kept = spread(activations)
        for part in self.__dict__["_around"]:
            part.training = self.training
        shell: nn.Module = self.__dict__["_around"][0]
        inputs, gave = self.record.made_again(stored, shapes, kept)
        for path, stand_in in self.__dict__["_stand_ins"].items():
            stand_in.__dict__["forward"] = _giver(iter(gave[path]))
        with _entered_by(shell.get_submodule(self.border), stored) as calls:
            found = shell(*inputs)
        if len(calls) != self.record.n_calls:
            raise InputError(
                f"The upper part needs inputs for which block {self.border!r} is called {self.record.n_calls} times, "
                f"got {len(calls)} calls. Train the whole module."
            )
        return found


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In evaluation mode; every part's own mode is as before afterwards."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode


class _AtBorder(Exception):
    """The border is reached; carries what enters the block."""

    def __init__(self, entering: Tensor) -> None:
        super().__init__("the border is reached")
        self.entering = entering


def _run_to_border(
    module: nn.Module, border: str, below: Collection[str], inputs: Sequence[Tensor]
) -> tuple[Tensor, dict[str, list[Any]]]:
    """What enters the border block, and what each module below gave, call by call."""
    gave: dict[str, list[Any]] = {path: [] for path in below}

    def stop(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        raise _AtBorder(next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)))

    handles = [module.get_submodule(border).register_forward_pre_hook(stop, with_kwargs=True)]
    handles += [module.get_submodule(path).register_forward_hook(_keeper(gave[path])) for path in below]
    try:
        module(*inputs)
    except _AtBorder as reached:
        return reached.entering, gave
    finally:
        for handle in handles:
            handle.remove()
    raise ValueError("the block is never called")


def _keeper(gave: list[Any]) -> Any:
    def keep(part: nn.Module, args: Any, output: Any) -> None:
        gave.append(output)

    return keep


def _recorded(module: nn.Module, border: str, sample: Sequence[Tensor]) -> ShapeRecord:
    """What is called before the border block's first call begins: the largest modules alone."""
    around = _around(border)
    others = [path for path, _ in module.named_modules() if path not in around and path != border]
    entering, gave = _run_to_border(module, border, others, sample)
    called = {path for path, values in gave.items() if values}
    below = {path: gave[path] for path in others if path in called and not called & _around(path)}
    first = _run_to_border(module, border, below, [part[:1] for part in sample])[1]
    live = [path for path in below if not any(growing(sample, below[path], first[path]))]
    for path in live:  # a table of positions: the upper part may look at it, and it costs little
        del below[path], first[path]
    with _entered_by(module.get_submodule(border), None) as calls:
        module(*sample)
    own = tuple(_own_used(module, border, below, sample))
    return record_shapes(sample, entering, below, first, own=own, n_calls=len(calls))


@contextmanager
def _entered_by(block: nn.Module, stored: Tensor | None) -> Iterator[list[bool]]:
    """The first call of ``block`` gets ``stored`` in place of its first tensor; yields an entry a call."""
    calls: list[bool] = []

    def enter(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        calls.append(True)
        return None if stored is None or len(calls) > 1 else _with_entering(stored, args, kwargs)

    handle = block.register_forward_pre_hook(enter, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()


def _stand_in(module: nn.Module) -> nn.Module:
    """The module, for code that reads its attributes; what its call gives is set before each."""
    made = copy.copy(module)
    made._forward_hooks, made._forward_pre_hooks = OrderedDict(), OrderedDict()
    return made


def _giver(values: Iterator[Any]) -> Any:
    def give(*args: Any, **kwargs: Any) -> Any:
        return next(values)

    return give


def _with_entering(stored: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    for place, value in enumerate(args):
        if isinstance(value, Tensor):
            return (*args[:place], stored, *args[place + 1 :]), kwargs
    name = next(name for name, value in kwargs.items() if isinstance(value, Tensor))
    return args, {**kwargs, name: stored}


def _around(border: str) -> set[str]:
    """The module itself and those between it and the block."""
    names = border.split(".")
    return {".".join(names[:depth]) for depth in range(len(names))}


def _own_buffers(module: nn.Module, around: set[str]) -> Iterator[str]:
    """Buffers of the modules around the border themselves."""
    for path in sorted(around):
        yield from (f"{path}.{name}".lstrip(".") for name, _ in module.get_submodule(path).named_buffers(recurse=False))


def _own_used(module: nn.Module, border: str, below: Collection[str], sample: Sequence[Tensor]) -> Iterator[str]:
    """Parameters of no module ``below`` on which the activations hang all the same, such as a table of positions."""
    own = {name: parameter for name, parameter in module.named_parameters() if not _around(name) & {*below}}
    moved = [parameter.requires_grad for parameter in own.values()]
    try:
        for parameter in own.values():
            parameter.requires_grad_(True)
        with torch.enable_grad():
            entering = _run_to_border(module, border, (), sample)[0]
            if own and entering.requires_grad:
                found = torch.autograd.grad(entering.sum(), list(own.values()), allow_unused=True)
                yield from (name for name, gradient in zip(own, found, strict=True) if gradient is not None)
    finally:
        for parameter, before in zip(own.values(), moved, strict=True):
            parameter.requires_grad_(before)


def _left_over(part: nn.Module, path: str, around: set[str], taken: set[str]) -> Iterator[str]:
    """Names of all that is neither around the border nor ``taken`` by the lower part."""
    for name, found in (*part._modules.items(), *part._parameters.items(), *part._buffers.items()):
        whole = f"{path}.{name}".lstrip(".")
        if found is None or whole in taken:
            continue
        if isinstance(found, nn.Module) and (whole in around or _holds(whole, taken)):
            yield from _left_over(found, whole, around, taken)
        else:
            yield whole


def _holds(path: str, others: Collection[str]) -> bool:
    return any(other.startswith(f"{path}.") for other in others)


def _shell(module: nn.Module, path: str, around: set[str], stand_ins: Mapping[str, nn.Module]) -> nn.Module:
    """The module again with the same weights, and with stand-ins."""
    if path in stand_ins:
        return stand_ins[path]
    if path not in around and not _holds(path, stand_ins):
        return module
    shell = copy.copy(module)
    shell._modules = {
        name: None if child is None else _shell(child, f"{path}.{name}".lstrip("."), around, stand_ins)
        for name, child in module._modules.items()
    }
    return shell
