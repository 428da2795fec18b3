"""Weights between those of several trainings of one network: no training cost, one network to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import final

import torch
from torch import Tensor, nn

from headstart.errors import InputError
from headstart.training.state import snapshot

Weights = Mapping[str, Tensor]
"""A state dict."""
Judge = Callable[[nn.Module], float]
"""A module in evaluation mode -> its validation loss; smaller is better."""

ALPHAS = tuple(step / 10 for step in range(11))
"""Shares of the tuned weights that are tried."""


@final
@dataclass(frozen=True, eq=False)
class Interpolated:
    """What :func:`wise_ft` found; the module has its weights.

    Args:
        alpha: share of the tuned weights, 0..1.
        alphas: (k,) that were tried.
        losses: (k,) their validation losses.
    """

    alpha: float
    alphas: tuple[float, ...]
    losses: tuple[float, ...]


@final
@dataclass(frozen=True, eq=False)
class Soup:
    """What :func:`greedy_soup` found; the module has its weights.

    Args:
        members: numbers of the state dicts that went in, the best first.
        loss: validation loss of their mean.
        losses: (k,) validation losses of each alone.
    """

    members: tuple[int, ...]
    loss: float
    losses: tuple[float, ...]


def wise_ft(
    module: nn.Module,
    pretrained: Weights,
    tuned: Weights,
    validate: Judge,
    *,
    alphas: Sequence[float] = ALPHAS,
    settle: Callable[[nn.Module], None] | None = None,
) -> Interpolated:
    """Give ``module`` the weights ``(1 - alpha) * pretrained + alpha * tuned`` of least validation loss.

    Both ends are always among those tried, so on the validation examples the result is no worse than either. Of equal
    losses that nearest to alpha 0.5 is taken, the paper's choice without validation.

    Args:
        module: ends in evaluation mode.
        pretrained: weights before tuning, with a probe as head.
        tuned: weights after it.
        validate: gives the loss.
        alphas: what is tried beside 0 and 1, each 0..1.
        settle: is called with the module before it is judged, to estimate batch norm's statistics anew, say.

    Raises:
        InputError: weights of different networks, an alpha outside of 0..1, or no loss is finite.

    Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
    """
    tried = tuple(sorted({0.0, 1.0, *(float(alpha) for alpha in alphas)}))
    if not all(0 <= alpha <= 1 for alpha in tried):
        raise InputError(f"wise_ft needs alphas in 0..1, got {list(alphas)!r}. Correct them.")
    _check_alike("wise_ft", [pretrained, tuned])
    mixtures = (mean_weights([pretrained, tuned], [1 - alpha, alpha]) for alpha in tried)
    losses, best = [], (inf, inf)
    for alpha, mixture in zip(tried, mixtures, strict=True):
        losses.append(_judged(module, mixture, validate, settle))
        rank = (losses[-1], abs(alpha - 0.5))
        if isfinite(losses[-1]) and rank < best:
            best, chosen, kept = rank, alpha, snapshot(module)
    _check_any_is_finite("wise_ft", losses)
    module.load_state_dict(kept)
    return Interpolated(chosen, tried, tuple(losses))


def greedy_soup(
    module: nn.Module,
    states: Sequence[Weights],
    validate: Judge,
    *,
    settle: Callable[[nn.Module], None] | None = None,
) -> Soup:
    """Give ``module`` the mean of those of ``states`` that do not raise the validation loss, the best one first.

    Args:
        module: ends in evaluation mode.
        states: k weights of one network, tuned from the same beginning with different settings or seeds.
        validate: gives the loss.
        settle: as in :func:`wise_ft`.

    Raises:
        InputError: no weights, weights of different networks, or no loss is finite.

    Source: Wortsman et al., Model soups, ICML 2022, recipe 1.
    """
    if not states:
        raise InputError("greedy_soup needs at least 1 state dict, got none. Pass those of several trainings.")
    _check_alike("greedy_soup", states)
    losses = [_judged(module, state, validate, settle) for state in states]
    _check_any_is_finite("greedy_soup", losses)
    members: list[int] = []
    best, kept = inf, {}
    for place in sorted(range(len(states)), key=lambda place: losses[place]):
        if not isfinite(losses[place]):
            break
        together = [*members, place]
        loss = _judged(module, mean_weights([states[i] for i in together]), validate, settle)
        if loss <= best:
            members, best, kept = together, loss, snapshot(module)
    module.load_state_dict(kept)
    return Soup(tuple(members), best, tuple(losses))


def mean_weights(states: Sequence[Weights], shares: Sequence[float] | None = None) -> dict[str, Tensor]:
    """The weighted mean of k state dicts, in their own type; what is no float, such as a count, is that of the last.

    Args:
        states: of the same names and shapes.
        shares: (k,) of sum 1; None: equal ones.
    """
    shares = [1 / len(states)] * len(states) if shares is None else shares
    result = {}
    for name, last in states[-1].items():
        if not last.is_floating_point():
            result[name] = last.detach().clone()
            continue
        total = torch.zeros_like(last, dtype=torch.float64 if last.device.type != "mps" else torch.float32)
        for state, share in zip(states, shares, strict=True):
            if share:
                total += share * state[name].detach().to(total)
        result[name] = total.to(last.dtype)
    return result


def _judged(module: nn.Module, weights: Weights, validate: Judge, settle: Callable[[nn.Module], None] | None) -> float:
    module.load_state_dict(weights)
    if settle is not None:
        settle(module)
    module.eval()
    loss = float(validate(module))
    return loss if isfinite(loss) else inf


def _check_alike(who: str, states: Sequence[Weights]) -> None:
    first = {name: tensor.shape for name, tensor in states[0].items()}
    for state in states[1:]:
        strange = [name for name, tensor in state.items() if first.get(name) != tensor.shape]
        strange += [name for name in first if name not in state]
        if strange:
            raise InputError(
                f"{who} needs weights of one network, got others in {strange[0]!r}. Pass state dicts of the same "
                "architecture, with a head of the same classes."
            )


def _check_any_is_finite(who: str, losses: Sequence[float]) -> None:
    if not any(isfinite(loss) for loss in losses):
        raise InputError(f"{who} needs a finite validation loss, got none of {len(losses)}. Look at the weights.")
