"""A file of weights in a hub's cache, fetched when it is not there yet and the hub can be reached."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from headstart.errors import MissingPathError

_SECONDS_TO_ANSWER = 5.0
_OFFLINE = ("1", "on", "yes", "true")


def cached_hub_file(repo: str, filenames: Sequence[str]) -> Path | None:
    """The first of ``filenames`` that the Hugging Face cache holds, or None; never asks the network."""
    from huggingface_hub import try_to_load_from_cache

    for filename in filenames:
        path = try_to_load_from_cache(repo, filename)
        if isinstance(path, str):
            return Path(path)
    return None


def fetch_hub_file(repo: str, filenames: Sequence[str], who: str) -> Path:
    """The first of ``filenames`` that the repository has, from the cache when it is there.

    Raises:
        MissingPathError: not cached, and the hub cannot be reached or does not have it.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if (path := cached_hub_file(repo, filenames)) is not None:
        return path
    reason = _trouble_with_hub()
    if reason is not None:
        raise _unreachable(who, f"{repo} on the hub", reason) from reason
    with _quiet_hub():
        for filename in filenames:
            try:
                return Path(hf_hub_download(repo, filename))
            except LocalEntryNotFoundError as error:
                reason = error
                break
            except EntryNotFoundError as error:
                reason = error
            except Exception as error:  # a border: the hub client raises many kinds for network trouble
                reason = error
                break
    raise _unreachable(who, f"{repo} on the hub", reason)


def _trouble_with_hub() -> Exception | None:
    """What goes wrong on one short request; the client itself would try six times over half a minute, and say so."""
    from huggingface_hub import constants, get_session

    if is_offline():
        return ConnectionError()
    try:
        get_session().head(constants.ENDPOINT, timeout=_SECONDS_TO_ANSWER)
    except Exception as error:  # a border: the session may be of requests or of httpx, which share no errors
        return error
    return None


def torch_hub_path(url: str) -> Path:
    """Where torch keeps the file of ``url``, whether it is there or not."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def fetch_torch_file(url: str, who: str) -> Path:
    """The file of ``url`` from torch's cache, downloaded and checked against the digest in its name if it has one.

    Raises:
        MissingPathError: not cached, and the server cannot be reached.
    """
    import torch

    path = torch_hub_path(url)
    if path.is_file():
        return path
    if is_offline():
        raise _unreachable(who, url, None)
    digest = re.search(r"-([a-f0-9]{8,64})\.", path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), digest.group(1) if digest else None, progress=False)
    except Exception as error:  # a border: sockets, HTTP and the digest check raise many kinds
        raise _unreachable(who, url, error) from error
    return path


def is_offline() -> bool:
    """True when the user forbade the network through ``HF_HUB_OFFLINE``."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _OFFLINE


def _unreachable(who: str, where: str, reason: Exception | None) -> MissingPathError:
    why = "HF_HUB_OFFLINE is set" if is_offline() else f"{type(reason).__name__}"
    return MissingPathError(
        f"{who} needs weights that are not on this machine, and {where} is out of reach ({why}). "
        "Use an embedded backbone such as 'efficientnet_lite0', or a folder with config.json and model.safetensors."
    )


@contextmanager
def _quiet_hub() -> Iterator[None]:
    from huggingface_hub import utils

    hub: Any = utils
    was_quiet = hub.are_progress_bars_disabled()
    hub.disable_progress_bars()
    try:
        yield
    finally:
        if not was_quiet:
            hub.enable_progress_bars()
