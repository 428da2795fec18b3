"""Reading a bundle: every byte checked first, nothing run that it brings."""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.bundle.head_file import load_head
from headstart.bundle.manifest import check_manifest, is_plain_name, read_json
from headstart.bundle.model import Model
from headstart.bundle.save import DESCRIPTION
from headstart.bundle.weights_file import bundled_backbone
from headstart.errors import InputError, IntegrityError, MissingPathError
from headstart.evaluation.calibrations import calibration
from headstart.features.direct import DirectEncoder
from headstart.features.pixels import View
from headstart.features.settings import EncoderSettings
from headstart.tasks.registry import get_task
from headstart.types import AudioInput, BackboneCard, ImageInput, TextInput, VideoInput, WaveInput

MAX_ARCHIVE_BYTES = 8 * 2**30


def load_bundle(path: str | Path) -> Model:
    """The model saved at ``path``: a bundle, a run's output folder, or a zip archive of either.

    Raises:
        MissingPathError: nothing is there.
        InputError: it is no bundle.
        IntegrityError: a byte has changed, a name points outside, or the format is a newer one.
    """
    path = Path(path)
    if not path.exists():
        raise MissingPathError(f"load needs a bundle or a run's folder, got {str(path)!r}. There is no such path.")
    if path.is_file():
        return _load_archive(path)
    folder = _bundle_folder(path)
    check_manifest(folder)
    try:
        return _model(read_json(folder / DESCRIPTION), folder)
    except (KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(f"Bundle {folder} needs a whole {DESCRIPTION}, got {error!r}. Save it again.") from error


def _bundle_folder(path: Path) -> Path:
    for folder in (path, path / "bundle"):
        if (folder / DESCRIPTION).is_file():
            return folder
    raise InputError(
        f"load needs a bundle or a run's folder, got {str(path)!r} without {DESCRIPTION}. Run: headstart fit"
    )


def _load_archive(path: Path) -> Model:
    """Unpack a zip archive into a folder of its own, which goes away with the model."""
    if not zipfile.is_zipfile(path):
        raise InputError(f"load needs a bundle folder or its zip archive, got {str(path)!r}. Name the folder of a run.")
    scratch = tempfile.mkdtemp(prefix="headstart-bundle-")
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if sum(info.file_size for info in members) > MAX_ARCHIVE_BYTES:
            raise IntegrityError(
                f"Archive {path} needs to unpack below {MAX_ARCHIVE_BYTES} bytes, got more. Do not trust it."
            )
        names = [_member_name(info.filename, path) for info in members]
        for info, name in zip(members, names, strict=True):
            (Path(scratch) / name).write_bytes(archive.read(info))
    model = load_bundle(scratch)
    # Weights are read at the first prediction, so the files stay as long as the model.
    weakref.finalize(model.encoders[0], shutil.rmtree, scratch, ignore_errors=True)
    return model


def _member_name(name: str, archive: Path) -> str:
    """The plain file name of a member, allowing one leading folder."""
    parts = name.split("/")
    if len(parts) > 3 or not all(is_plain_name(part) for part in parts):
        raise IntegrityError(f"Archive {archive} needs plain file names, got {name!r}. Do not trust this bundle.")
    return parts[-1]


def _model(description: dict[str, Any], folder: Path) -> Model:
    encoders = tuple(_encoder(entry, folder) for entry in description["encoders"])
    head = load_head(description["head"], folder)
    about = description["about"]
    state = description["calibration"] if "calibration" in description else _temperature(description)
    made = calibration(get_task(about.get("task", "classification")).calibration, state)
    return Model(tuple(description["classes"]), encoders, head, made, about)


def _temperature(description: dict[str, Any]) -> dict[str, Any]:
    """The calibration of a bundle from before there were several kinds."""
    return {"temperature": float(description["temperature"])}


def _encoder(entry: dict[str, Any], folder: Path) -> DirectEncoder:
    from headstart.backbones.registry import get_provider, open_backbone

    card = _card(entry["card"])
    settings = EncoderSettings(**entry["settings"] | {"view": View(**entry["settings"]["view"])})
    for name in (entry["file"] or "none", *entry["beside"].values()):
        if not is_plain_name(name):
            raise IntegrityError(f"Bundle {folder} needs plain file names, got {name!r}. Do not trust this bundle.")
    beside = {role: folder / name for role, name in entry["beside"].items()}
    backbone: Backbone
    if entry["file"] is not None:
        backbone = bundled_backbone(card, entry["architecture"], folder / entry["file"], beside)
    elif beside:
        files = {role: path.read_bytes() for role, path in beside.items()}
        backbone = get_provider(card.provider).from_files(files)
    else:
        backbone = open_backbone(card.name)
    return DirectEncoder(backbone, settings, entry["runtime"], entry["precision"])


def _card(entry: dict[str, Any]) -> BackboneCard:
    spec: Any = entry["input"]
    if spec is not None:
        spec = _INPUTS[next(name for name in _INPUTS if name in spec)](spec)
    return BackboneCard(**entry | {"input": spec})


def _image_input(entry: dict[str, Any]) -> ImageInput:
    return ImageInput(**entry | {"mean": tuple(entry["mean"]), "std": tuple(entry["std"])})


_INPUTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "mean": _image_input,
    "n_frames": lambda entry: VideoInput(**entry | {"image": _image_input(entry["image"])}),
    "max_tokens": lambda entry: TextInput(**entry),
    "n_mels": lambda entry: AudioInput(**entry),
    "window_samples": lambda entry: WaveInput(**entry),
}
"""A field that only this kind of input has -> how it is read."""
