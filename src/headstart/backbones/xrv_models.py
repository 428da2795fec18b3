"""Chest X-ray models of TorchXRayVision: ``xrv/densenet121-res224-all`` and its like, or a local folder.

Pictures become grey, from -1024 to 1024, as that package wants them. A folder holds one file of named tensors and
``config.json``: ``{"library": "torchxrayvision", "model": "densenet121"}`` (or ``"resnet50"``), ``"input_size": 224``
and ``"license"`` where they are known.

The published weights come under the package's licence, Apache-2.0; they were trained on collections of which several
(CheXpert, MIMIC-CXR, PadChest) are for research alone, so that the cards do not claim commercial use.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import is_offline
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, IntegrityError, MissingExtraError, MissingPathError, UnknownNameError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import Tensor, nn

_PREFIX = "xrv/"
_LIBRARY = "torchxrayvision"
_HALF = (0.5, 0.5, 0.5)
_SIZES = {"densenet121": (1024, 6947584), "resnet50": (2048, 23501760)}
"""Model -> features and weights."""
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class _Source:
    """Published weights: the model, the side it was trained at, the file in the package's cache, and the data."""

    model: str
    side: int
    file: str
    data: str


_END = "-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt"
_SOURCES = {
    "densenet121-res224-all": _Source(
        "densenet121", 224, "nih-pc-chex-mimic_ch-google-openi-kaggle" + _END, "seven collections of chest X-rays"
    ),
    "densenet121-res224-nih": _Source("densenet121", 224, "nih" + _END, "NIH ChestX-ray14"),
    "densenet121-res224-pc": _Source("densenet121", 224, "pc" + _END, "PadChest"),
    "densenet121-res224-chex": _Source("densenet121", 224, "chex" + _END, "CheXpert"),
    "densenet121-res224-rsna": _Source("densenet121", 224, "kaggle" + _END, "RSNA Pneumonia Challenge"),
    "densenet121-res224-mimic_nb": _Source("densenet121", 224, "mimic_nb" + _END, "MIMIC-CXR"),
    "densenet121-res224-mimic_ch": _Source("densenet121", 224, "mimic_ch" + _END, "MIMIC-CXR"),
    "resnet50-res512-all": _Source(
        "resnet50", 512, "pc-nih-rsna-siim-vin-resnet50-test512-e400-state.pt", "five collections of chest X-rays"
    ),
}


def cards() -> list[BackboneCard]:
    """None: see :func:`names`."""
    return []


def names() -> list[str]:
    """All published weights, ``xrv/`` before each; none without TorchXRayVision."""
    return [_PREFIX + name for name in _SOURCES] if find_spec(_LIBRARY) is not None else []


def find(name: str) -> BackboneCard | None:
    """The card of ``xrv/densenet121-res224-all`` or of a local folder; None for other names.

    Raises:
        MissingExtraError: the name says xrv, and TorchXRayVision is not installed.
        InputError: the folder's configuration makes no sense.
        UnknownNameError: the folder names another model.
    """
    if name.startswith(_PREFIX):
        source = _SOURCES.get(name.removeprefix(_PREFIX))
        if source is not None:
            _require(f"Backbone {name!r}")
        return None if source is None else _hub_card(name, source)
    folder = Path(name).expanduser()
    config = read_config(folder) if folder.is_dir() else None
    return None if config is None or config.get("library") != _LIBRARY else _folder_card(folder.resolve(), config)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights, which are fetched if need be."""
    return _with_weights(card, pull(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model without its classifier, with the conversion to grey inside."""
    from headstart.backbones._state_dict import load_exactly

    who = f"Backbone {card.name!r}"
    _require(who)
    module = _untrained(_model(card.name.removesuffix("@random")))
    if card.weights != "random":
        path = pull(card)
        WeightFile(path, card.sha256, card.size_bytes).check(who)
        load_exactly(module, _without_head(_tensors(path, who)), who)
    return module.eval()


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of what :func:`saved_files` wrote ("config")."""
    _require("A bundle")
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8"))["model"]).eval()


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps({"model": _model(card.name.removesuffix("@random"))}).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened without a network and what to do; "" when it is ready."""
    if find_spec(_LIBRARY) is None:
        return f"{_LIBRARY} is missing. Run: pip install 'headstart[medical]'"
    name = card.name.removesuffix("@random")
    if card.weights == "random" or _local(name) is not None:
        return ""
    if name.startswith(_PREFIX):
        return f"weights not on this machine. With a network: headstart backbones pull {name}"
    return f"no weights file. Save the tensors as model.safetensors in {name}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    model = _model(card.name.removesuffix("@random"))
    return f"xrv-{model}:{_LIBRARY}-{version(_LIBRARY)}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file, when it is on this machine."""
    path = None if card.weights == "random" else _local(card.name)
    return [] if path is None else [WeightFile(path, card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the weights into the package's own cache.

    Raises:
        MissingPathError: the server cannot be reached, or the folder has no weights.
    """
    name, who = card.name.removesuffix("@random"), f"Backbone {card.name!r}"
    path = _local(name)
    if path is not None:
        return path
    if not name.startswith(_PREFIX):
        return weights_in(Path(name))
    reason = "HF_HUB_OFFLINE is set"
    if not is_offline():
        reason = _fetch(name.removeprefix(_PREFIX))
        path = _local(name)
    if path is None:
        raise MissingPathError(
            f"{who} needs weights that are not on this machine, and its server is out of reach ({reason}). "
            f"Put {_SOURCES[name.removeprefix(_PREFIX)].file} into {str(_cache())!r}."
        )
    return path


def _fetch(weights: str) -> str:
    """Let the package fetch its weights; why it could not."""
    try:
        with redirect_stdout(StringIO()):
            _library().models.get_weights(weights)
    except Exception as error:  # a border: sockets and HTTP raise many kinds
        return type(error).__name__
    return "no file came"


def _library() -> Any:
    with warnings.catch_warnings():  # it silences all warnings of the process when it is imported
        import torchxrayvision
    return torchxrayvision


def _hub_card(name: str, source: _Source) -> BackboneCard:
    dim, parameters = _SIZES[source.model]
    card = BackboneCard(
        name=name,
        modality="image",
        dim=dim,
        provider="xrv_models",
        licence="Apache-2.0",
        commercial=False,
        pretraining=source.data,
        parameters=parameters,
        extra="medical",
        input=_pixels(source.side),
    )
    path = _local(name)
    return card if path is None else _with_weights(card, path)


def _folder_card(folder: Path, config: Mapping[str, Any]) -> BackboneCard:
    who = f"Backbone {str(folder)!r}"
    _require(who)
    dim, parameters = _SIZES[_model(str(folder))]
    side = config.get("input_size", 224)
    if not isinstance(side, int) or not 32 <= side <= _LARGEST_SIDE:
        raise InputError(f"{who} needs input_size from 32 to {_LARGEST_SIDE}, got {side!r}. Correct config.json.")
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=str(folder),
        modality="image",
        dim=dim,
        provider="xrv_models",
        licence=licence,
        commercial=commercial,
        parameters=parameters,
        extra="medical",
        revision="local",
        input=_pixels(side),
    )
    path = _local(str(folder))
    return card if path is None else _with_weights(card, path)


def _pixels(side: int) -> ImageInput:
    """From -1 to 1; the largest square in the middle is taken."""
    return ImageInput(side, side, 1.0, "bilinear", _HALF, _HALF)


def _model(name: str) -> str:
    """The kind of model of published weights or of a folder."""
    if name.startswith(_PREFIX):
        return _SOURCES[name.removeprefix(_PREFIX)].model
    said = (read_config(Path(name)) or {}).get("model")
    if said not in _SIZES:
        raise UnknownNameError(f"Backbone {name!r}, model", str(said), _SIZES)
    return str(said)


def _untrained(model: str) -> nn.Module:
    import torchvision
    from torch import nn

    from headstart.backbones._untrained import fixed_seed
    from headstart.backbones._xray_module import XrayFeatures

    with fixed_seed():
        if model == "densenet121":
            made = _library().models.DenseNet()
            made.classifier = nn.Identity()
        else:
            made = torchvision.models.resnet50(weights=None)
            made.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
            made.fc = nn.Identity()
    return XrayFeatures(made)


def _tensors(path: Path, who: str) -> dict[str, Tensor]:
    """Named tensors; of a whole model saved by the package, those of its known layers.

    Raises:
        IntegrityError: there is anything else in the file.
    """
    import torch
    from torch import nn

    from headstart.backbones._state_dict import read_tensors

    if path.suffix == ".safetensors":
        return read_tensors(path, who)
    models = _library().models
    ours = [models.DenseNet, models._DenseBlock, models._DenseLayer, models._Transition]
    layers = [nn.Sequential, nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Linear, set]
    try:
        # Only these layers are made of what is in the file; their tensors are listed, and no code of theirs is called.
        with torch.serialization.safe_globals([*ours, *layers]):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a border: torch raises many kinds for a damaged or hostile file
        raise IntegrityError(
            f"{who} needs a file with tensors only, got {str(path)!r} ({type(error).__name__}). "
            "Get the weights again, best as safetensors."
        ) from error
    found = _listed(loaded) if isinstance(loaded, models.DenseNet) else loaded
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise IntegrityError(f"{who} needs a file with named tensors, got {str(path)!r}. Save a plain state_dict.")
    return dict(found)


def _listed(module: nn.Module) -> dict[str, Tensor]:
    """All tensors of a module, without its own code or hooks, and of files that older versions of torch wrote."""
    found: dict[str, Tensor] = {}
    todo: list[tuple[str, Any]] = [("", module)]
    while todo:
        prefix, part = todo.pop()
        state = vars(part)
        for kind in ("_parameters", "_buffers"):
            found |= {prefix + name: tensor for name, tensor in state[kind].items() if tensor is not None}
        todo += [(f"{prefix}{name}.", child) for name, child in state["_modules"].items() if child is not None]
    return {name: tensor.detach() for name, tensor in found.items()}


def _without_head(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Under this module's names, less the classifier and its thresholds."""
    plain = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    heads = ("classifier.", "fc.", "op_threshs")
    return {f"model.{name}": tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in plain.items() if not name.startswith(heads)}  # fmt: skip


def _cache() -> Path:
    return Path("~/.torchxrayvision/models_data").expanduser()


def _local(name: str) -> Path | None:
    if not name.startswith(_PREFIX):
        return find_weights(Path(name))
    path = _cache() / _SOURCES[name.removeprefix(_PREFIX)].file
    return path if path.is_file() else None


def _with_weights(card: BackboneCard, path: Path) -> BackboneCard:
    digest = sha256_of(path)
    model = _model(card.name.removesuffix("@random"))
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:xrv-{model}")


def _require(who: str) -> None:
    if find_spec(_LIBRARY) is None:
        raise MissingExtraError(who, _LIBRARY, "medical")
