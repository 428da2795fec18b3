"""A backbone as training sees it: a module with gradient, its blocks, and how raw examples become its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones._blocks import ordered_blocks
from headstart.backbones.backbone import Backbone, OpenBackbone
from headstart.backbones.registry import open_backbone
from headstart.errors import InputError
from headstart.features.pixels import View, prepare
from headstart.features.settings import EncoderSettings
from headstart.training.augmentation._kinds import prepared_of
from headstart.training.augmentation.loader import AugmentedLoader
from headstart.training.augmentation.policy import policy_of
from headstart.training.example_loader import TRAINING_WINDOWS, ExampleLoader, ReadRow, RowLoader, WindowLoader
from headstart.training.own_backbone import own_backbone
from headstart.training.windowed import Inputs, Windowed
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput

_FRAMES_A_STATE = 2


@final
@dataclass(frozen=True, eq=False)
class Trunk:
    """A backbone opened for training.

    Args:
        card: what is known about it; ``dim`` is 0 where only running it tells.
        module: what a batch is made of -> (b, dim) pooled features with gradient, those of :class:`headstart.Encoder`.
        blocks: name -> submodule of ``module``, stem first.
        backbone: what was opened.
        resolution: side of the pictures in pixels where it was asked for.
        random_state: seed of augmented views.
        pooling: "mean": as the backbone pools; or "attention".
    """

    card: BackboneCard
    module: nn.Module
    blocks: Mapping[str, nn.Module]
    backbone: Backbone
    resolution: int | None = None
    random_state: int = 0
    pooling: str = "mean"

    def loader(
        self,
        examples: Sequence[Any],
        augmentation: str = "none",
        *,
        is_training: bool = False,
        is_kept: bool = True,
        positions: NDArray[np.int64] | None = None,
    ) -> ExampleLoader:
        """Row numbers and epoch -> the module's inputs.

        Args:
            examples: n raw examples.
            augmentation: names of ``training/augmentation/``, joined by "+"; epoch 0 sees the plain examples. Those
                that mix examples are for :func:`~headstart.training.augmentation.mixing.mixed`, not done here.
            is_training: True where of long examples a few windows are enough.
            is_kept: False where each example is wanted once.
            positions: (n,) what messages call the examples; None: their row numbers.

        Raises:
            InputError: an example cannot be read, or the augmentation is not for this kind of example.
            UnknownNameError: no such augmentation.
        """
        policy = policy_of(augmentation, self.card, len(examples))
        plain = self._plain_loader(examples, policy.view, is_training, is_kept, positions)
        if policy.is_plain or not policy.each:
            return plain
        return AugmentedLoader(plain, policy.each, prepared_of(self.backbone), self.random_state)

    def _plain_loader(
        self,
        examples: Sequence[Any],
        view: str,
        is_training: bool,
        is_kept: bool,
        positions: NDArray[np.int64] | None,
    ) -> ExampleLoader:
        wanted = self.card.input
        if wanted is None:
            read_row = partial(_numbers_of, examples)
            return RowLoader(read_row, len(examples), is_kept=is_kept, positions=positions)
        ready = _ready(self.backbone, self.resolution)
        if isinstance(wanted, ImageInput):
            read = self._picture_reader(ready, examples, view)
            is_kept = is_kept and view == "none"
            return RowLoader(read, len(examples), is_kept=is_kept, positions=positions)
        if isinstance(wanted, VideoInput):
            read = _clip_reader(ready, examples, wanted.n_frames)
            return RowLoader(read, len(examples), is_kept=is_kept, positions=positions)
        digests = [b""] * len(examples)
        stream = ready.stream(examples, digests, range(len(examples)), 1)
        arrays = _stacked if isinstance(wanted, AudioInput) else stream.arrays
        most = TRAINING_WINDOWS if is_training else None
        return WindowLoader(stream, len(examples), arrays, most_windows=most, positions=positions)

    def copied(self, state: Mapping[str, Tensor]) -> Trunk:
        """The same architecture, opened anew, with the weights ``state`` in it.

        Raises:
            InputError: they are those of another architecture.
        """
        seeded = {"resolution": self.resolution, "random_state": self.random_state}
        other = open_trunk(self.backbone, **seeded, pooling=self.pooling)  # type: ignore[arg-type]
        load_weights(other.module, state, f"the trunk of {self.card.name!r}")
        return other

    def short_side(self, example: Any) -> int:
        """Pixels of the shorter side of a picture."""
        from headstart.data.image_file import open_image

        return min(open_image(example).size)

    def _picture_reader(self, ready: Any, examples: Sequence[Any], policy: str) -> ReadRow:
        from headstart.data.image_file import open_image

        def read(row: int, epoch: int) -> NDArray[np.uint8]:
            view = View(policy, self.random_state, epoch)
            return prepare(open_image(examples[row]), ready.spec, view, hashlib.sha256(b"%d" % row).digest())

        return read


def open_trunk(
    backbone: str | Backbone | nn.Module,
    *,
    resolution: int | None = None,
    random_state: int = 0,
    pooling: str = "mean",
) -> Trunk:
    """The backbone with its weights, ready to be trained.

    Args:
        backbone: a name, ``name@random`` for untrained weights, a folder, a backbone, or a torch module that takes
            stacked arrays; see :func:`~headstart.training.own_backbone.own_backbone`.
        resolution: side of the square pictures in pixels, or None for what the weights were trained with.
        random_state: seed of augmented views, and of untrained weights: where it is not 0, the values of each weight
            are put into an order of this seed, which is another draw from the same distribution.
        pooling: "mean": as the backbone pools; "attention", of pictures: see
            :class:`~headstart.training.attention_pooled.AttentionPooled`.

    Raises:
        InputError: the backbone has no gradient, or its positions cannot be pooled so.
        UnknownNameError: there is no such backbone.
    """
    if isinstance(backbone, nn.Module):
        backbone = own_backbone(backbone)
    found = backbone if isinstance(backbone, Backbone) else open_backbone(backbone)
    name, wanted = found.card.name, found.card.input
    if wanted is None and found.card.provider != "own":
        raise InputError(f"FineTune needs a backbone with a gradient, got {name!r}, which has none. Use hs.Encoder.")
    if resolution is not None and not isinstance(wanted, (ImageInput, VideoInput)):
        raise InputError(f"FineTune needs pictures for a resolution, got {name!r}. Leave resolution out.")
    module, card = _opened(found, resolution)
    if not any(p.requires_grad for p in module.parameters()):
        raise InputError(f"FineTune needs a backbone with a gradient, got {name!r}, which has none. Use hs.Encoder.")
    if card.weights == "random" and random_state:
        _redraw(module, random_state)
    blocks: Mapping[str, nn.Module] = ordered_blocks(_innermost(module))
    if pooling == "attention":
        module, blocks = _with_attention(module, blocks, card, resolution)
    return Trunk(card, module, blocks, found, resolution, random_state, pooling)


def load_weights(module: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Put weights into a module.

    Raises:
        InputError: names or shapes are not the module's; the first that differs is told.
    """
    own = module.state_dict()
    for name in [*own, *state]:
        wanted, given = own.get(name), state.get(name)
        if wanted is None or given is None or wanted.shape != given.shape:
            needs = "no such weight" if wanted is None else f"shape {tuple(wanted.shape)}"
            got = "none" if given is None else f"shape {tuple(given.shape)}"
            raise InputError(
                f"FineTune needs a state of {what}, whose {name!r} has {needs}, got {got}. "
                "It is that of another architecture, or of a head of another size."
            )
    module.load_state_dict(state)


def _opened(backbone: Backbone, resolution: int | None) -> tuple[nn.Module, BackboneCard]:
    """The module that takes what the preparation gives."""
    wanted = backbone.card.input
    if wanted is None:
        module = backbone.provider.open_module(backbone.card)
        return OwnModule(module.eval()), backbone.card
    opened = backbone.open()
    spec = EncoderSettings(resolution=resolution).spec(opened.card)
    inner: nn.Module
    if isinstance(wanted, ImageInput):
        from headstart.features.pixel_module import PixelModule

        assert spec is not None
        return PixelModule(opened, spec), opened.card
    if isinstance(wanted, VideoInput):
        return _video_module(opened, spec), opened.card
    if isinstance(wanted, TextInput):
        from headstart.features.token_module import TokenModule

        inner = TokenModule(opened, wanted.pooling)
        return Windowed(inner, n_axes=2, weigh=_n_tokens, is_normalised=wanted.is_normalised), opened.card
    if isinstance(wanted, AudioInput):
        from headstart.features.mel_module import MelModule

        return Windowed(MelModule(opened, "mean"), n_axes=3, weigh=_count, length_of=_Frames(wanted)), opened.card
    from headstart.features.wave_module import WaveModule

    length_of = None if wanted.is_filled_up else _count
    inner = WaveModule(opened, "mean")
    return Windowed(inner, n_axes=2, weigh=_count, length_of=length_of, is_normalised=wanted.is_normalised), opened.card


def _with_attention(
    module: nn.Module, blocks: Mapping[str, nn.Module], card: BackboneCard, resolution: int | None
) -> tuple[nn.Module, Mapping[str, nn.Module]]:
    """The module with a pooling that is learnt, and that pooling as its last block."""
    from headstart.training.attention_pooled import ATTENTION, AttentionPooled

    spec = EncoderSettings(resolution=resolution).spec(card)
    if not isinstance(card.input, ImageInput) or spec is None:
        raise InputError(f"FineTune needs pictures for pooling='attention', got {card.name!r}. Take pooling='mean'.")
    example = (torch.zeros((1, spec.height, spec.width, 3), dtype=torch.uint8),)
    pooled = AttentionPooled(module, blocks, example)
    return pooled, {**blocks, ATTENTION: pooled.attention}


def _video_module(opened: OpenBackbone, spec: ImageInput | None) -> nn.Module:
    assert isinstance(opened.card.input, VideoInput), "only clips have frames"
    assert spec is not None, "frames have pixels"
    if opened.card.input.is_joint:
        from headstart.features.clip_module import ClipModule

        return ClipModule(opened, spec)
    from headstart.features.pixel_module import PixelModule

    return Windowed(PixelModule(opened, spec), n_axes=4, is_in_order=opened.card.steps > 1)


def _innermost(module: nn.Module) -> nn.Module:
    """The backbone's own module, without normalisation and windows."""
    inner: nn.Module = module.inner if isinstance(module, Windowed) else module
    found: nn.Module = inner.module  # type: ignore[assignment]
    return found


@final
class OwnModule(nn.Module):
    """What a module of the user's own gives, as (b, dim)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, examples: Tensor) -> Tensor:
        """(b, dim) features; positions are averaged."""
        found: Tensor = self.module(examples)
        if found.ndim == 3:  # (b, t, dim)
            return found.mean(1)
        return found.flatten(2).mean(2) if found.ndim > 3 else found.reshape(len(found), -1)


@final
class _Frames:
    """How many frames of a filled-up spectrogram belong to its window."""

    def __init__(self, spec: AudioInput) -> None:
        self._step = int(spec.step_seconds * spec.rate)
        self._state, self._hop = spec.hop * _FRAMES_A_STATE, spec.hop

    def __call__(self, windows: Inputs) -> Tensor:
        n_steps = -(-(windows[1] * self._state) // self._step)
        return n_steps * (self._step // self._hop)


def _n_tokens(windows: Inputs) -> Tensor:
    return windows[1].sum(1)


def _count(windows: Inputs) -> Tensor:
    return windows[1]


def _ready(backbone: Backbone, resolution: int | None) -> Any:
    from headstart.features.ready_backbone import make_ready

    return make_ready(backbone, EncoderSettings(resolution=resolution))


def _stacked(windows: Sequence[Any]) -> tuple[NDArray[Any], ...]:
    """(m, n_mels, frames) spectrograms, filled up at their ends, and (m,) how many states of each mean something."""
    contents = [window.content for window in windows]
    longest = max(content.shape[1] for content in contents)
    mels = np.zeros((len(contents), len(contents[0]), longest), dtype=np.float32)
    for place, content in enumerate(contents):
        mels[place, :, : content.shape[1]] = content
    return mels, np.array([window.weight for window in windows], dtype=np.int64)


def _clip_reader(ready: Any, examples: Sequence[Any], n_frames: int) -> ReadRow:
    from headstart.data.video_file import open_frames

    def read(row: int, epoch: int) -> NDArray[np.uint8]:
        return np.stack([prepare(frame, ready.spec) for frame in open_frames(examples[row], n_frames=n_frames)])

    return read


def _numbers_of(examples: Sequence[Any], row: int, epoch: int) -> NDArray[Any]:
    """An example of a module of one's own."""
    example = examples[row]
    array = np.asarray(example)
    if array.dtype == object or array.dtype.kind not in "biuf":
        raise InputError(
            f"an example of type {type(example).__name__} where the own module takes arrays of numbers. "
            "Tell own_backbone what its input is"
        )
    is_whole = array.dtype.kind in "iu" and array.dtype != np.uint8
    return np.ascontiguousarray(array, dtype=np.int64 if is_whole else np.float32)


@torch.no_grad()
def _redraw(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.requires_grad:
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
