"""Writing a bundle: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headstart.backbones._architecture_name import architecture_name
from headstart.backbones.backbone import Backbone
from headstart.bundle.head_file import save_head
from headstart.bundle.manifest import canonical, write_manifest
from headstart.bundle.weights_file import save_files_beside, save_weights
from headstart.features.settings import EncoderSettings
from headstart.whole_file import writing

DESCRIPTION = "bundle.json"


@dataclass(frozen=True)
class BundledEncoder:
    """One encoder as a bundle holds it."""

    backbone: Backbone
    settings: EncoderSettings
    runtime: str
    precision: str


def save_bundle(
    path: Path,
    *,
    classes: Sequence[str],
    encoders: Sequence[BundledEncoder],
    head: Any,
    calibration: dict[str, Any],
    about: dict[str, Any],
) -> None:
    """Write everything a prediction needs to ``path``; an older bundle there is replaced in one step.

    Args:
        path: the bundle's folder.
        classes: class names in the order of the head's codes; none for numbers.
        encoders: what makes the features, in order.
        head: a fitted head.
        calibration: its state; of a temperature, for older readers, also beside it.
        about: JSON-able facts: task, data fingerprint, versions, scores.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
        try:
            description = {
                "classes": list(classes),
                "encoders": [_save_encoder(encoder, number, fresh) for number, encoder in enumerate(encoders)],
                "head": save_head(head, fresh),
                "calibration": calibration,
                **{key: value for key, value in calibration.items() if key == "temperature"},
                "about": about,
            }
            (fresh / DESCRIPTION).write_bytes(canonical(description))
            write_manifest(fresh)
            os.chmod(fresh, 0o755)
            _swap(fresh, path)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def _save_encoder(encoder: BundledEncoder, number: int, folder: Path) -> dict[str, Any]:
    backbone = encoder.backbone.resolve()
    description = {
        "card": asdict(backbone.card),
        "settings": asdict(encoder.settings),
        "runtime": encoder.runtime,
        "precision": encoder.precision,
        "architecture": architecture_name(backbone),
        "file": None,
        "beside": {},
    }
    if not backbone.is_classic:
        description["file"] = f"backbone-{number}.safetensors"
        save_weights(backbone, folder / f"backbone-{number}.safetensors")
    if not backbone.is_classic or backbone.card.weights == "learnt":
        description["beside"] = save_files_beside(backbone, f"backbone-{number}", folder)
    return description


def _swap(fresh: Path, path: Path) -> None:
    """Put ``fresh`` in the place of ``path``; killed in between, one of the two is there whole."""
    if not path.exists():
        os.rename(fresh, path)
        return
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-old-")) / "bundle"
    os.rename(path, old)
    os.rename(fresh, path)
    shutil.rmtree(old.parent, ignore_errors=True)
