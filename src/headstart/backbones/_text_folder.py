"""What a folder in the hub's layout says about a text encoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import InputError
from headstart.types import TextInput

TEXT_MODELS = frozenset(
    "albert bert bge camembert deberta deberta-v2 distilbert electra ernie mpnet modernbert nomic_bert roberta "
    "roformer xlm-roberta".split()
)
"""Encoders that take ids and a mask, and give a state for each token."""

_LONGEST = 512
_AFTER_PADDING = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})
"""Their positions begin behind the padding's, so two of them hold no token."""


def width_of(config: Mapping[str, Any], who: str) -> int:
    """Features of one token.

    Raises:
        InputError: the configuration does not say.
    """
    width = config.get("hidden_size", config.get("dim", config.get("d_model")))
    if not isinstance(width, int) or not 0 < width < 1 << 20:
        raise InputError(f"{who} needs hidden_size in config.json, got {width!r}. Check the file.")
    return width


def text_input(folder: Path, config: Mapping[str, Any]) -> TextInput:
    """Window, pooling and scaling, as sentence-transformers writes them; else 512 tokens and their mean."""
    positions = int(config.get("max_position_embeddings") or _LONGEST)
    if config.get("model_type") in _AFTER_PADDING:
        positions -= 2
    asked = _object(folder / "sentence_bert_config.json").get("max_seq_length") or _LONGEST
    longest = min(int(asked), positions)
    modules = _list(folder / "modules.json")
    pooling = "mean"
    for module in modules:
        if str(module.get("type", "")).endswith("Pooling"):
            said = _object(folder / str(module.get("path", "1_Pooling")).replace("..", "") / "config.json")
            pooling = _pooling(said)
    is_normalised = any(str(module.get("type", "")).endswith("Normalize") for module in modules)
    return TextInput(max(8, longest), pooling, is_normalised)


def _pooling(said: Mapping[str, Any]) -> str:
    if said.get("pooling_mode_cls_token") or said.get("pooling_mode") == "cls":
        return "cls"
    if said.get("pooling_mode_max_tokens") or said.get("pooling_mode") == "max":
        return "max"
    return "mean"


def _object(path: Path) -> Mapping[str, Any]:
    found = _json(path)
    return found if isinstance(found, dict) else {}


def _list(path: Path) -> list[Mapping[str, Any]]:
    found = _json(path)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
