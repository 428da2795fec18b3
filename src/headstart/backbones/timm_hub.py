"""Every timm model: by name with weights from the hub, or from a local folder in the hub's layout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import cached_hub_file, fetch_hub_file, fetch_torch_file, torch_hub_path
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, image_input, read_config, weights_in
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, IntegrityError, MissingExtraError, UnknownNameError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "timm/"

_CFG_KEYS = frozenset(
    "input_size fixed_input_size interpolation crop_pct crop_mode mean std num_classes pool_size first_conv classifier "
    "license tag".split()
)
"""What is taken from a folder's ``pretrained_cfg``: nothing that names another place to load from."""

_REFUSED_ARGS = frozenset(
    "pretrained pretrained_cfg pretrained_cfg_overlay pretrained_strict checkpoint_path cache_dir "
    "scriptable exportable no_jit features_only kwargs_filter".split()
)


def cards() -> list[BackboneCard]:
    """None: timm is not imported to list what is there. See :func:`names`."""
    return []


def names() -> list[str]:
    """All models with published weights, ``timm/`` before each; none without timm."""
    if find_spec("timm") is None:
        return []
    import timm

    return [_PREFIX + name for name in timm.list_models(pretrained=True)]


def find(name: str) -> BackboneCard | None:
    """The card of a timm model, with or without ``timm/`` before it, or of a local folder; None for other names.

    Raises:
        MissingExtraError: the name says timm, which is not installed.
        InputError: the model has no published weights, or the folder's configuration makes no sense.
        UnknownNameError: the folder names an architecture that timm does not have.
    """
    named = name.startswith(_PREFIX)
    if find_spec("timm") is None:
        if named:
            raise MissingExtraError(f"Backbone {name!r}", "timm", "image")
        return None
    cfg = _published_cfg(name.removeprefix(_PREFIX))
    if cfg is not None:
        return _hub_card(cfg)
    return None if named else _folder_card(Path(name).expanduser())


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights, which are fetched if need be."""
    path = _folder_weights(card) or _fetch(card)
    return _with_weights(card, path)


def open_module(card: BackboneCard) -> nn.Module:
    """The model without its classifier."""
    import timm

    from headstart.backbones._state_dict import read_tensors
    from headstart.backbones._untrained import fixed_seed

    who = f"Backbone {card.name!r}"
    arch, cfg, args = _recipe(card)
    if card.weights == "random":
        with fixed_seed():
            untrained: nn.Module = timm.create_model(arch, pretrained=False, num_classes=0, **args)
        return untrained.eval()
    path = _folder_weights(card) or _fetch(card)
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    cfg = {**cfg, "state_dict": read_tensors(path, who), "custom_load": False}
    try:
        with fixed_seed():
            # With the weights' own number of classes timm loads strictly; with 0 it would leave gaps untrained.
            module: Any = timm.create_model(
                arch, pretrained=True, pretrained_cfg=cfg, num_classes=cfg.get("num_classes", 1000), **args
            )
    except (RuntimeError, KeyError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise IntegrityError(
            f"{who} needs weights of {arch}, got others in {str(path)!r}: {first}. Check the file."
        ) from error
    module.reset_classifier(0)
    # timm keeps the configuration, and with it a second copy of every weight.
    module.pretrained_cfg = module.default_cfg = {k: v for k, v in module.pretrained_cfg.items() if k != "state_dict"}
    opened: nn.Module = module.eval()
    return opened


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened without a network and what to do; "" when it is ready."""
    if find_spec("timm") is None:
        return "timm is missing. Run: pip install 'headstart[image]'"
    name = card.name.removesuffix("@random")
    if not name.startswith(_PREFIX) and card.weights != "random" and find_weights(Path(name)) is None:
        return f"no weights file. Save the tensors as model.safetensors in {name}"
    if card.weights == "random" or not name.startswith(_PREFIX) or _cached(card):
        return ""
    return f"weights not on this machine. With a network: headstart backbones pull {card.name}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library version that initialises it."""
    return f"{_fingerprint(card)}:timm-{version('timm')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; its digest is known where the cache names files by it."""
    if card.weights == "random":
        return []
    if path := _folder_weights(card):
        return [WeightFile(path)]
    cached = _cached(card)
    if cached is None:
        return []
    blob = cached.resolve().name
    return [WeightFile(cached, blob if len(blob) == 64 else None)]


def pull(card: BackboneCard) -> Path:
    """Fetch the weights into the hub's cache.

    Raises:
        MissingPathError: the hub cannot be reached.
    """
    return _folder_weights(card) or _fetch(card)


def _published_cfg(name: str) -> Any:
    """Timm's configuration of a name with or without a tag, or None."""
    import timm

    if not timm.is_model(name.partition(".")[0]):
        return None
    try:
        cfg = timm.get_pretrained_cfg(name)
    except RuntimeError:
        return None
    if cfg is not None and cfg.architecture is None:
        cfg.architecture = name.partition(".")[0]
    return cfg


def _hub_card(cfg: Any) -> BackboneCard:
    name = f"{_PREFIX}{cfg.architecture}" + (f".{cfg.tag}" if cfg.tag else "")
    licence, commercial = licence_of(cfg.license)
    wanted = image_input(cfg.to_dict(), f"Backbone {name!r}")
    dim, parameters = _measure(cfg.architecture, wanted, {})
    card = BackboneCard(
        name=name,
        modality="image",
        dim=dim,
        provider="timm_hub",
        licence=licence,
        commercial=commercial,
        pretraining=cfg.tag or "unknown",
        parameters=parameters,
        revision=cfg.tag or "1",
        input=wanted,
    )
    cached = _cached(card)
    return card if cached is None else _with_weights(card, cached)


def _folder_card(folder: Path) -> BackboneCard | None:
    if not folder.is_dir():
        return None
    config = read_config(folder)
    if config is None or "architecture" not in config or config.get("library") == "torchvision":
        return None
    folder = folder.resolve()
    arch, cfg, args = _folder_recipe(folder)
    wanted = image_input(cfg, f"Backbone {str(folder)!r}")
    dim, parameters = _measure(arch, wanted, args)
    licence, commercial = licence_of(cfg.get("license"))
    card = BackboneCard(
        name=str(folder),
        modality="image",
        dim=dim,
        provider="timm_hub",
        licence=licence,
        commercial=commercial,
        pretraining=str(cfg.get("tag") or "unknown"),
        parameters=parameters,
        revision="local",
        input=wanted,
    )
    # Without weights the folder still serves for name@random; opening it says what is missing.
    path = find_weights(folder)
    return card if path is None else _with_weights(card, path)


def _folder_recipe(folder: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    import timm

    config = read_config(folder) or {}
    who = f"Backbone {str(folder)!r}"
    arch = config.get("architecture")
    cfg, args = config.get("pretrained_cfg") or {}, config.get("model_args") or {}
    if not isinstance(arch, str) or not isinstance(cfg, dict) or not isinstance(args, dict):
        raise InputError(
            f"{who} needs architecture, pretrained_cfg and model_args as timm writes them. Check config.json."
        )
    if not timm.is_model(arch):
        raise UnknownNameError(who, arch, timm.list_models())
    if refused := sorted(_REFUSED_ARGS & args.keys()):
        raise InputError(
            f"{who} needs model_args of the architecture only, got {refused}. Remove them from config.json."
        )
    cfg = {key: value for key, value in cfg.items() if key in _CFG_KEYS}
    n_classes = config.get("num_classes", args.get("num_classes", cfg.get("num_classes", 1000)))
    args = {key: value for key, value in args.items() if key != "num_classes"}
    return arch, {**cfg, "architecture": arch, "num_classes": n_classes}, args


def _recipe(card: BackboneCard) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Architecture, pretrained configuration and constructor arguments."""
    name = card.name.removesuffix("@random")
    if not name.startswith(_PREFIX):
        return _folder_recipe(Path(name))
    cfg = _published_cfg(name.removeprefix(_PREFIX))
    return cfg.architecture, {k: v for k, v in cfg.to_dict().items() if k not in ("hf_hub_id", "url", "file")}, {}


def _measure(arch: str, wanted: ImageInput, args: dict[str, Any]) -> tuple[int, int]:
    """Width of the pooled output and number of weights, without a single weight in memory."""
    import timm
    import torch

    with torch.device("meta"), torch.inference_mode():
        try:
            module: Any = timm.create_model(arch, pretrained=False, num_classes=0, **args).eval()
            pooled = module(torch.empty(1, 3, wanted.height, wanted.width))  # (1, dim)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            first = " ".join(str(error).split())[:200]
            raise InputError(
                f"Backbone {arch!r} needs settings its architecture takes, got {args!r}: {first}."
            ) from error
    if pooled.ndim != 2:
        raise InputError(
            f"Backbone {arch!r} needs a pooled output (n, dim), got {tuple(pooled.shape)}. Choose another."
        )
    return int(pooled.shape[1]), sum(p.numel() for p in module.parameters())


def _with_weights(card: BackboneCard, path: Path) -> BackboneCard:
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{_fingerprint(card)}")


def _fingerprint(card: BackboneCard) -> str:
    """The architecture and, in short, the arguments it is built with."""
    arch, _, args = _recipe(card)
    if not args:
        return arch
    return f"{arch}-{hashlib.sha256(json.dumps(args, sort_keys=True).encode()).hexdigest()[:12]}"


def _folder_weights(card: BackboneCard) -> Path | None:
    name = card.name.removesuffix("@random")
    return None if name.startswith(_PREFIX) else weights_in(Path(name))


def _hub_source(card: BackboneCard) -> tuple[str | None, tuple[str, ...], str | None]:
    """Repository and file names on the hub, or an address."""
    cfg = _published_cfg(card.name.removesuffix("@random").removeprefix(_PREFIX))
    if cfg.hf_hub_id:
        files = (cfg.hf_hub_filename,) if cfg.hf_hub_filename else ("model.safetensors", "pytorch_model.bin")
        return cfg.hf_hub_id, files, None
    return None, (), cfg.url if isinstance(cfg.url, str) and cfg.url else None


def _cached(card: BackboneCard) -> Path | None:
    repo, files, url = _hub_source(card)
    if repo is not None:
        return cached_hub_file(repo, files)
    path = torch_hub_path(url) if url else None
    return path if path is not None and path.is_file() else None


def _fetch(card: BackboneCard) -> Path:
    repo, files, url = _hub_source(card)
    who = f"Backbone {card.name!r}"
    if repo is not None:
        return fetch_hub_file(repo, files, who)
    if url is None:
        raise InputError(
            f"{who} needs published weights, got a model that has none. Use {card.name}@random, or another."
        )
    return fetch_torch_file(url, who)
