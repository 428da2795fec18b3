"""A head on disk: JSON and safetensors for our own, skops with our own trust list for scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.bundle.check_trees import check_trees
from headstart.errors import InputError, IntegrityError

ARRAYS, SKOPS = "head.safetensors", "head.skops"


def can_be_saved(head: Any) -> bool:
    """True for every head that :func:`save_head` takes; asked before training begins."""
    is_ours = type(head).__module__.startswith("headstart.heads.")
    return hasattr(head, "to_state") or is_ours or type(head).__name__ == "TransferHead"


def save_head(head: Any, folder: Path) -> dict[str, Any]:
    """Write the head's arrays into ``folder``; returns what of it goes into the bundle's JSON.

    Raises:
        InputError: the head is none of ours.
    """
    if not can_be_saved(head):
        raise InputError(f"save_head needs a head of headstart, got {type(head).__name__!r}. Choose one of those.")
    if hasattr(head, "to_state"):
        from safetensors.numpy import save

        state, arrays = head.to_state()
        (folder / ARRAYS).write_bytes(save({name: array.copy(order="C") for name, array in arrays.items()}))
        return {"name": head.name, "kind": "arrays", "state": state}
    import skops.io

    skops.io.dump(head, folder / SKOPS)
    return {"name": head.name, "kind": "skops"}


def load_head(description: dict[str, Any], folder: Path) -> Any:
    """The head that :func:`save_head` wrote.

    Raises:
        IntegrityError: a skops file holds a type that is not on our list.
    """
    from headstart.heads.registry import head_class

    if description["kind"] == "arrays":
        from safetensors.numpy import load_file

        from headstart.strategies.raw_head import RawHead

        if description["name"] == RawHead.name:
            return RawHead.from_state(description["state"], load_file(str(folder / ARRAYS)))
        return head_class(description["name"]).from_state(description["state"], load_file(str(folder / ARRAYS)))
    import skops.io

    from headstart.heads.trusted import TRUSTED_TYPES
    from headstart.strategies.transfer_head import TransferHead
    from headstart.strategies.trusted import trusted_types

    trusted = set(TRUSTED_TYPES)
    if description["name"] == TransferHead.name:
        trusted |= set(trusted_types())
    foreign = set(skops.io.get_untrusted_types(file=folder / SKOPS)) - trusted
    if foreign:
        raise IntegrityError(
            f"Bundle {folder} needs trusted types, got {sorted(foreign)[0]!r}. Do not trust this bundle."
        )
    head = skops.io.load(folder / SKOPS, trusted=sorted(trusted))
    check_trees(head, folder)
    return head
