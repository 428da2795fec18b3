"""Models of sound of Transformers: what each is built from, and what samples it wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._image_processor import read_processor
from headstart.backbones._local_folder import read_config
from headstart.backbones._transformers_model import settings_of
from headstart.errors import InputError
from headstart.types import WaveInput

if TYPE_CHECKING:
    from torch import nn

FILLED_UP = frozenset("hubert unispeech unispeech-sat wav2vec2 wavlm".split())
"""They read samples, and a clip's states stay what they are when silence behind it is masked."""
ALONE = frozenset("data2vec-audio wav2vec2-conformer".split())
"""They read samples too, but their convolutions between states reach into what is filled up."""
AST, CLAP = "audio-spectrogram-transformer", "clap_audio_model"
TOWERS = {"clap": CLAP}
"""``model_type`` of a model of sounds and texts -> that of its audio tower, which alone is opened."""
SOUND_MODELS = FILLED_UP | ALONE | {AST, CLAP}

WINDOW_SECONDS = 15
"""Of models that read samples: about what they were trained on."""
_AST_HOP, _AST_FRAME = 160, 400
_AST_MEAN, _AST_STD = -4.2677393, 4.5689974
_MOST_SECONDS, _MOST_FRAMES = 60, 10_000
_RATES = (4_000, 192_000)


def kind_of(config: Mapping[str, Any] | None) -> str | None:
    """The kind of model of sound, that of the tower for a model of sounds and texts; None for all others."""
    said = config.get("model_type") if config else None
    kind = TOWERS.get(said, said) if isinstance(said, str) else None
    return kind if kind in SOUND_MODELS else None


def sound_recipe(folder: Path, who: str) -> tuple[dict[str, Any], WaveInput]:
    """What the model is built from, as plain JSON, and the samples it wants.

    Raises:
        InputError: the configuration makes no sense.
    """
    config = read_config(folder) or {}
    kind = kind_of(config)
    settings = config.get("audio_config", {}) if config.get("model_type") in TOWERS else config
    if kind is None or not isinstance(settings, dict):
        raise InputError(f"{who} needs a model of sound in config.json, got another. Restore it.")
    said = read_processor(folder) or {}
    make = {AST: _ast_recipe, CLAP: _clap_recipe}.get(kind, _wave_recipe)
    try:
        reads, wanted = make(settings_of(settings), said, kind)
    except (TypeError, ValueError, KeyError, IndexError, ZeroDivisionError) as error:
        raise InputError(
            f"{who} needs sizes of its kind in config.json and preprocessor_config.json, got others ({error}). "
            "Check them."
        ) from error
    # What is masked at random in training is the gradient loop's business, not the model's.
    still = {} if kind in (AST, CLAP) else {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}
    return {"model_type": kind, "settings": settings_of(settings) | still, "reads": reads}, wanted


def wrapped(recipe: Mapping[str, Any], model: Any) -> nn.Module:
    """The model behind the one signature of backbones that take samples."""
    from headstart.backbones._sound_clips import ClapAudio, SpectrogramTransformer
    from headstart.backbones._wave_states import WaveStates

    kinds = {AST: SpectrogramTransformer, CLAP: ClapAudio}
    module: nn.Module = kinds.get(recipe["model_type"], WaveStates)(model, **recipe["reads"])
    return module.eval()


def _wave_recipe(settings: Mapping[str, Any], said: Mapping[str, Any], kind: str) -> tuple[dict[str, Any], WaveInput]:
    rate = _within(said.get("sampling_rate", 16_000), *_RATES)
    kernels = [_within(size, 1, 1024) for size in settings.get("conv_kernel", (10, 3, 3, 3, 3, 2, 2))]
    strides = [_within(size, 1, 1024) for size in settings.get("conv_stride", (5, 2, 2, 2, 2, 2, 2))]
    least = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        least = (least - 1) * stride + kernel
    is_filled_up = kind in FILLED_UP and not settings.get("add_adapter")
    reads = {"scales": bool(said.get("do_normalize", True)), "is_filled_up": is_filled_up}
    return reads, WaveInput(rate, WINDOW_SECONDS * rate, _within(least, 1, rate), is_filled_up)


def _ast_recipe(settings: Mapping[str, Any], said: Mapping[str, Any], kind: str) -> tuple[dict[str, Any], WaveInput]:
    frames = _within(settings.get("max_length", 1024), 1, _MOST_FRAMES)
    rate = _within(said.get("sampling_rate", 16_000), 16_000, 16_000)
    is_scaled = bool(said.get("do_normalize", True))
    mean = float(said.get("mean", _AST_MEAN)) if is_scaled else 0.0
    std = float(said.get("std", _AST_STD)) if is_scaled else 0.5
    if not std > 0:
        raise ValueError(f"std is {std}")
    return {"mean": mean, "std": std}, WaveInput(rate, _AST_FRAME + (frames - 1) * _AST_HOP, _AST_FRAME, True)


def _clap_recipe(settings: Mapping[str, Any], said: Mapping[str, Any], kind: str) -> tuple[dict[str, Any], WaveInput]:
    if said.get("padding", "repeatpad") != "repeatpad":
        raise ValueError(f"padding is {said['padding']!r}, not 'repeatpad'")
    rate = _within(said.get("sampling_rate", 48_000), *_RATES)
    window = _within(said.get("max_length_s", 10), 1, _MOST_SECONDS) * rate
    mel: dict[str, Any] = {
        "rate": rate,
        "n_fft": _within(said.get("fft_window_size", 1024), 16, 1 << 14),
        "n_mels": _within(said.get("feature_size", settings.get("num_mel_bins", 64)), 1, 1024),
        "fmin": float(said.get("frequency_min", 0)),
        "fmax": float(said.get("frequency_max", 14_000)),
    }
    if said.get("truncation", "fusion") == "fusion":
        mel |= {"htk": True, "norm": None}
    hop = _within(said.get("hop_length", 480), 1, 1 << 14)
    return {"window_samples": window, "hop": hop, "mel": mel}, WaveInput(rate, window, 1, True)


def _within(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or int(value) != value or not least <= value <= most:
        raise ValueError(f"{value!r} is not from {least} to {most}")
    return int(value)
