"""Reading tensors from a file without running anything, and putting them into a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import IntegrityError

if TYPE_CHECKING:
    from torch import Tensor, nn


def read_tensors(path: Path, who: str) -> dict[str, Tensor]:
    """The named tensors of a safetensors file or of a plain torch file, in the file's order, on the CPU.

    Raises:
        IntegrityError: damaged, or more than tensors (such a pickle is never run).
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(str(path)))
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a border: torch and safetensors raise many kinds for a damaged or hostile file
        raise IntegrityError(
            f"{who} needs a file with tensors only, got {str(path)!r} ({type(error).__name__}). "
            "Get the weights again, best as safetensors."
        ) from error
    tensors = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if tensors is None or not tensors or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise IntegrityError(f"{who} needs a file with named tensors, got {str(path)!r}. Save a plain state_dict.")
    return dict(tensors)


def rename_in_order(tensors: Mapping[str, Tensor], module: nn.Module, who: str) -> dict[str, Tensor]:
    """The tensors under the module's own names, matched by position.

    Raises:
        IntegrityError: the number, a last name part (``weight``, ``running_var``) or a shape differs.
    """
    wanted = module.state_dict()
    if len(tensors) != len(wanted):
        raise IntegrityError(f"{who} needs {len(wanted)} tensors, got {len(tensors)}. These are other weights.")
    for (theirs, tensor), (ours, slot) in zip(tensors.items(), wanted.items(), strict=True):
        if theirs.rpartition(".")[2] != ours.rpartition(".")[2] or tensor.shape != slot.shape:
            raise IntegrityError(
                f"{who} needs {ours} of shape {tuple(slot.shape)} in this place, got {theirs} of shape "
                f"{tuple(tensor.shape)}. These are other weights, or in another order."
            )
    return dict(zip(wanted, tensors.values(), strict=True))


def load_exactly(module: nn.Module, tensors: Mapping[str, Tensor], who: str) -> None:
    """Load all tensors by name; nothing may be missing or left over.

    Raises:
        IntegrityError: a name or a shape differs.
    """
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise IntegrityError(
            f"{who} needs weights of its architecture, got others: {first}. Check the file."
        ) from error
