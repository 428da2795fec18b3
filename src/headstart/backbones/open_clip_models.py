"""Image towers of open_clip: ``open_clip/ViT-B-32/laion2b_s34b_b79k``, or a local folder in the hub's layout.

A folder holds ``open_clip_config.json`` (``model_cfg`` and ``preprocess_cfg``) and ``open_clip_model.safetensors`` or
``open_clip_pytorch_model.bin``. Features are the image features that are compared with texts, before they are scaled
to length 1. Text towers are neither built nor read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones._hub_file import cached_hub_file, fetch_hub_file, is_offline
from headstart.backbones._licence import licence_of
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, MissingExtraError, MissingPathError, UnknownNameError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "open_clip/"
_CONFIG = "open_clip_config.json"
_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
_MAX_CONFIG_BYTES = 1 << 20
_LARGEST_SIDE, _MOST_LAYERS = 4096, 1000
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""What open_clip takes where a configuration is silent."""
_WINDOWS = {"shortest": "center", "squash": "squash"}


def cards() -> list[BackboneCard]:
    """None: open_clip is not imported to list what is there. See :func:`names`."""
    return []


def names() -> list[str]:
    """All models with published weights; none without open_clip."""
    if find_spec("open_clip") is None:
        return []
    import open_clip

    return [f"{_PREFIX}{model}/{tag}" for model, tag in open_clip.list_pretrained()]


def find(name: str) -> BackboneCard | None:
    """The card of ``open_clip/MODEL/TAG`` or of a local folder; None for other names.

    Raises:
        MissingExtraError: it is a model of open_clip, which is not installed.
        InputError: the folder's configuration makes no sense.
        UnknownNameError: the tower is a timm model that timm does not have.
    """
    folder = None
    if not name.startswith(_PREFIX):
        folder = _folder(Path(name).expanduser())
        if folder is None:
            return None
    shown = name if folder is None else str(folder)
    _require(f"Backbone {shown!r}")
    if folder is None and _published(name) is None:
        return None
    recipe, wanted, licence = _recipe(shown)
    dim, parameters = _measure(recipe, wanted, f"Backbone {shown!r}")
    stated, commercial = licence_of(licence)
    card = BackboneCard(
        name=shown,
        modality="image",
        dim=dim,
        provider="open_clip_models",
        licence=stated,
        commercial=commercial,
        pretraining="unknown" if folder else name.rpartition("/")[2],
        parameters=parameters,
        extra="clip",
        revision="local" if folder else name.rpartition("/")[2],
        input=wanted,
    )
    path = _local(shown)
    return card if path is None else _with_weights(card, path)


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights, which are fetched if need be."""
    return _with_weights(card, pull(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The image tower: (n, 3, h, w) -> (n, dim)."""
    from headstart.backbones._state_dict import load_exactly, read_tensors

    who = f"Backbone {card.name!r}"
    _require(who)
    recipe, _, _ = _recipe(card.name.removesuffix("@random"))
    module = _untrained(recipe)
    if card.weights != "random":
        path = pull(card)
        WeightFile(path, card.sha256, card.size_bytes).check(who)
        tensors = {name.removeprefix("module."): tensor for name, tensor in read_tensors(path, who).items()}
        mark = "visual."
        own = {name.removeprefix(mark): value.float() for name, value in tensors.items() if name.startswith(mark)}
        load_exactly(module, own, who)
    return module.eval()


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained tower of what :func:`saved_files` wrote ("config")."""
    _require("A bundle")
    return _untrained(json.loads(Path(files["config"]).read_text(encoding="utf-8"))).eval()


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": json.dumps(_recipe(card.name.removesuffix("@random"))[0]).encode()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened without a network and what to do; "" when it is ready."""
    if find_spec("open_clip") is None:
        return "open_clip_torch is missing. Run: pip install 'headstart[clip]'"
    name = card.name.removesuffix("@random")
    if card.weights == "random" or _local(name) is not None:
        return ""
    if name.startswith(_PREFIX):
        return f"weights not on this machine. With a network: headstart backbones pull {name}"
    return f"no weights file. Save the tensors as {_FILES[0]} in {name}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained tower with the library versions that initialise it."""
    return f"{_fingerprint(card)}:open_clip-{version('open_clip_torch')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file, when it is on this machine."""
    path = None if card.weights == "random" or missing(card) else _local(card.name)
    return [] if path is None else [WeightFile(path, card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the weights into the cache that open_clip itself looks into.

    Raises:
        MissingPathError: the hub cannot be reached, or the folder has no weights.
    """
    name, who = card.name.removesuffix("@random"), f"Backbone {card.name!r}"
    path = _local(name)
    if path is not None:
        return path
    if not name.startswith(_PREFIX):
        raise MissingPathError(f"{who} needs weights, got none in its folder. Save the tensors as {_FILES[0]}.")
    repo, files = _hub_source(_published(name))
    return fetch_hub_file(repo, files, who) if repo else _fetch_url(_published(name)["url"], who)


def _fetch_url(url: str, who: str) -> Path:
    from open_clip import pretrained

    reason = "HF_HUB_OFFLINE is set"
    if not is_offline():
        try:
            with redirect_stderr(StringIO()):  # its progress bar
                return Path(pretrained.download_pretrained_from_url(url))
        except Exception as error:  # a border: sockets, HTTP and the digest check raise many kinds
            reason = type(error).__name__
    raise MissingPathError(
        f"{who} needs weights that are not on this machine, and {url} is out of reach ({reason}). "
        f"Use a folder with {_CONFIG} and {_FILES[0]}."
    )


def _folder(folder: Path) -> Path | None:
    """The folder where it is one of open_clip's, and its weights are not meant for another library alone."""
    if not (folder / _CONFIG).is_file():
        return None
    is_ours = any((folder / file).is_file() for file in _FILES) or not (folder / "config.json").is_file()
    return folder.resolve() if is_ours else None


def _published(name: str) -> Any:
    """What open_clip knows of the weights of ``open_clip/MODEL/TAG``, or None."""
    import open_clip

    model, _, tag = name.removeprefix(_PREFIX).rpartition("/")
    return open_clip.pretrained.get_pretrained_cfg(model, tag) or None


def _hub_source(published: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Repository ("" for none) and file names on the hub."""
    repo, _, file = str(published.get("hf_hub") or "").rpartition("/")
    if not file:
        return repo, (_FILES[0], _FILES[2])
    return repo, (f"{file.rpartition('.')[0]}.safetensors", file)


def _local(name: str) -> Path | None:
    if not name.startswith(_PREFIX):
        return next((Path(name) / file for file in _FILES if (Path(name) / file).is_file()), None)
    published = _published(name)
    repo, files = _hub_source(published)
    if repo:
        return cached_hub_file(repo, files)
    path = Path("~/.cache/clip").expanduser() / str(published["url"]).rpartition("/")[2]
    return path if path.is_file() else None


def _recipe(name: str) -> tuple[dict[str, Any], ImageInput, Any]:
    """What the tower is built from, the pixels it wants, and the stated licence.

    Raises:
        InputError: the configuration makes no sense.
    """
    who = f"Backbone {name!r}"
    if name.startswith(_PREFIX):
        import open_clip

        published = _published(name)
        # Weights trained with the quick form of the GELU say so; the name of the architecture need not.
        model_cfg: Any = dict(open_clip.get_model_config(name.removeprefix(_PREFIX).rpartition("/")[0]))
        model_cfg["quick_gelu"] = bool(model_cfg.get("quick_gelu") or published.get("quick_gelu"))
        is_mit = name.endswith("/openai") or str(published.get("hf_hub")).startswith("laion/")
        said: Any = published
        licence: Any = "mit" if is_mit else None
    else:
        config = _read_config(Path(name))
        model_cfg, said, licence = config.get("model_cfg"), config.get("preprocess_cfg") or {}, config.get("license")
    if not isinstance(model_cfg, dict) or not isinstance(said, Mapping):
        raise InputError(f"{who} needs model_cfg and preprocess_cfg in {_CONFIG}, got others. Check it.")
    recipe = _tower(model_cfg, who)
    return recipe, _pixels(said, recipe["vision_cfg"].get("image_size", 224), who), licence


def _tower(model_cfg: Mapping[str, Any], who: str) -> dict[str, Any]:
    vision = model_cfg.get("vision_cfg")
    if not isinstance(vision, dict) or not isinstance(model_cfg.get("embed_dim"), int):
        raise InputError(f"{who} needs embed_dim and vision_cfg in its model_cfg, got others. Check {_CONFIG}.")
    vision = {**vision, "timm_model_pretrained": False, "output_tokens": False}
    layers = vision.get("layers", 12)
    if isinstance(layers, int) and layers > _MOST_LAYERS:
        raise InputError(f"{who} needs at most {_MOST_LAYERS} layers, got {layers}. Check {_CONFIG}.")
    named = vision.get("timm_model_name")
    if named is not None:
        import timm

        if not isinstance(named, str) or not timm.is_model(named):
            raise UnknownNameError(f"{who}, timm_model_name", str(named), timm.list_models())
    return {
        "embed_dim": model_cfg["embed_dim"],
        "vision_cfg": vision,
        "quick_gelu": bool(model_cfg.get("quick_gelu", False)),
    }


def _pixels(said: Mapping[str, Any], size: Any, who: str) -> ImageInput:
    """As open_clip prepares them; the tower's own size goes before the one in the preprocessing."""
    mode = said.get("resize_mode") or "shortest"
    try:
        height, width = (size, size) if isinstance(size, int) else (int(side) for side in size)
        mean, std = (_triple(said.get(key) or default) for key, default in (("mean", _MEAN), ("std", _STD)))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{who} needs image_size, mean and std, got {size!r} and {dict(said)!r:.200}. Check {_CONFIG}."
        ) from error
    if mode not in _WINDOWS or not 0 < min(height, width) <= max(height, width) <= _LARGEST_SIDE or min(std) <= 0:
        raise InputError(
            f"{who} needs resize_mode 'shortest' or 'squash', sides of at most {_LARGEST_SIDE} and a positive std, got "
            f"{mode!r}, {height} x {width} and {std}. Check {_CONFIG}."
        )
    interpolation = "bilinear" if said.get("interpolation") == "bilinear" else "bicubic"
    return ImageInput(height, width, 1.0, interpolation, mean, std, _WINDOWS[mode])


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in (values if isinstance(values, (list, tuple)) else (values,) * 3))
    return red, green, blue


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ValueError("larger than 1 MiB")
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"Backbone {str(folder)!r} needs a JSON object in {_CONFIG}, got another ({type(error).__name__}). "
            "Write it again."
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"Backbone {str(folder)!r} needs a JSON object in {_CONFIG}, got another. Write it again.")
    return config


def _untrained(recipe: Mapping[str, Any]) -> nn.Module:
    """The tower alone: the one for texts may want files of other hubs."""
    from open_clip.model import _build_vision_tower

    from headstart.backbones._untrained import fixed_seed

    with fixed_seed():
        module: nn.Module = _build_vision_tower(recipe["embed_dim"], recipe["vision_cfg"], recipe["quick_gelu"])
    return module.float()


def _measure(recipe: Mapping[str, Any], wanted: ImageInput, who: str) -> tuple[int, int]:
    """Width of the features and number of weights, without a single weight in memory."""
    import torch

    with torch.device("meta"), torch.inference_mode():
        try:
            module = _untrained(recipe).eval()
            rows = module(torch.empty(1, 3, wanted.height, wanted.width))  # (1, dim)
        except Exception as error:  # a border: a configuration can be wrong in as many ways as there are towers
            first = " ".join(str(error).split())[:200]
            raise InputError(
                f"{who} needs settings that its tower takes, got others: {first}. Check {_CONFIG}."
            ) from error
    return int(rows.shape[1]), sum(p.numel() for p in module.parameters())


def _with_weights(card: BackboneCard, path: Path) -> BackboneCard:
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{_fingerprint(card)}")


def _fingerprint(card: BackboneCard) -> str:
    recipe, _, _ = _recipe(card.name.removesuffix("@random"))
    return f"open_clip-{hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]}"


def _require(who: str) -> None:
    if find_spec("open_clip") is None:
        raise MissingExtraError(who, "open_clip_torch", "clip")
