"""Models of sound of Hugging Face Transformers: hub names that are cached, and local folders in the hub's layout.

Those that read samples (wav2vec 2.0, HuBERT, WavLM, UniSpeech, data2vec) give states, of which the mean is taken; AST
and CLAP's audio tower give one row a window, and make their spectrograms themselves. Whisper has a file of its own.
Code that comes with a model is never run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_folder import (
    PREFIX,
    card_folder,
    fetch,
    files_of_weights,
    folder_of,
    missing_files,
    with_weights,
)
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._sound_models import AST, CLAP, kind_of, sound_recipe, wrapped
from headstart.backbones._transformers_model import require_transformers, trained_model, untrained_model
from headstart.backbones._weights_file import WeightFile
from headstart.errors import InputError
from headstart.types import BackboneCard

if TYPE_CHECKING:
    from torch import nn

_NEEDED = ("transformers", "soundfile", "librosa")
_WORDS = {AST: "the pooled output", CLAP: "the pooled output of the audio tower"}


def cards() -> list[BackboneCard]:
    """None: nothing is embedded, and the cache is not searched."""
    return []


def find(name: str) -> BackboneCard | None:
    """The card of ``hf/ORGANISATION/NAME`` where its files are cached, or of a local folder; None for other names.

    Raises:
        MissingExtraError: it is a model of sound, and Transformers is not installed.
        InputError: the configuration makes no sense.
    """
    folder = folder_of(name)
    config = None if folder is None else read_config(folder)
    if folder is None or config is None or kind_of(config) is None:
        return None
    shown = name if name.startswith(PREFIX) else str(folder)
    who = f"Backbone {shown!r}"
    require_transformers(who, "audio")
    recipe, wanted = sound_recipe(folder, who)
    dim, parameters = _measure(recipe, who)
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=shown,
        modality="audio",
        dim=dim,
        provider="transformers_audio",
        licence=licence,
        commercial=commercial,
        pretraining=f"unknown; features: {_WORDS.get(recipe['model_type'], 'the mean over states')}",
        parameters=parameters,
        extra="audio",
        revision="local",
        input=wanted,
    )
    return card if find_weights(folder) is None else resolve(card)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights."""
    return with_weights(card, _fingerprint(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model: (n, samples) and (n,) samples that are no filling -> (n, t, dim), or (n, dim)."""
    from headstart.backbones._state_dict import read_tensors

    folder, who = card_folder(card), f"Backbone {card.name!r}"
    require_transformers(who, "audio")
    recipe, _ = sound_recipe(folder, who)
    if card.weights == "random":
        return _untrained(recipe)
    path = weights_in(folder)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    tensors = read_tensors(path, who)
    if recipe["model_type"] == CLAP:  # the rest of the model reads texts
        own = {name.removeprefix("audio_model."): tensor for name, tensor in tensors.items()}
        tensors = {name: tensor for name, tensor in own.items() if name.startswith("audio_encoder.")}
    return wrapped(recipe, trained_model(recipe["model_type"], recipe["settings"], tensors, path))


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of what :func:`saved_files` wrote ("config")."""
    require_transformers("A bundle", "audio")
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8")))


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(sound_recipe(card_folder(card), f"Backbone {card.name!r}")[0]).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in _NEEDED if find_spec(name) is None), None)
    return missing_files(card) if absent is None else f"{absent} is missing. Run: pip install 'headstart[audio]'"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    return f"{_fingerprint(card)}:transformers-{version('transformers')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it is not on this machine."""
    return files_of_weights(card)


def pull(card: BackboneCard) -> Path:
    """Fetch the files of a hub name into the hub's cache.

    Raises:
        MissingPathError: the hub cannot be reached.
    """
    return fetch(card)


def _untrained(recipe: Mapping[str, Any]) -> nn.Module:
    return wrapped(recipe, untrained_model(recipe["model_type"], recipe["settings"]))


def _measure(recipe: Mapping[str, Any], who: str) -> tuple[int, int]:
    """Width of the features and number of weights, without a single weight in memory."""
    import torch

    with torch.device("meta"):
        try:
            module: Any = _untrained(recipe)
        except Exception as error:  # a border: a configuration can be wrong in as many ways as there are models
            first = " ".join(str(error).split())[:200]
            raise InputError(
                f"{who} needs settings that its architecture takes, got others: {first}. Check config.json."
            ) from error
    return int(module.dim), sum(p.numel() for p in module.parameters())


def _fingerprint(card: BackboneCard) -> str:
    """The kind of model and, in short, its settings."""
    recipe, _ = sound_recipe(card_folder(card), f"Backbone {card.name!r}")
    return f"{recipe['model_type']}-{hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]}"
