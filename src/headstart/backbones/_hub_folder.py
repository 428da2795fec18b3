"""A model of Transformers in the hub's layout: in the hub's cache (``hf/ORGANISATION/NAME``) or in a local folder."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from headstart.backbones._hub_file import cached_hub_file, fetch_hub_file
from headstart.backbones._local_folder import find_weights, weights_in
from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import MissingPathError
from headstart.types import BackboneCard

PREFIX = "hf/"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def folder_of(name: str) -> Path | None:
    """Where the configuration of a hub name or a folder lies; None where neither is on this machine."""
    name = name.removesuffix("@random")
    if not name.startswith(PREFIX):
        folder = Path(name).expanduser()
        return folder.resolve() if folder.is_dir() else None
    if find_spec("huggingface_hub") is None:
        return None
    path = cached_hub_file(name.removeprefix(PREFIX), ("config.json",))
    return None if path is None else path.parent


def card_folder(card: BackboneCard) -> Path:
    """As :func:`folder_of`.

    Raises:
        MissingPathError: nothing is there any more.
    """
    folder = folder_of(card.name)
    if folder is None:
        name = card.name.removesuffix("@random")
        raise MissingPathError(
            f"Backbone {name!r} needs its files, got none on this machine. Run: headstart backbones pull {name}"
        )
    return folder


def with_weights(card: BackboneCard, fingerprint: str) -> BackboneCard:
    """The card with the digest of its weights.

    Args:
        card: whose.
        fingerprint: names the settings that the weights alone do not tell.
    """
    path = weights_in(card_folder(card))
    digest = sha256_of(path)
    return replace(card, sha256=digest, size_bytes=path.stat().st_size, weights_id=f"{digest}:{fingerprint}")


def missing_files(card: BackboneCard) -> str:
    """Why the files of ``card`` cannot be read and what to do; "" when they are here."""
    folder = folder_of(card.name)
    pull = f"With a network: headstart backbones pull {card.name}"
    if folder is None:
        return f"its files are not on this machine. {pull}"
    if card.weights == "random" or find_weights(folder) is not None:
        return ""
    if card.name.startswith(PREFIX):
        return f"weights not on this machine. {pull}"
    return f"no weights file. Save the tensors as model.safetensors in {folder}"


def files_of_weights(card: BackboneCard) -> list[WeightFile]:
    """The weights file; empty when it is not on this machine."""
    if card.weights == "random" or missing_files(card):
        return []
    return [WeightFile(weights_in(card_folder(card)), card.sha256, card.size_bytes)]


def fetch(card: BackboneCard) -> Path:
    """Fetch the files of a hub name into the hub's cache; those of a folder are there.

    Raises:
        MissingPathError: the hub cannot be reached.
    """
    if not card.name.startswith(PREFIX):
        return weights_in(card_folder(card))
    repo, who = card.name.removeprefix(PREFIX), f"Backbone {card.name!r}"
    config = fetch_hub_file(repo, ("config.json",), who)
    if cached_hub_file(repo, _WEIGHTS) is None:
        try:
            fetch_hub_file(repo, ("preprocessor_config.json",), who)
        except MissingPathError:
            pass  # what the kind of model is usually prepared with is taken then
    fetch_hub_file(repo, _WEIGHTS, who)
    return config.parent
