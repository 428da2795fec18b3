"""Image models of Hugging Face Transformers: hub names that are cached, and local folders in the hub's layout.

Of a model of pictures and texts (CLIP, SigLIP, AIMv2) the image tower is opened. What a picture's features are hangs
on the kind of model, and stands on the card behind ``pretraining``: the pooled output where the model documents one
(CLIP, SigLIP, ConvNeXt, DINOv2 and 3, Swin, ResNet ...), the state of the class token (ViT, DeiT, BEiT), else the mean
over all positions (SegFormer, PVT, I-JEPA ...). Code that comes with a model is never run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import cached_hub_file, fetch_hub_file
from headstart.backbones._image_processor import processed_input, read_processor
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._vision_models import CLS, MEAN, POOLER, TOWERS, VISION_MODELS
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, IntegrityError, MissingExtraError, MissingPathError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "hf/"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_SIDE, _LARGEST_SIDE = 224, 4096
_WORDS = {POOLER: "the pooled output", CLS: "the class token", MEAN: "the mean over positions"}
_NOT_SETTINGS = frozenset({"auto_map", "_name_or_path", "architectures", "custom_pipelines", "model_type"})
"""What a configuration says beyond the architecture; names of other code are never followed."""


def cards() -> list[BackboneCard]:
    """None: nothing is embedded, and the cache is not searched."""
    return []


def find(name: str) -> BackboneCard | None:
    """The card of ``hf/ORGANISATION/NAME`` where its files are cached, or of a local folder; None for other names.

    Raises:
        MissingExtraError: it is an image model, and Transformers is not installed.
        InputError: the configuration makes no sense.
    """
    folder = _folder_of(name)
    config = None if folder is None else read_config(folder)
    if folder is None or config is None or _kind(config) is None:
        return None
    shown = name if name.startswith(_PREFIX) else str(folder)
    who = f"Backbone {shown!r}"
    _require(who)
    recipe, wanted = _recipe(folder, who)
    dim, parameters = _measure(recipe, wanted, who)
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=shown,
        modality="image",
        dim=dim,
        provider="transformers_vision",
        licence=licence,
        commercial=commercial,
        pretraining=f"unknown; features: {_WORDS[recipe['takes']]}",
        parameters=parameters,
        extra="text",
        revision="local",
        input=wanted,
    )
    return card if find_weights(folder) is None else resolve(card)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights."""
    path = weights_in(_folder(card))
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{_fingerprint(card)}")


def open_module(card: BackboneCard) -> nn.Module:
    """The image model: (n, 3, h, w) -> (n, dim)."""
    folder, who = _folder(card), f"Backbone {card.name!r}"
    _require(who)
    recipe, _ = _recipe(folder, who)
    if card.weights == "random":
        return _untrained(recipe)
    path = weights_in(folder)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    return _trained(recipe, path, who)


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of what :func:`saved_files` wrote ("config")."""
    _require("A bundle")
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8")))


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(_recipe(_folder(card), f"Backbone {card.name!r}")[0]).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    if find_spec("transformers") is None:
        return "transformers is missing. Run: pip install 'headstart[text]'"
    folder = _folder_of(card.name.removesuffix("@random"))
    if folder is None:
        return f"its files are not on this machine. With a network: headstart backbones pull {card.name}"
    if card.weights == "random" or find_weights(folder) is not None:
        return ""
    if card.name.startswith(_PREFIX):
        return f"weights not on this machine. With a network: headstart backbones pull {card.name}"
    return f"no weights file. Save the tensors as model.safetensors in {folder}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    return f"{_fingerprint(card)}:transformers-{version('transformers')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it is not on this machine."""
    if card.weights == "random" or missing(card):
        return []
    return [WeightFile(weights_in(_folder(card)), card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the files of a hub name into the hub's cache.

    Raises:
        MissingPathError: the hub cannot be reached.
    """
    return fetch(card.name) if card.name.startswith(_PREFIX) else weights_in(_folder(card))


def fetch(name: str) -> Path:
    """Fetch what ``hf/ORGANISATION/NAME`` needs; a name that was never fetched has no card yet."""
    repo, who = name.removeprefix(_PREFIX), f"Backbone {name!r}"
    config = fetch_hub_file(repo, ("config.json",), who)
    if cached_hub_file(repo, _WEIGHTS) is None:
        try:
            fetch_hub_file(repo, ("preprocessor_config.json",), who)
        except MissingPathError:
            pass  # ImageNet's statistics are taken then
    fetch_hub_file(repo, _WEIGHTS, who)
    return config.parent


def _folder_of(name: str) -> Path | None:
    """Where the configuration of a hub name or a folder lies."""
    if not name.startswith(_PREFIX):
        folder = Path(name).expanduser()
        return folder.resolve() if folder.is_dir() else None
    if find_spec("huggingface_hub") is None:
        return None
    path = cached_hub_file(name.removeprefix(_PREFIX), ("config.json",))
    return None if path is None else path.parent


def _folder(card: BackboneCard) -> Path:
    name = card.name.removesuffix("@random")
    folder = _folder_of(name)
    if folder is None:
        raise MissingPathError(
            f"Backbone {name!r} needs its files, got none on this machine. Run: headstart backbones pull {name}"
        )
    return folder


def _kind(config: Mapping[str, Any]) -> str | None:
    """The kind of image model, that of the tower for a model of pictures and texts; None for all others."""
    said = config.get("model_type")
    if not isinstance(said, str):
        return None
    kind = TOWERS.get(said, said)
    return kind if kind in VISION_MODELS else None


def _recipe(folder: Path, who: str) -> tuple[dict[str, Any], ImageInput]:
    """What the model is built from, and the pixels it wants.

    Raises:
        InputError: the configuration makes no sense.
    """
    config = read_config(folder) or {}
    kind = _kind(config)
    settings = config.get("vision_config", {}) if config.get("model_type") in TOWERS else config
    if kind is None or not isinstance(settings, dict):
        raise InputError(f"{who} needs an image model in config.json, got another. Restore it.")
    settings = {key: value for key, value in settings.items() if key not in _NOT_SETTINGS}
    side = settings.get("image_size", _SIDE)
    side = side[0] if isinstance(side, list) and side else side
    if not isinstance(side, int) or not 0 < side <= _LARGEST_SIDE:
        raise InputError(f"{who} needs an image_size of at most {_LARGEST_SIDE}, got {side!r}. Correct config.json.")
    if settings.get("num_channels", 3) != 3:
        raise InputError(f"{who} needs three colour channels, got {settings['num_channels']!r}. Choose another.")
    processed = processed_input(read_processor(folder), side, who)
    wanted = processed.wanted
    if max(wanted.height, wanted.width) > _LARGEST_SIDE:
        raise InputError(f"{who} needs sides of at most {_LARGEST_SIDE}, got {wanted.height} x {wanted.width}.")
    recipe = {
        "model_type": kind,
        "settings": settings,
        "takes": VISION_MODELS[kind],
        "wants_blue_first": processed.wants_blue_first,
    }
    return recipe, wanted


def _model_class(recipe: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """Transformers' own class of the model, its configuration, and how it is built."""
    from transformers import MODEL_MAPPING, AutoConfig

    config = AutoConfig.for_model(recipe["model_type"], **recipe["settings"])
    model_class = MODEL_MAPPING[type(config)]
    # The poolers of those whose class token is taken would be parts that nothing trains.
    names = model_class.__init__.__code__.co_varnames
    return model_class, config, {"add_pooling_layer": False} if "add_pooling_layer" in names and _is_cls(recipe) else {}


def _is_cls(recipe: Mapping[str, Any]) -> bool:
    return bool(recipe["takes"] == CLS)


def _untrained(recipe: Mapping[str, Any]) -> nn.Module:
    from headstart.backbones._untrained import fixed_seed
    from headstart.backbones._vision_features import VisionFeatures

    with fixed_seed(), _quiet_transformers():
        model_class, config, settings = _model_class(recipe)
        model = model_class._from_config(config, attn_implementation="eager", **settings)
    return VisionFeatures(model.float(), recipe["takes"], wants_blue_first=recipe["wants_blue_first"]).eval()


def _trained(recipe: Mapping[str, Any], path: Path, who: str) -> nn.Module:
    """The model with the tensors of a file, which are read here: Transformers would also read other files."""
    from headstart.backbones._state_dict import read_tensors
    from headstart.backbones._untrained import fixed_seed
    from headstart.backbones._vision_features import VisionFeatures

    tensors = read_tensors(path, who)
    with fixed_seed(), _quiet_transformers():
        model_class, config, settings = _model_class(recipe)
        try:
            model, told = model_class.from_pretrained(
                None,
                config=config,
                state_dict=tensors,
                output_loading_info=True,
                attn_implementation="eager",
                dtype="float32",
                **settings,
            )
        except (RuntimeError, ValueError, KeyError) as error:
            first = " ".join(str(error).split())[:200]
            raise IntegrityError(
                f"{who} needs weights of its architecture, got others in {str(path)!r}: {first}. Check the file."
            ) from error
    lacking = sorted(told["missing_keys"]) + sorted(str(key) for key in told["mismatched_keys"])
    if lacking:
        raise IntegrityError(
            f"{who} needs all weights of its architecture, got a file without {len(lacking)} of them "
            f"({', '.join(lacking[:2])}). Check the file."
        )
    return VisionFeatures(model, recipe["takes"], wants_blue_first=recipe["wants_blue_first"]).eval()


def _measure(recipe: Mapping[str, Any], wanted: ImageInput, who: str) -> tuple[int, int]:
    """Width of the features and number of weights, without a single weight in memory."""
    import torch

    with torch.device("meta"), torch.inference_mode():
        try:
            module = _untrained(recipe)
            rows = module(torch.empty(1, 3, wanted.height, wanted.width))  # (1, dim)
        except Exception as error:  # a border: a configuration can be wrong in as many ways as there are models
            first = " ".join(str(error).split())[:200]
            raise InputError(
                f"{who} needs settings that its architecture takes, got others: {first}. Check config.json."
            ) from error
    return int(rows.shape[1]), sum(p.numel() for p in module.parameters())


def _fingerprint(card: BackboneCard) -> str:
    """The kind of model and, in short, its settings."""
    recipe, _ = _recipe(_folder(card), f"Backbone {card.name!r}")
    return f"{recipe['model_type']}-{hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]}"


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without its bars and advice, which are as they were afterwards."""
    from transformers.utils import logging

    level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()


def _require(who: str) -> None:
    if find_spec("transformers") is None:
        raise MissingExtraError(who, "transformers", "text")
