"""Every image model of keras.applications, through Keras 3 on its torch backend: by name, or from a local folder.

A folder holds ``model.weights.h5`` (``model.save_weights``) and ``config.json``::

    {"library": "keras", "architecture": "MobileNetV2", "model_args": {"alpha": 0.35},
     "include_top": false, "classes": 1000, "weights": "imagenet", "pretrained_cfg": {"input_size": [3, 96, 96]}}

All but the first two may be left out. ``include_top`` and ``classes`` say whether the saved model has its classifier,
``weights`` that training began from Keras' own weights: EfficientNetB0 to B7 scale their pixels otherwise then.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import is_offline
from headstart.backbones._keras_library import (
    build_model,
    copy_weights,
    import_keras,
    keras_folder,
    load_weights,
    plain_settings,
    wrong_backend,
)
from headstart.backbones._keras_models import MODELS
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import image_input, read_config
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, IntegrityError, MissingExtraError, MissingPathError, UnknownNameError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "keras/"
_ARGS = frozenset({"alpha", "depth_multiplier", "minimalistic"})
"""Arguments that change an architecture; all others either stand elsewhere in ``config.json`` or load something."""
_ROOTS = (0.229**0.5, 0.224**0.5, 0.225**0.5)
"""Keras' published EfficientNetB0 to B7 divide their pixels by these once more."""


def cards() -> list[BackboneCard]:
    """None: see :func:`names`."""
    return []


def names() -> list[str]:
    """All models, ``keras/`` before each; none without Keras."""
    return [_PREFIX + name for name in MODELS] if find_spec("keras") is not None else []


def find(name: str) -> BackboneCard | None:
    """The card of ``keras/ResNet50`` or of a local folder; None for other names.

    Raises:
        MissingExtraError: the name says keras, which is not installed.
        InputError: the folder's configuration makes no sense.
        UnknownNameError: the folder names an architecture that Keras does not have.
    """
    if name.startswith(_PREFIX):
        if name.removeprefix(_PREFIX) not in MODELS:
            return None
        if find_spec("keras") is None:
            raise MissingExtraError(f"Backbone {name!r}", "keras", "keras")
        return _hub_card(name)
    folder = Path(name).expanduser()
    config = read_config(folder) if folder.is_dir() else None
    return None if config is None or config.get("library") != "keras" else _folder_card(folder.resolve(), config)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights, which are fetched if need be."""
    return _with_weights(card, pull(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model without its classifier, averaged over positions; it moves and trains like any torch module."""
    recipe, who = _recipe(card), f"Backbone {card.name!r}"
    _require(who)
    path = None if card.weights == "random" else pull(card)
    if path is not None:
        WeightFile(path, card.sha256, card.size_bytes).check(who)
    return _build(recipe, path, who)


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of what :func:`saved_files` wrote ("config")."""
    return _build(json.loads(Path(files["config"]).read_text(encoding="utf-8")), None, "A bundle")


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(_recipe(card)).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened without a network and what to do; "" when it is ready."""
    absent = next((name for name in ("keras", "h5py") if find_spec(name) is None), None)
    if absent is not None:
        return f"{absent} is missing. Run: pip install 'headstart[keras]'"
    if named := wrong_backend():
        return f"Keras runs on {named!r} here. Set KERAS_BACKEND=torch before Keras is imported"
    name = card.name.removesuffix("@random")
    if card.weights == "random" or _local(name) is not None:
        return ""
    if name.startswith(_PREFIX):
        return f"weights not on this machine. With a network: headstart backbones pull {name}"
    return f"no weights file. Save them with model.save_weights({str(Path(name) / 'model.weights.h5')!r})"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    return f"{_fingerprint(card)}:keras-{version('keras')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file, when it is on this machine."""
    path = None if card.weights == "random" else _local(card.name)
    return [] if path is None else [WeightFile(path, card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the weights into Keras' cache, which compares them with the digest it knows.

    Raises:
        MissingPathError: the server cannot be reached, or the folder has no weights.
    """
    name, who = card.name.removesuffix("@random"), f"Backbone {card.name!r}"
    path = _local(name)
    if path is not None:
        return path
    if not name.startswith(_PREFIX):
        raise MissingPathError(f"{who} needs weights, got none in its folder. Save them there as model.weights.h5.")
    reason = "HF_HUB_OFFLINE is set"
    if not is_offline():
        reason = _fetch(name.removeprefix(_PREFIX), who)
        path = _local(name)
    if path is None:
        raise MissingPathError(
            f"{who} needs weights that are not on this machine, and Keras' server is out of reach ({reason}). "
            f"Put {MODELS[name.removeprefix(_PREFIX)].file} into {str(keras_folder())!r}."
        )
    return path


def _fetch(arch: str, who: str) -> str:
    """Let Keras fetch its weights; why it could not."""
    keras = import_keras(who)
    try:
        with plain_settings(keras), redirect_stdout(io.StringIO()):
            getattr(keras.applications, arch)(weights="imagenet", include_top=False)
    except Exception as error:  # a border: sockets, HTTP and the digest check raise many kinds
        return type(error).__name__
    return "no file came"


def _hub_card(name: str) -> BackboneCard:
    model = MODELS[name.removeprefix(_PREFIX)]
    licence, commercial = licence_of(model.licence if model.licence != "unknown" else None)
    card = BackboneCard(
        name=name,
        modality="image",
        dim=model.dim,
        provider="keras_applications",
        licence=licence,
        commercial=commercial,
        pretraining="ImageNet-1k",
        parameters=model.parameters,
        extra="keras",
        revision="imagenet",
        input=model.input,
    )
    path = _local(name)
    return card if path is None else _with_weights(card, path)


def _folder_card(folder: Path, config: Mapping[str, Any]) -> BackboneCard:
    who = f"Backbone {str(folder)!r}"
    recipe = _folder_recipe(config, who)
    _require(who)
    cfg = config.get("pretrained_cfg") or {}
    licence, commercial = licence_of(cfg.get("license"))
    dim, parameters = _measure(recipe, who)
    card = BackboneCard(
        name=str(folder),
        modality="image",
        dim=dim,
        provider="keras_applications",
        licence=licence,
        commercial=commercial,
        parameters=parameters,
        extra="keras",
        revision="local",
        input=_folder_input(recipe["architecture"], cfg, who),
    )
    path = _local(str(folder))
    return card if path is None else _with_weights(card, path)


def _folder_input(arch: str, cfg: Mapping[str, Any], who: str) -> ImageInput:
    published = MODELS[arch].input
    defaults = {"input_size": (3, published.height, published.width), "interpolation": "bilinear"}
    # Mean and deviation are part of the architecture, whatever the file says.
    wanted = image_input({**defaults, **cfg, "mean": (0.5,) * 3, "std": (0.5,) * 3}, who)
    return replace(wanted, mean=published.mean, std=published.std)


def _folder_recipe(config: Mapping[str, Any], who: str) -> dict[str, Any]:
    arch, args, cfg = config.get("architecture"), config.get("model_args") or {}, config.get("pretrained_cfg") or {}
    has_top, n_classes = config.get("include_top", False), config.get("classes", 1000)
    if not isinstance(arch, str) or not isinstance(args, dict) or not isinstance(cfg, dict):
        raise InputError(f"{who} needs architecture (a name), model_args and pretrained_cfg. Check config.json.")
    if arch not in MODELS:
        raise UnknownNameError(who, arch, MODELS)
    if refused := sorted(args.keys() - _ARGS):
        raise InputError(
            f"{who} needs model_args of {', '.join(sorted(_ARGS))}, got {refused}. Remove them from config.json."
        )
    if not isinstance(has_top, bool) or not isinstance(n_classes, int) or not 0 < n_classes < 1 << 20:
        raise InputError(f"{who} needs include_top (true or false) and classes (a number). Check config.json.")
    wanted = _folder_input(arch, cfg, who)
    is_published = config.get("weights") == "imagenet"
    return {
        "architecture": arch,
        "side": [wanted.height, wanted.width],
        "args": args,
        "classes": n_classes if has_top else None,
        "is_published": is_published,
    }


def _recipe(card: BackboneCard) -> dict[str, Any]:
    """What the model is built from."""
    name = card.name.removesuffix("@random")
    if not name.startswith(_PREFIX):
        return _folder_recipe(read_config(Path(name)) or {}, f"Backbone {name!r}")
    arch = name.removeprefix(_PREFIX)
    side = MODELS[arch].side
    return {"architecture": arch, "side": [side, side], "args": {}, "classes": None, "is_published": True}


def _build(recipe: Mapping[str, Any], path: Path | None, who: str) -> nn.Module:
    from headstart.backbones._keras_graph import KerasGraph
    from headstart.backbones._untrained import fixed_seed

    keras = import_keras(who)
    arch, side = recipe["architecture"], tuple(recipe["side"])
    with fixed_seed(), plain_settings(keras):
        model = build_model(keras, arch, side, recipe["args"], None)
        if path is not None and recipe["classes"] is None:
            load_weights(model, path, who)
        elif path is not None:
            whole = build_model(keras, arch, side, recipe["args"], recipe["classes"])
            load_weights(whole, path, who)
            copy_weights(whole, model, who)
        rescales = recipe["is_published"] and arch.startswith("EfficientNetB")
        module = KerasGraph(
            model,
            wants_blue_first=MODELS[arch].mode == "caffe",
            deviation_roots=_ROOTS if rescales else None,
        )
    return module.eval()


def _measure(recipe: Mapping[str, Any], who: str) -> tuple[int, int]:
    """Width of the pooled output and number of weights, without a single weight in memory."""
    keras = import_keras(who)
    with plain_settings(keras, "meta"):
        model = build_model(keras, recipe["architecture"], tuple(recipe["side"]), recipe["args"], None)
    return int(model.output_shape[1]), int(model.count_params())


def _local(name: str) -> Path | None:
    """The weights file in Keras' cache or in the folder.

    Raises:
        IntegrityError: the folder has a whole ``.keras`` model only, which may hold code.
    """
    if name.startswith(_PREFIX):
        path = keras_folder() / MODELS[name.removeprefix(_PREFIX)].file
        return path if path.is_file() else None
    folder = Path(name)
    if (folder / "model.weights.h5").is_file():
        return folder / "model.weights.h5"
    found = sorted(path for path in folder.iterdir() if path.suffix == ".h5" and path.is_file())
    if not found and any(path.suffix == ".keras" for path in folder.iterdir()):
        raise IntegrityError(
            f"Backbone {name!r} needs model.weights.h5, got a .keras archive, which may hold code. "
            "Save the weights alone with model.save_weights."
        )
    return found[0] if len(found) == 1 else None


def _with_weights(card: BackboneCard, path: Path) -> BackboneCard:
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{_fingerprint(card)}")


def _fingerprint(card: BackboneCard) -> str:
    """The architecture and, in short, how it is built."""
    recipe = _recipe(card)
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
    return f"keras-{recipe['architecture']}-{digest}"


def _require(who: str) -> None:
    for package in ("keras", "h5py"):
        if find_spec(package) is None:
            raise MissingExtraError(who, package, "keras")
