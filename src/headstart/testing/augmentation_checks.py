"""What every augmentation must do; run over your own with ``for check in EVERY_CHECK: check(member)``.

A check takes a member with its settings, shows it small batches of all kinds that it is for, and raises AssertionError
with one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

if TYPE_CHECKING:
    from headstart.training.augmentation._augmentation import Augmentation, Inputs

Check = Callable[[Any], None]

MASK_ID, SPECIAL_IDS = 3, frozenset({0, 1, 2, 3})
"""Of the texts: first and last token are 1 and 2, filling is 0."""
_EPOCHS, _B = 12, 5


def check_it_is_for_known_kinds(member: Augmentation) -> None:
    """``name`` is a text, ``kinds`` are some of those there are."""
    from headstart.training.augmentation._kinds import KINDS

    _require(bool(member.name) and bool(member.kinds), "it has no name, or is for nothing")
    _require(member.kinds <= set(KINDS), f"kinds are {sorted(member.kinds)}, known are {sorted(KINDS)}")


def check_the_same_draws_give_the_same(member: Augmentation) -> None:
    """Asked twice for an epoch, it answers alike to the bit."""
    for batch in _batches(member):
        for epoch in range(1, 4):
            _require(_equal(*(_done(member, batch, epoch) for _ in range(2))), f"two answers about {batch.kind} differ")


def check_inputs_stay_as_they_were(member: Augmentation) -> None:
    """The tensors that come in are not written to."""
    for batch in _batches(member):
        before = tuple(part.clone() for part in batch.inputs)
        for epoch in range(1, _EPOCHS):
            _done(member, batch, epoch)
        _require(_equal(before, batch.inputs), f"{batch.kind} that came in were changed")


def check_shapes_and_dtypes_stay(member: Augmentation) -> None:
    """As many tensors, each of the shape and dtype that it had."""
    for batch in _batches(member):
        for epoch in range(1, 4):
            found = [(part.shape, part.dtype) for part in _done(member, batch, epoch)]
            _require(
                found == [(part.shape, part.dtype) for part in batch.inputs], f"{batch.kind} become {found} in the end"
            )


def check_ranges_stay(member: Augmentation) -> None:
    """Samples are within -1..1, windows of spectrograms span 8 decades, tokens are those of before or hidden."""
    for batch in _batches(member):
        for epoch in range(1, _EPOCHS):
            found, before = _done(member, batch, epoch)[0], batch.inputs[0]
            if batch.kind == "waves":
                _require(float(found.abs().max()) <= 1, f"samples reach {float(found.abs().max()):.2f}")
            if batch.kind == "mels":
                span = max(float(heard.max() - heard.min()) for heard in _heard(found, batch, joined=False))
                _require(span <= 2 + 1e-5, f"spectrograms span {4 * span:.1f} decades")
            if batch.kind == "tokens":
                _require(bool(((found == before) | (found == MASK_ID)).all()), "tokens became others")


def check_what_is_no_content_stays(member: Augmentation) -> None:
    """Special tokens, filling, masks and counts are as before, and some token of each window is left."""
    import torch

    for batch in _batches(member):
        for epoch in range(1, _EPOCHS):
            found = _done(member, batch, epoch)
            _require(_equal(found[1:], batch.inputs[1:]), f"masks or counts of {batch.kind} changed")
            if batch.kind == "tokens":
                special = torch.isin(batch.inputs[0], torch.tensor(sorted(SPECIAL_IDS)))
                _require(torch.equal(found[0][special], batch.inputs[0][special]), "special tokens changed")
                are_left = ((found[0] != MASK_ID) & ~special).any(-1) | special.all(-1)
                _require(bool(are_left.all()), "nothing is left of a text")
            if batch.kind == "waves":
                is_filling = torch.arange(found[0].shape[-1]) >= batch.inputs[1][..., None]
                _require(not bool(found[0][is_filling].any()), "there is sound behind the end")


def check_neighbours_make_no_difference(member: Augmentation) -> None:
    """What becomes of an example does not hang on its batch, unless ``sees_others`` says so."""
    if member.sees_others:
        return
    for batch in _batches(member):
        order = list(range(_B))[::-1][: _B - 1]
        for epoch in range(1, 4):
            whole, some = _done(member, batch, epoch), _done(member, batch.take(order), epoch)
            _require(_equal(tuple(part[order] for part in whole), some), f"neighbours change {batch.kind}")


def check_epochs_differ(member: Augmentation) -> None:
    """Every epoch is another one; those with ``fixed_views`` begin anew after them. A mixing is not always the same."""
    for batch in _batches(member):
        if member.view != "none":  # done while the picture is read
            continue
        found = [_done(member, batch, epoch) for epoch in range(_EPOCHS)]
        if member.is_mixing:
            _require(any(not _equal(found[1], other) for other in found[2:]), f"all epochs of {batch.kind} are alike")
            continue
        n_views = _EPOCHS if member.fixed_views is None else len(member.fixed_views)
        if member.fixed_views is not None:
            _require(_equal(found[0], batch.inputs), f"view 0 of {batch.kind} is not the plain one")
        first = 0 if member.fixed_views is not None else 1
        for a in range(first, _EPOCHS):
            for b in range(a + 1, _EPOCHS):
                is_same = (b - a) % n_views == 0
                _require(
                    _equal(found[a], found[b]) == is_same, f"epochs {a} and {b} of {batch.kind}: same is {is_same}"
                )


def check_shares_are_what_is_left(member: Augmentation) -> None:
    """Of a mixing: examples of ones mixed with zeros have their share as the mean of what is heard or seen."""
    import torch

    if not member.is_mixing:
        return
    for batch in _batches(member):
        contents = torch.zeros_like(batch.inputs[0])
        top = 255 if contents.dtype == torch.uint8 else 1
        contents[0] = top
        order = np.r_[1, 0, 2 : len(contents)]
        for seed in range(8):
            draw = np.random.default_rng(seed)
            found, shares = member.mix((contents, *batch.inputs[1:]), order, draw, batch.kind)
            mean = float(_heard(found[0], batch)[0].float().mean()) / top
            _require(0 <= float(shares.min()) and float(shares.max()) <= 1, "shares leave 0..1")
            _require(
                abs(mean - float(shares[0])) <= 3e-3, f"share {float(shares[0]):.3f} of {batch.kind}, is {mean:.3f}"
            )


EVERY_CHECK: tuple[Check, ...] = (
    check_it_is_for_known_kinds,
    check_the_same_draws_give_the_same,
    check_inputs_stay_as_they_were,
    check_shapes_and_dtypes_stay,
    check_ranges_stay,
    check_what_is_no_content_stays,
    check_neighbours_make_no_difference,
    check_epochs_differ,
    check_shares_are_what_is_left,
)


@final
@dataclass(frozen=True, eq=False)
class SampleBatch:
    """A few examples as a module takes them; ``rows`` are their row numbers."""

    kind: str
    inputs: Inputs
    rows: tuple[int, ...] = tuple(range(_B))

    def take(self, places: list[int]) -> SampleBatch:
        """Some of them."""
        return SampleBatch(self.kind, tuple(part[places] for part in self.inputs), tuple(self.rows[p] for p in places))


def sample_batches() -> Iterator[SampleBatch]:
    """Batches of all kinds; texts and sounds with one window each, and with two."""
    import torch

    draw = np.random.default_rng(0)
    yield SampleBatch("pixels", (torch.from_numpy(draw.integers(0, 256, (_B, 24, 20, 3), dtype=np.uint8)),))
    yield SampleBatch("frames", (torch.from_numpy(draw.integers(0, 256, (_B, 3, 16, 16, 3), dtype=np.uint8)),))
    for windows in ((), (2,)):
        lengths = draw.integers(8, 24, (_B, *windows))
        is_there = np.arange(24) < lengths[..., None]
        ids = np.where(is_there, draw.integers(4, 90, (_B, *windows, 24)), 0)
        ids[..., 0] = 1
        np.put_along_axis(ids, lengths[..., None] - 1, 2, axis=-1)
        yield SampleBatch("tokens", (torch.from_numpy(ids), torch.from_numpy(is_there.astype(np.int64))))
        mels = draw.uniform(-0.5, 1.4, (_B, *windows, 16, 60)).astype(np.float32)
        counts = draw.integers(20, 31, (_B, *windows))
        yield SampleBatch("mels", (torch.from_numpy(mels), torch.from_numpy(counts)))
        n_samples = draw.integers(500, 800, (_B, *windows))
        waves = draw.uniform(-0.9, 0.9, (_B, *windows, 800)).astype(np.float32)
        waves *= np.arange(800) < n_samples[..., None]
        yield SampleBatch("waves", (torch.from_numpy(waves), torch.from_numpy(n_samples)))


def _batches(member: Augmentation) -> Iterator[SampleBatch]:
    return (batch for batch in sample_batches() if batch.kind in member.kinds)


def _done(member: Augmentation, batch: SampleBatch, epoch: int) -> Inputs:
    from headstart.training.augmentation._augmentation import Draws, Prepared

    if member.is_mixing:
        draw = np.random.default_rng([epoch])
        return member.mix(batch.inputs, np.roll(np.arange(len(batch.rows)), 1), draw, batch.kind)[0]
    return member(batch.inputs, Draws(0, epoch, batch.rows), Prepared(batch.kind, MASK_ID, SPECIAL_IDS))


def _heard(contents: Any, batch: SampleBatch, *, joined: bool = True) -> list[Any]:
    """Of each example, or of each of its windows, what is no filling."""
    import torch

    from headstart.training.augmentation._windows import each_window

    if batch.kind in ("pixels", "frames"):
        return list(contents)
    found: dict[int, list[Any]] = {}
    for place, window, length in each_window(contents, batch.inputs[1], batch.kind):
        found.setdefault(place, []).append(window[..., :length].flatten())
    return [one for parts in found.values() for one in ([torch.cat(parts)] if joined else parts)]


def _equal(a: Inputs, b: Inputs) -> bool:
    import torch

    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
