"""What every backbone must do; run over your own with ``for check in checks_for(backbone): check(backbone)``.

A check raises AssertionError with one line. Backbones are small work for them: three examples.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone, OpenBackbone
from headstart.types import MODALITIES, AudioInput, TextInput, VideoInput, WaveInput

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Check = Callable[[Backbone], None]

_N = 3
_TOLERANCE = 1e-5


def checks_for(backbone: Backbone) -> tuple[Check, ...]:
    """The checks that apply to ``backbone``: those of every backbone, and those of its kind."""
    if not backbone.is_classic:
        return EVERY_CHECK + MODULE_CHECKS
    return EVERY_CHECK + (CLASSIC_CHECKS if backbone.card.modality == "image" else ())


def learnt(backbone: Backbone) -> Backbone:
    """A backbone that must see examples first, as learnt from a few; any other as it is. The checks take the learnt."""
    return backbone.learn(_raw_examples(backbone.card.modality) * 3) if backbone.is_to_be_learnt else backbone


def check_card_is_complete(backbone: Backbone) -> None:
    """The card names modality, width, licence, kind of weights, and the exact weights."""
    card = backbone.resolve().card
    _require(card.modality in MODALITIES, f"modality {card.modality!r} is unknown")
    _require(card.dim > 0, f"dim is {card.dim}")
    _require(bool(card.licence), "licence is empty; say 'unknown'")
    _require(not (card.commercial and card.licence == "unknown"), "commercial use is claimed under an unknown licence")
    _require(card.weights in ("pretrained", "random", "learnt"), f"weights is {card.weights!r}")
    _require(bool(card.weights_id), "weights_id is empty after resolve()")


def check_weights_id_names_the_weights(backbone: Backbone) -> None:
    """The ``weights_id`` stays the same when asked again, and holds the digest of the weights file if there is one."""
    from headstart.backbones._weights_file import sha256_of

    card = backbone.resolve().card
    _require(card.weights_id == backbone.resolve().card.weights_id, "weights_id differs when asked again")
    if card.weights == "random":
        _require(card.weights_id.startswith("random:"), f"weights_id of untrained weights is {card.weights_id!r}")
        return
    for file in getattr(backbone.provider, "weight_files", lambda _: [])(card):
        _require(sha256_of(file.path) in card.weights_id, "weights_id does not hold the digest of the weights file")


def check_learns_the_same_again(backbone: Backbone) -> None:
    """What is learnt is the same when learnt again, and the files that a bundle keeps bring it back."""
    if backbone.card.weights != "learnt":
        return
    from headstart.backbones.registry import get_provider, open_backbone

    again = learnt(open_backbone(backbone.card.name))
    _require(again.card == backbone.card, "another card is learnt from the same examples")
    kept = get_provider(backbone.card.provider).from_files(backbone.provider.saved_files(backbone.card))
    _require(kept.card == backbone.card, "the files give another card")
    _require(np.array_equal(_features(kept), _features(backbone)), "the files give other features")


def check_uses_no_network(backbone: Backbone) -> None:
    """Opening and encoding connect to nowhere once the weights are on this machine."""
    with _no_network() as attempts:
        _features(backbone)
    _require(not attempts, f"a connection was tried: {attempts}")


def check_width_and_type(backbone: Backbone) -> None:
    """Features are (n, dim), float32 and finite; a module gives one step of the features that are steps in order."""
    rows, card = _features(backbone), backbone.card
    dim = card.dim if backbone.is_classic else card.dim // card.steps
    _require(rows.shape == (_N, dim), f"features are {rows.shape}, dim is {dim}")
    _require(rows.dtype == np.float32, f"features are {rows.dtype}, not float32")
    _require(bool(np.isfinite(rows).all()), "features are not finite")


def check_features_depend_on_the_example(backbone: Backbone) -> None:
    """Different examples get different features."""
    rows = _features(backbone)
    _require(float(np.abs(rows[0] - rows[1]).max()) > 0, "two different examples have the same features")


def check_same_when_opened_again(backbone: Backbone) -> None:
    """Opened twice, the features are bit-identical."""
    _require(np.array_equal(_features(backbone), _features(backbone)), "features differ between two openings")


def check_one_at_a_time(backbone: Backbone) -> None:
    """One picture at a time or all at once: the same features within 1e-5 of their scale."""
    whole, single = _features(backbone), _features(backbone, one_at_a_time=True)
    strays = float(np.abs(whole - single).max()) / max(1.0, float(np.abs(whole).max()))
    _require(strays <= _TOLERANCE, f"features of single pictures stray by {strays:.2e}")


def check_leaves_random_state(backbone: Backbone) -> None:
    """Opening and encoding leave the global random numbers of numpy and torch as they were."""
    import torch

    before = torch.get_rng_state()
    before_numpy: Any = np.random.get_state()  # noqa: NPY002
    _features(backbone)
    after_numpy: Any = np.random.get_state()  # noqa: NPY002
    _require(torch.equal(before, torch.get_rng_state()), "torch's global random state was moved")
    same = np.array_equal(before_numpy[1], after_numpy[1]) and before_numpy[2] == after_numpy[2]
    _require(same, "numpy's global random state was moved")


def check_leaves_input(backbone: Backbone) -> None:
    """The pixels that were passed are unchanged."""
    if backbone.is_classic:
        examples = _examples(backbone)
        before = [np.asarray(example, dtype=_cells(example)).copy() for example in examples]
        backbone.encode(examples)
        same = all(np.array_equal(a, np.asarray(b, dtype=_cells(b))) for a, b in zip(before, examples, strict=True))
    else:
        arrays = _inputs(backbone)
        copies = [array.clone() for array in arrays]
        _run(backbone.open(), arrays)
        same = all(bool((a == b).all()) for a, b in zip(copies, arrays, strict=True))
    _require(same, "the input was changed")


def check_takes_grey_pictures(backbone: Backbone) -> None:
    """Pictures in mode "L" and sizes down to one pixel are encoded; no picture gives no row."""
    from PIL import Image

    rows = backbone.encode([Image.new("L", (40, 30), 90), Image.new("RGB", (1, 1), (9, 8, 7))])
    _require(rows.shape == (2, backbone.card.dim) and bool(np.isfinite(rows).all()), "grey or tiny pictures fail")
    _require(backbone.encode([]).shape == (0, backbone.card.dim), "no picture does not give (0, dim)")


def check_opens_in_evaluation_mode(backbone: Backbone) -> None:
    """No submodule is in training mode."""
    training = [name or "(whole)" for name, part in backbone.open().module.named_modules() if part.training]
    _require(not training, f"in training mode: {training[:3]}")


def check_blocks_are_parts(backbone: Backbone) -> None:
    """There are two blocks or more; each is the submodule of its name, and no parameter stands in two."""
    opened = backbone.open()
    _require(len(opened.blocks) >= 2, f"only {len(opened.blocks)} block")
    for name, block in opened.blocks.items():
        _require(
            dict(opened.module.named_modules()).get(name) is block, f"block {name!r} is not the submodule of that name"
        )
    seen = [id(p) for block in opened.blocks.values() for p in block.parameters()]
    _require(len(seen) == len(set(seen)), "a parameter stands in two blocks")


def check_blocks_cover_parameters(backbone: Backbone) -> None:
    """At least 95 % of the weights stand in a block."""
    opened = backbone.open()
    whole = sum(p.numel() for p in opened.module.parameters())
    inside = sum(p.numel() for block in opened.blocks.values() for p in block.parameters())
    _require(inside >= 0.95 * whole, f"blocks hold {inside} of {whole} weights")


def check_blocks_in_forward_order(backbone: Backbone) -> None:
    """Blocks are called in the order they are listed, and most of them are called."""
    opened = backbone.open()
    called: list[str] = []
    hooks = []
    for name, block in opened.blocks.items():
        hooks.append(block.register_forward_pre_hook(lambda _block, _args, name=name: called.append(name)))
    try:
        _run(opened, tuple(array[:1] for array in _inputs(backbone)))
    finally:
        for hook in hooks:
            hook.remove()
    first = list(dict.fromkeys(called))
    _require(first == [name for name in opened.blocks if name in first], f"blocks are called in the order {first}")
    _require(2 * len(first) > len(opened.blocks), f"only {len(first)} of {len(opened.blocks)} blocks are called")


EVERY_CHECK: tuple[Check, ...] = (
    check_card_is_complete,
    check_weights_id_names_the_weights,
    check_uses_no_network,
    check_width_and_type,
    check_features_depend_on_the_example,
    check_same_when_opened_again,
    check_one_at_a_time,
    check_leaves_random_state,
    check_leaves_input,
    check_learns_the_same_again,
)
"""For every backbone."""

CLASSIC_CHECKS: tuple[Check, ...] = (check_takes_grey_pictures,)
"""For backbones of pictures without a module."""

MODULE_CHECKS: tuple[Check, ...] = (
    check_opens_in_evaluation_mode,
    check_blocks_are_parts,
    check_blocks_cover_parameters,
    check_blocks_in_forward_order,
)
"""For backbones with a module."""


def _require(is_met: bool, problem: str) -> None:
    if not is_met:
        raise AssertionError(problem)


def _features(backbone: Backbone, *, one_at_a_time: bool = False) -> NDArray[np.float32]:
    if backbone.is_classic:
        examples = _examples(backbone)
        batches = [[example] for example in examples] if one_at_a_time else [examples]
        return np.concatenate([_dense(backbone.encode(batch)) for batch in batches])  # (n, dim)
    opened, arrays = backbone.open(), _inputs(backbone)
    parts = [tuple(array[i : i + 1] for array in arrays) for i in range(_N)] if one_at_a_time else [arrays]
    return np.concatenate([_run(opened, part) for part in parts])  # (n, dim)


def _dense(rows: Any) -> NDArray[np.float32]:
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)


def _run(opened: OpenBackbone, arrays: tuple[Tensor, ...]) -> NDArray[Any]:
    import torch

    with torch.inference_mode():
        features: NDArray[Any] = opened.module(*arrays).numpy()
    return features.mean(1) if features.ndim == 3 else features  # a text module gives a row a token


def _inputs(backbone: Backbone) -> tuple[Tensor, ...]:
    """What the module takes: pixels, tokens or sound, of three examples."""
    import torch

    draw = np.random.default_rng(0)
    wanted = backbone.card.input
    if wanted is None:
        raise AssertionError("a backbone with a module has no input on its card")
    if isinstance(wanted, TextInput):
        return torch.from_numpy(draw.integers(1, 30, (_N, 12))), torch.ones((_N, 12), dtype=torch.int64)
    if isinstance(wanted, WaveInput):
        size = max(wanted.min_samples, min(wanted.rate, wanted.window_samples))
        waves = draw.normal(0, 0.1, (_N, size)).astype(np.float32)
        return torch.from_numpy(waves), torch.full((_N,), size, dtype=torch.int64)
    frames: tuple[int, ...] = (wanted.n_frames,) if isinstance(wanted, VideoInput) and wanted.is_joint else ()
    wanted = wanted.image if isinstance(wanted, VideoInput) else wanted
    shape = (wanted.n_mels, 200) if isinstance(wanted, AudioInput) else (*frames, 3, wanted.height, wanted.width)
    return (torch.from_numpy(draw.normal(size=(_N, *shape)).astype(np.float32)),)


def _cells(example: Any) -> Any:
    """The cells of a row are of several types."""
    return object if isinstance(example, tuple) else None


def _examples(backbone: Backbone) -> list[Any]:
    """Three opened examples, as a classic backbone takes them."""
    modality, raw = backbone.card.modality, _raw_examples(backbone.card.modality)
    if modality not in ("table", "series"):
        return raw
    from headstart.data.modalities.modality import get_modality

    return [get_modality(modality).open_example(example, **backbone.open_settings) for example in raw]


def _raw_examples(modality: str) -> list[Any]:
    """Three examples of a modality; of tables and series before they are opened."""
    draw = np.random.default_rng(0)
    if modality == "table":
        return [{"size": 1.5, "town": "a"}, {"size": None, "town": "b"}, {"size": 7.0, "town": "c"}]
    if modality == "series":
        return [draw.normal(size=(30, 2)) for _ in range(_N)]
    if modality == "text":
        return ["A word, and another.", "Nothing alike!", "Three words more"]
    if modality == "video":
        pictures = _pictures()
        return [pictures[:2], pictures[1:], pictures[2:]]
    if modality == "audio":
        return [draw.normal(0, 0.1, 22_050).astype(np.float32) for _ in range(_N)]
    return list(_pictures())


def _pictures() -> list[Image]:
    from PIL import Image

    draw = np.random.default_rng(0)
    return [Image.fromarray(draw.integers(0, 256, (50, 70, 3), dtype=np.uint8)) for _ in range(_N)]


@contextmanager
def _no_network() -> Iterator[list[str]]:
    """Every connection fails inside, and is noted even when the caller swallows the failure."""
    attempts: list[str] = []

    def refuse(_socket: socket.socket, address: Any) -> None:
        attempts.append(str(address))
        raise OSError("no network in this check")

    original = socket.socket.connect
    socket.socket.connect = refuse  # type: ignore[method-assign,assignment]
    try:
        yield attempts
    finally:
        socket.socket.connect = original  # type: ignore[method-assign]
