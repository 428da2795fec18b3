"""Every torchvision classifier: by name with its published weights, or from a local folder."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import fetch_torch_file, torch_hub_path
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, image_input, read_config, weights_in
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, MissingExtraError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import Tensor, nn

_PREFIX = "torchvision/"

_HEADS = ("fc", "classifier", "head", "heads")
"""What torchvision calls the classifier of a model."""

_AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Classifiers that GoogLeNet and Inception use in their first training only."""


def cards() -> list[BackboneCard]:
    """None: torchvision is not imported to list what is there. See :func:`names`."""
    return []


def names() -> list[str]:
    """All classifiers, ``torchvision/`` before each; none without torchvision."""
    return [_PREFIX + name for name in _architectures()] if find_spec("torchvision") is not None else []


def find(name: str) -> BackboneCard | None:
    """The card of ``torchvision/resnet50``, ``torchvision/resnet50.imagenet1k_v1`` or a local folder; None for others.

    Raises:
        MissingExtraError: the name says torchvision, which is not installed.
        InputError: the folder's configuration makes no sense.
    """
    named = name.startswith(_PREFIX)
    if find_spec("torchvision") is None:
        if named:
            raise MissingExtraError(f"Backbone {name!r}", "torchvision", "image")
        return None
    if not named:
        return _folder_card(Path(name).expanduser())
    weights = _published(name)
    return None if weights is None else _hub_card(name, weights)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights, which are fetched if need be."""
    return _with_weights(card, pull(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model without its classifier."""
    from headstart.backbones._state_dict import load_exactly, read_tensors
    from headstart.backbones._untrained import fixed_seed

    who = f"Backbone {card.name!r}"
    arch = _architecture(card)
    is_random = card.weights == "random"
    with fixed_seed():
        module, head = _build(arch, is_trained=not is_random)
    if not is_random:
        path = pull(card)
        WeightFile(path, card.sha256, card.size_bytes).check(who)
        load_exactly(module, _without_head(read_tensors(path, who), head), who)
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened without a network and what to do; "" when it is ready."""
    if find_spec("torchvision") is None:
        return "torchvision is missing. Run: pip install 'headstart[image]'"
    if card.weights == "random" or _local(card) is not None:
        return ""
    return f"weights not on this machine. With a network: headstart backbones pull {card.name}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library version that initialises it."""
    return f"{_architecture(card)}:torchvision-{version('torchvision')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file, when it is on this machine."""
    path = None if card.weights == "random" else _local(card)
    return [] if path is None else [WeightFile(path)]


def pull(card: BackboneCard) -> Path:
    """Fetch the weights into torch's cache.

    Raises:
        MissingPathError: the server cannot be reached.
    """
    name = card.name.removesuffix("@random")
    if not name.startswith(_PREFIX):
        return weights_in(Path(name))
    return fetch_torch_file(_published(name).url, f"Backbone {card.name!r}")


def _architectures() -> list[str]:
    from torchvision import models

    found: list[str] = models.list_models(module=models)
    return found


def _published(name: str) -> Any:
    """The weights entry of ``torchvision/arch`` or ``torchvision/arch.tag``, or None."""
    from torchvision import models

    arch, _, tag = name.removeprefix(_PREFIX).partition(".")
    if arch not in _architectures():
        return None
    entries = models.get_model_weights(arch)
    if not tag:
        return entries.DEFAULT
    return next((entry for entry in entries if entry.name.lower() == tag.lower()), None)


def _hub_card(name: str, weights: Any) -> BackboneCard:
    arch = name.removeprefix(_PREFIX).partition(".")[0]
    given = weights.transforms()
    height = given.crop_size[0]
    wanted = ImageInput(
        height,
        height,
        min(1.0, height / given.resize_size[0]),
        "bicubic" if given.interpolation.value == "bicubic" else "bilinear",
        tuple(given.mean),
        tuple(given.std),
    )
    dim, parameters = _measure(arch, wanted)
    card = BackboneCard(
        name=f"{_PREFIX}{arch}.{weights.name.lower()}",
        modality="image",
        dim=dim,
        provider="torchvision_models",
        pretraining="ImageNet-1k",
        parameters=parameters,
        revision=weights.name,
        input=wanted,
    )
    path = _local(card)
    return card if path is None else _with_weights(card, path)


def _folder_card(folder: Path) -> BackboneCard | None:
    if not folder.is_dir():
        return None
    config = read_config(folder)
    arch = _folder_architecture(folder)
    if arch is None:
        return None
    folder = folder.resolve()
    cfg = (config or {}).get("pretrained_cfg") or {"interpolation": "bilinear"}
    who = f"Backbone {str(folder)!r}"
    if not isinstance(cfg, dict):
        raise InputError(f"{who} needs an object as pretrained_cfg, got {cfg!r:.100}. Check config.json.")
    wanted = image_input(cfg, who)
    dim, parameters = _measure(arch, wanted)
    licence, commercial = licence_of(cfg.get("license"))
    card = BackboneCard(
        name=str(folder),
        modality="image",
        dim=dim,
        provider="torchvision_models",
        licence=licence,
        commercial=commercial,
        parameters=parameters,
        revision="local",
        input=wanted,
    )
    path = find_weights(folder)
    return card if path is None else _with_weights(card, path)


def _folder_architecture(folder: Path) -> str | None:
    """From ``config.json``, or, without one, from a file name such as ``resnet18-f37072fd.pth``; None if not ours."""
    config = read_config(folder)
    if config is None:
        path = find_weights(folder)
        arch = "" if path is None else path.stem.partition("-")[0]
        return arch if arch in _architectures() else None
    if config.get("library") != "torchvision":
        return None
    if config.get("architecture") not in _architectures():
        raise InputError(
            f"Backbone {str(folder)!r} needs a torchvision classifier, got {config.get('architecture')!r}. "
            "Correct architecture in config.json."
        )
    return str(config["architecture"])


def _architecture(card: BackboneCard) -> str:
    name = card.name.removesuffix("@random")
    if name.startswith(_PREFIX):
        return name.removeprefix(_PREFIX).partition(".")[0]
    arch = _folder_architecture(Path(name))
    if arch is None:
        raise InputError(f"Backbone {name!r} needs a folder with config.json and weights, got another. Restore it.")
    return arch


def _build(arch: str, *, is_trained: bool) -> tuple[nn.Module, str]:
    """The untrained model without its classifier, and where that was; ``is_trained``: as trained weights want it."""
    from torchvision import models

    settings: dict[str, Any] = {}
    if arch in ("googlenet", "inception_v3"):
        # Their published weights want inputs rescaled inside the model; their slow initialisation is then in vain.
        settings = {"aux_logits": False, "transform_input": is_trained, "init_weights": not is_trained}
    module: nn.Module = models.get_model(arch, weights=None, **settings)
    return module, _cut_head(module)


def _cut_head(module: nn.Module) -> str:
    from torch import nn

    head = next(name for name in _HEADS if hasattr(module, name))
    ends = (nn.Linear, nn.Conv2d)
    last: str = [name for name, part in module.named_modules() if _is_in(name, head) and isinstance(part, ends)][-1]
    parent, _, leaf = last.rpartition(".")
    setattr(module.get_submodule(parent), leaf, nn.Identity())
    return last


def _is_in(name: str, head: str) -> bool:
    return name == head or name.startswith(head + ".")


def _without_head(tensors: dict[str, Tensor], head: str) -> dict[str, Tensor]:
    """The tensors less those of the classifiers; others that do not belong stay, and loading refuses them."""
    return {key: value for key, value in tensors.items() if not key.startswith((f"{head}.", *_AUXILIARY))}


def _measure(arch: str, wanted: ImageInput) -> tuple[int, int]:
    """Width of the pooled output and number of weights."""
    import torch

    from headstart.backbones._untrained import fixed_seed

    shape = (1, 3, wanted.height, wanted.width)
    with torch.inference_mode():
        try:
            with torch.device("meta"):
                module = _build(arch, is_trained=True)[0].eval()
                pooled = module(torch.empty(shape))  # (1, dim)
        except NotImplementedError:  # a few (RegNet) compute settings with tensors, which need memory
            with fixed_seed():
                module = _build(arch, is_trained=True)[0].eval()
            pooled = module(torch.zeros(shape))
    return int(pooled.shape[1]), sum(p.numel() for p in module.parameters())


def _with_weights(card: BackboneCard, path: Path) -> BackboneCard:
    digest = sha256_of(path)
    return replace(
        card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:torchvision-{_architecture(card)}"
    )


def _local(card: BackboneCard) -> Path | None:
    name = card.name.removesuffix("@random")
    if not name.startswith(_PREFIX):
        return find_weights(Path(name))
    path = torch_hub_path(_published(name).url)
    return path if path.is_file() else None
