"""Any ONNX image model as a frozen backbone: a file, or a folder with ``model.onnx``.

Beside it may lie ``preprocessor_config.json`` in the hub's layout, which says what pixels it wants (else ImageNet's
statistics are taken), and ``config.json`` with any of these::

    {"output": "last_hidden_state", "pooling": "cls", "layout": "nhwc", "license": "mit"}

``output`` names what is taken (else the only output, or the one called like features), ``pooling`` what is done with
tokens: "cls" or "mean". Positions of a feature map are averaged. onnxruntime computes on the processor; nothing can
be trained, and no gradient reaches the pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._image_processor import processed_input, read_processor
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import read_config
from headstart.backbones._vision_models import CLS, VISION_MODELS
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, MissingExtraError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_NAME = "model.onnx"
_OTHER_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.weights.h5",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Of a folder with one of these the graph is an export; the weights themselves can be trained."""
_SIDE = 224
_LARGEST_SIDE = 4096
_FEATURES = ("pooler_output", "image_embeds", "last_hidden_state")
"""Outputs that are taken before others where there are several."""


def cards() -> list[BackboneCard]:
    """None: an ONNX model lies in a file of the user's."""
    return []


def find(name: str) -> BackboneCard | None:
    """The card of an ONNX file, or of a folder with ``model.onnx`` and no other weights; None for other names.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
        InputError: the graph takes no pictures, or a file beside it makes no sense.
        IntegrityError: the model is damaged, or needs what lies outside of its folder.
    """
    path = _model_file(Path(name).expanduser())
    if path is None:
        return None
    who = f"Backbone {name!r}"
    _require(who)
    path = path.resolve()
    folder = path.parent
    config = _config(path)
    from headstart.backbones._onnx_file import read_graph

    recipe, wanted, dim = _described(read_graph(path, who), folder, config, who)
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=str(folder if path.name == _NAME else path),
        modality="image",
        dim=dim or 1,
        provider="onnx_models",
        licence=licence,
        commercial=commercial,
        extra="fast",
        revision="local",
        input=wanted,
    )
    return resolve(card if dim else replace(card, dim=_measured(path, recipe, wanted, who)))


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of the model, and of what lies beside it."""
    from headstart.backbones._onnx_file import external_files

    path = _path(card)
    digest = sha256_of(path)
    beside = hashlib.sha256(json.dumps(_config(path), sort_keys=True).encode())
    for file in external_files(path):
        beside.update(sha256_of(file).encode())
    return replace(
        card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{beside.hexdigest()[:12]}"
    )


def open_module(card: BackboneCard) -> nn.Module:
    """The graph in onnxruntime: (n, 3, h, w) -> (n, dim), without a gradient."""
    from headstart.backbones._onnx_file import read_graph
    from headstart.backbones._onnx_module import OnnxModule

    path, who = _path(card), f"Backbone {card.name!r}"
    _require(who)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    model = read_graph(path, who)
    recipe, _, _ = _described(model, path.parent, _config(path), who)
    content = model.SerializeToString()
    return OnnxModule({**recipe, "bytes": len(content)}, content).eval()


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the graph, which is a tensor of bytes among the weights."""
    from headstart.backbones._onnx_file import read_graph

    path, who = _path(card), f"Backbone {card.name!r}"
    model = read_graph(path, who)
    recipe, _, _ = _described(model, path.parent, _config(path), who)
    return {"config": json.dumps({**recipe, "bytes": len(model.SerializeToString())}).encode()}


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """Room for the graph, of what :func:`saved_files` wrote ("config")."""
    from headstart.backbones._onnx_module import OnnxModule

    _require("A bundle")
    return OnnxModule(json.loads(Path(files["config"]).read_text(encoding="utf-8"))).eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in ("onnx", "onnxruntime") if find_spec(name) is None), None)
    if absent is not None:
        return f"{absent} is missing. Run: pip install 'headstart[fast]'"
    return "" if _model_file(Path(card.name)) else f"no model. Put {_NAME} into {card.name}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The model file; weights that it keeps in other files count into the ``weights_id``."""
    path = _model_file(Path(card.name))
    return [] if path is None else [WeightFile(path, card.sha256, card.size_bytes)]


def _model_file(given: Path) -> Path | None:
    if given.suffix == ".onnx" and given.is_file():
        return given
    path = given / _NAME
    return path if path.is_file() and not any((given / name).is_file() for name in _OTHER_WEIGHTS) else None


def _path(card: BackboneCard) -> Path:
    path = _model_file(Path(card.name))
    if path is None:
        raise InputError(f"Backbone {card.name!r} needs {_NAME}, got a folder without. Restore it.")
    return path


def _config(path: Path) -> dict[str, Any]:
    """What lies beside the model and says how it is used."""
    return {**(read_config(path.parent) or {}), "processor": read_processor(path.parent)}


def _described(
    model: Any, folder: Path, config: Mapping[str, Any], who: str
) -> tuple[dict[str, Any], ImageInput, int | None]:
    """How the graph is run, the pixels it wants, and the width of its features where the graph says."""
    from headstart.backbones._onnx_file import only_input, shape_of

    entry = only_input(model, who)
    shape = shape_of(entry)
    kind = {1: False, 10: True}.get(entry.type.tensor_type.elem_type)
    if len(shape) != 4 or kind is None:
        raise InputError(f"{who} needs pixels as four-dimensional floats, got {entry.name} of {shape}. Use another.")
    is_last = _has_channels_last(shape, config, who)
    height, width = (shape[1], shape[2]) if is_last else (shape[2], shape[3])
    if max(height or 1, width or 1) > _LARGEST_SIDE:
        raise InputError(f"{who} needs sides of at most {_LARGEST_SIDE} pixels, got {height} x {width}. Use another.")
    output = _output(model, config, who)
    pooling = config.get("pooling") or ("cls" if VISION_MODELS.get(str(config.get("model_type"))) == CLS else "mean")
    if pooling not in ("cls", "mean"):
        raise InputError(f"{who} needs pooling 'cls' or 'mean', got {pooling!r}. Correct config.json.")
    processed = processed_input(config["processor"], _SIDE, who)
    if processed.wants_blue_first:
        raise InputError(f"{who} needs red first, got do_flip_channel_order. Put the exchange into the graph.")
    wanted = replace(processed.wanted, height=height or processed.wanted.height, width=width or processed.wanted.width)
    recipe = {
        "input": entry.name,
        "output": output.name,
        "is_half": kind,
        "has_channels_last": is_last,
        "batch": shape[0],
        "pooling": pooling,
    }
    return recipe, wanted, _width(shape_of(output), is_last)


def _has_channels_last(shape: list[int | None], config: Mapping[str, Any], who: str) -> bool:
    said = config.get("layout")
    if said not in (None, "nchw", "nhwc"):
        raise InputError(f"{who} needs layout 'nchw' or 'nhwc', got {said!r}. Correct config.json.")
    fits = {"nchw": shape[1] in (3, None), "nhwc": shape[3] in (3, None)}
    sure = {"nchw": shape[1] == 3, "nhwc": shape[3] == 3}
    found = said or next((layout for layout, is_sure in sure.items() if is_sure), None)
    if found is None or not fits[found]:
        raise InputError(f"{who} needs three colour channels, got an input of {shape}. Say layout in config.json.")
    return bool(found == "nhwc")


def _output(model: Any, config: Mapping[str, Any], who: str) -> Any:
    found = {entry.name: entry for entry in model.graph.output}
    asked = config.get("output")
    if asked is not None and asked not in found:
        raise InputError(f"{who} needs an output of {sorted(found)[:6]}, got {asked!r}. Correct config.json.")
    name = asked or next((name for name in _FEATURES if name in found), next(iter(found)))
    return found[name]


def _width(shape: list[int | None], is_last: bool) -> int | None:
    """Pooled features, of the shape of an output; None where the graph leaves it open."""
    if len(shape) == 4:
        return shape[3] if is_last else shape[1]
    return shape[-1] if len(shape) in (2, 3) else None


def _measured(path: Path, recipe: Mapping[str, Any], wanted: ImageInput, who: str) -> int:
    """The width of the features of one black picture."""
    import torch

    from headstart.backbones._onnx_file import read_graph
    from headstart.backbones._onnx_module import OnnxModule

    content = read_graph(path, who).SerializeToString()
    module = OnnxModule({**recipe, "bytes": len(content)}, content)
    return int(module(torch.zeros(1, 3, wanted.height, wanted.width)).shape[1])


def _require(who: str) -> None:
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(who, package, "fast")
