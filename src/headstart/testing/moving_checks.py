"""What everything that can be told to move must do; run over your own with ``for check in EVERY_CHECK: check(member)``.

A check takes a member with its settings, trains tiny networks of three kinds through the loop, with weight decay,
momentum, a moving average and batch norms in it, and raises AssertionError with one line.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.testing.moving_networks import NETWORKS, TinyCase

if TYPE_CHECKING:
    from torch import Tensor, nn

Check = Callable[[Any], None]

_EPOCHS, _SIZE = 6, 8
"""Enough for each of the four levels of the networks to have its turn, and more steps than one an epoch."""
_TOLERANCE = 1e-5


def check_what_is_frozen_stays_to_the_bit(member: Any) -> None:
    """Weights that may not move, and statistics of norms whose weights may not, have the same bytes after training."""
    for run in _runs(member):
        changed = [n for n in run.before if n not in run.to_move and not _same(run.before[n], run.after[n])]
        _require(not changed, f"{changed[:3]} moved in {run.kind}, though frozen")


def check_what_may_move_moves(member: Any) -> None:
    """Every weight that may move, and every statistic of a norm that may, is another one after training."""
    for run in _runs(member):
        still = [n for n in run.to_move if _same(run.before[n], run.after[n])]
        _require(not still, f"{still[:3]} did not move in {run.kind}")


def check_the_head_moves(member: Any) -> None:
    """All weights of the head move."""
    for run in _runs(member):
        still = [n for n in run.before if n.startswith("head.") and _same(run.before[n], run.after[n])]
        _require(not still, f"{still} of the head did not move in {run.kind}")


def check_the_first_moving_block_is_the_lowest(member: Any) -> None:
    """``first_moving_block`` names the lowest block in which anything moves; None where nothing in the trunk does."""
    for run in _runs(member):
        moved = {_block(name, run.case) for name in run.before if not _same(run.before[name], run.after[name])}
        lowest = next((block for block in run.case.blocks if block in moved), None)
        told = run.moves.first_moving_block
        _require(
            told == lowest, f"first_moving_block is {told!r} in {run.kind}, but {lowest!r} is the lowest that moved"
        )


def check_the_network_answers_as_before(member: Any) -> None:
    """``apply`` changes neither an output nor a weight."""
    for make in NETWORKS:
        case = make()
        outputs, state = _outputs(case), _state(case.network)
        member.apply(case.network, case.blocks)
        now = _state(case.network)
        _require(all(_same(state[n], now.get(n)) for n in state), f"apply changed a weight in {make.__name__}")
        _require(_close(outputs, _outputs(case)), f"apply changed the outputs in {make.__name__}")


def check_merging_changes_no_output(member: Any) -> None:
    """Outputs after ``merge`` are those of before within 1e-5, with gradients asked for and without."""
    for run in _runs(member):
        before, with_gradient = _outputs(run.case), _outputs(run.case, gradient=True)
        _require(_close(before, with_gradient), f"without gradients {run.kind} answers otherwise")
        run.moves.merge()
        _require(_close(before, _outputs(run.case)), f"merging changes the outputs in {run.kind}")


def check_merging_leaves_the_structure_of_before(member: Any) -> None:
    """After ``merge``, once or twice, modules and names of the state, in their order, are those of before ``apply``."""
    for run in _runs(member):
        plain = NETWORKS[run.number]().network
        for _ in range(2):
            run.moves.merge()
            _require(list(run.case.network.state_dict()) == list(plain.state_dict()), "merging leaves other names")
            kinds = ([type(m).__qualname__ for m in network.modules()] for network in (run.case.network, plain))
            _require(next(kinds) == next(kinds), "merging leaves other modules")


def check_the_same_settings_give_the_same_weights(member: Any) -> None:
    """Applied and trained twice, the weights are the same to the bit."""
    for first, second in zip(_runs(member), _runs(member), strict=True):
        _require(_equal(first.after, second.after), f"two runs of {first.kind} differ")


def check_a_run_that_was_cut_goes_on_to_the_bit(member: Any) -> None:
    """Cut within an epoch and taken up from its checkpoint, a run ends with the weights of the undisturbed one."""
    for run in _runs(member):
        with tempfile.TemporaryDirectory() as folder:
            for step in (4, 13, None):
                resumed = _run(member, run.number, checkpoint=Path(folder), cut_after=step)
        _require(_equal(run.after, resumed.after), f"a run of {run.kind} that was cut ends elsewhere")


def check_a_run_that_diverged_begins_anew(member: Any) -> None:
    """After a loss that is not finite the next attempt moves all that may move, and nothing else."""
    for number in range(len(NETWORKS)):
        run = _run(member, number, diverges_at=7)
        wrong = [n for n in run.before if _same(run.before[n], run.after[n]) == (n in run.to_move)]
        _require(
            not wrong, f"{wrong[:3]} of {run.kind} moved, or did not, against what was told, after a new beginning"
        )


EVERY_CHECK: tuple[Check, ...] = (
    check_what_is_frozen_stays_to_the_bit,
    check_what_may_move_moves,
    check_the_head_moves,
    check_the_first_moving_block_is_the_lowest,
    check_the_network_answers_as_before,
    check_merging_changes_no_output,
    check_merging_leaves_the_structure_of_before,
    check_the_same_settings_give_the_same_weights,
    check_a_run_that_was_cut_goes_on_to_the_bit,
    check_a_run_that_diverged_begins_anew,
)


@final
@dataclass(frozen=True, eq=False)
class _Run:
    """A training that is done: bytes of the state before and after, names of what may move."""

    number: int
    case: TinyCase
    moves: Any
    before: dict[str, NDArray[Any]]
    after: dict[str, NDArray[Any]]
    to_move: set[str]

    @property
    def kind(self) -> str:
        return NETWORKS[self.number].__name__


class _Cut(Exception):
    """The run is over, for now."""


def _runs(member: Any) -> Iterator[_Run]:
    return (_run(member, number) for number in range(len(NETWORKS)))


def _run(
    member: Any,
    number: int,
    checkpoint: Path | None = None,
    cut_after: int | None = None,
    diverges_at: int | None = None,
) -> _Run:
    from headstart.training.batches import tensor_batches
    from headstart.training.callback import Callback
    from headstart.training.checkpoint import Checkpoint
    from headstart.training.loop import train
    from headstart.training.losses.cross_entropy import CrossEntropy
    from headstart.training.settings import TrainSettings

    class Cutting(Callback):
        def on_step_end(self, state: Any) -> None:
            if cut_after is not None and state.step == cut_after:
                raise _Cut

    n_asked = 0

    def loss(outputs: Tensor, codes: Tensor) -> Tensor:
        nonlocal n_asked
        n_asked += 1
        return CrossEntropy()(outputs, codes) * (float("inf") if n_asked == diverges_at else 1.0)

    case = NETWORKS[number]()
    moves = member.apply(case.network, case.blocks)
    before, to_move = _state(case.network), _to_move(case.network)
    try:
        train(
            case.network,
            tensor_batches(case.inputs, (case.targets,), size=_SIZE),
            loss,
            settings=TrainSettings(
                epochs=_EPOCHS, learning_rate=0.003, weight_decay=0.1, ema_decay=0.9, checkpoint_seconds=0.0
            ),
            callbacks=(*moves.callbacks, Cutting()),
            checkpoint=None if checkpoint is None else Checkpoint(checkpoint),
            rate_of=moves.rate_of,
        )
    except _Cut:
        pass
    return _Run(number, case, moves, before, _state(case.network), to_move)


def _to_move(network: nn.Module) -> set[str]:
    """Names of the weights that may move, and of the buffers beside them."""
    found = set()
    for place, module in network.named_modules():
        own = {n: p for n, p in module.named_parameters(recurse=False) if p.requires_grad}
        found |= {f"{place}.{name}".lstrip(".") for name in own}
        if own:
            found |= {f"{place}.{name}".lstrip(".") for name, _ in module.named_buffers(recurse=False)}
    return found


def _block(name: str, case: TinyCase) -> str:
    """The block that a name of the state belongs to; the stem for those of none, "" for the head."""
    if name.startswith("head."):
        return ""
    path = name.removeprefix("trunk.")
    return next((block for block in case.blocks if path.startswith(f"{block}.")), next(iter(case.blocks)))


def _state(network: nn.Module) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().cpu().clone().numpy() for name, tensor in network.state_dict().items()}


def _outputs(case: TinyCase, gradient: bool = False) -> NDArray[Any]:
    import torch

    case.network.eval()
    with torch.set_grad_enabled(gradient):
        return np.asarray(case.network(*case.inputs).detach().numpy())


def _same(a: NDArray[Any], b: NDArray[Any] | None) -> bool:
    return b is not None and a.tobytes() == b.tobytes()


def _equal(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> bool:
    return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)


def _close(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return bool(np.abs(a - b).max() <= _TOLERANCE * max(1.0, float(np.abs(a).max())))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
