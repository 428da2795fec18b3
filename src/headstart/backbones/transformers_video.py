"""Models of video of Hugging Face Transformers: hub names that are cached, and local folders in the hub's layout.

VideoMAE, TimeSformer and ViViT. Frames are spread evenly over the clip, and go through the model together. Code that
comes with a model is never run.
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
from headstart.backbones._image_processor import processed_input, read_processor
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._transformers_model import (
    require_transformers,
    settings_of,
    trained_model,
    untrained_model,
)
from headstart.backbones._video_models import CLS, FRAMES, VIDEO_MODELS
from headstart.backbones._weights_file import WeightFile
from headstart.errors import InputError
from headstart.types import BackboneCard, VideoInput

if TYPE_CHECKING:
    from torch import nn

_SIDE, _LARGEST_SIDE, _MOST_FRAMES = 224, 4096, 256


def cards() -> list[BackboneCard]:
    """None: nothing is embedded, and the cache is not searched."""
    return []


def find(name: str) -> BackboneCard | None:
    """The card of ``hf/ORGANISATION/NAME`` where its files are cached, or of a local folder; None for other names.

    Raises:
        MissingExtraError: it is a model of video, and Transformers is not installed.
        InputError: the configuration makes no sense.
    """
    folder = folder_of(name)
    config = None if folder is None else read_config(folder)
    if folder is None or config is None or config.get("model_type") not in VIDEO_MODELS:
        return None
    shown = name if name.startswith(PREFIX) else str(folder)
    who = f"Backbone {shown!r}"
    require_transformers(who, "text")
    recipe, wanted = _recipe(folder, who)
    dim, parameters = _measure(recipe, wanted, who)
    licence, commercial = licence_of(config.get("license"))
    takes = "the class token" if recipe["takes"] == CLS else "the mean over states"
    card = BackboneCard(
        name=shown,
        modality="video",
        dim=dim,
        provider="transformers_video",
        licence=licence,
        commercial=commercial,
        pretraining=f"unknown; features: {takes}",
        parameters=parameters,
        extra="video",
        revision="local",
        input=wanted,
    )
    return card if find_weights(folder) is None else resolve(card)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights."""
    return with_weights(card, _fingerprint(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model: (n, t, 3, h, w) -> (n, dim)."""
    from headstart.backbones._state_dict import read_tensors

    folder, who = card_folder(card), f"Backbone {card.name!r}"
    require_transformers(who, "text")
    recipe, _ = _recipe(folder, who)
    if card.weights == "random":
        return _untrained(recipe)
    path = weights_in(folder)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    tensors = read_tensors(path, who)
    return _wrapped(recipe, trained_model(recipe["model_type"], recipe["settings"], tensors, path, **_built(recipe)))


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of what :func:`saved_files` wrote ("config")."""
    require_transformers("A bundle", "text")
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8")))


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(_recipe(card_folder(card), f"Backbone {card.name!r}")[0]).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    for package, extra in (("transformers", "text"), ("av", "video")):
        if find_spec(package) is None:
            return f"{package} is missing. Run: pip install 'headstart[{extra}]'"
    return missing_files(card)


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


def _recipe(folder: Path, who: str) -> tuple[dict[str, Any], VideoInput]:
    """What the model is built from, as plain JSON, and the frames it wants.

    Raises:
        InputError: the configuration makes no sense.
    """
    config = read_config(folder) or {}
    kind = config.get("model_type")
    if kind not in VIDEO_MODELS:
        raise InputError(f"{who} needs a model of video in config.json, got another. Restore it.")
    settings = settings_of(config)
    side, n_frames = settings.get("image_size", _SIDE), settings.get("num_frames", FRAMES[kind])
    side = side[0] if isinstance(side, list) and side else side
    for name, value, most in (("image_size", side, _LARGEST_SIDE), ("num_frames", n_frames, _MOST_FRAMES)):
        if not isinstance(value, int) or not 0 < value <= most:
            raise InputError(f"{who} needs {name} of at most {most}, got {value!r}. Correct config.json.")
    if settings.get("num_channels", 3) != 3:
        raise InputError(f"{who} needs three colour channels, got {settings['num_channels']!r}. Choose another.")
    said = read_processor(folder)
    if said is not None and kind == "vivit":
        # ViViT's processor has a name of its own for what brings pixels to -1..1, and does so unless told otherwise.
        said = {"rescale_factor": 1 / 127.5, "rescale_offset": said.get("offset", True), **said}
    processed = processed_input(said, side, who)
    image = processed.wanted
    if max(image.height, image.width) > _LARGEST_SIDE:
        raise InputError(f"{who} needs sides of at most {_LARGEST_SIDE}, got {image.height} x {image.width}.")
    recipe = {
        "model_type": kind,
        "settings": settings,
        "takes": VIDEO_MODELS[kind],
        "wants_blue_first": processed.wants_blue_first,
    }
    return recipe, VideoInput(n_frames, image, is_joint=True)


def _built(recipe: Mapping[str, Any]) -> dict[str, Any]:
    # ViViT's pooler would be a part that nothing trains, because the class token is taken.
    return {"add_pooling_layer": False} if recipe["model_type"] == "vivit" else {}


def _untrained(recipe: Mapping[str, Any]) -> nn.Module:
    return _wrapped(recipe, untrained_model(recipe["model_type"], recipe["settings"], **_built(recipe)))


def _wrapped(recipe: Mapping[str, Any], model: Any) -> nn.Module:
    from headstart.backbones._clip_features import ClipFeatures

    return ClipFeatures(model, recipe["takes"], wants_blue_first=recipe["wants_blue_first"]).eval()


def _measure(recipe: Mapping[str, Any], wanted: VideoInput, who: str) -> tuple[int, int]:
    """Width of the features and number of weights, without a single weight in memory."""
    import torch

    with torch.device("meta"), torch.inference_mode():
        try:
            module = _untrained(recipe)
            rows = module(torch.empty(1, wanted.n_frames, 3, wanted.image.height, wanted.image.width))  # (1, dim)
        except Exception as error:  # a border: a configuration can be wrong in as many ways as there are models
            first = " ".join(str(error).split())[:200]
            raise InputError(
                f"{who} needs settings that its architecture takes, got others: {first}. Check config.json."
            ) from error
    return int(rows.shape[1]), sum(p.numel() for p in module.parameters())


def _fingerprint(card: BackboneCard) -> str:
    """The kind of model and, in short, its settings."""
    recipe, _ = _recipe(card_folder(card), f"Backbone {card.name!r}")
    return f"{recipe['model_type']}-{hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]}"
