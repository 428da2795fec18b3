"""What files a bundle holds and what they must hash to; a changed byte anywhere is found before anything is used."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from headstart.errors import IntegrityError

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
MAX_JSON_BYTES = 64 * 2**20


def canonical(value: Any) -> bytes:
    """The one way a JSON value is written in a bundle."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def write_manifest(folder: Path) -> None:
    """List every file of ``folder`` with size and digest; the list carries its own digest."""
    names = sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)
    files = {name: {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)} for name in names}
    body = {"files": files, "format_version": FORMAT_VERSION}
    digest = hashlib.sha256(canonical(body)).hexdigest()
    (folder / MANIFEST).write_bytes(canonical(body | {"sha256": digest}))


def check_manifest(folder: Path) -> None:
    """Hash every file of the bundle.

    Raises:
        IntegrityError: a file is missing, added, changed, or named outside the folder; or the format is a newer one.
    """
    listed = _read(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST}
    if found != set(listed):
        odd = sorted(found ^ set(listed))[0]
        raise IntegrityError(
            f"Bundle {folder} needs just its listed files, got {odd!r} added or missing. Save it again."
        )
    for name, entry in listed.items():
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != entry["bytes"]:
            raise IntegrityError(f"Bundle {folder} needs {name} as saved, got another size or kind. Save it again.")
        if file_sha256(path) != entry["sha256"]:
            raise IntegrityError(f"Bundle {folder} needs {name} as saved, got changed bytes. Save it again.")


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_plain_name(name: str) -> bool:
    """True for a file name that stays inside its folder.

    >>> is_plain_name("head.safetensors"), is_plain_name("../head"), is_plain_name("a/b")
    (True, False, False)
    """
    return name not in ("", ".", "..") and PurePosixPath(name).name == name and "\\" not in name and "\0" not in name


def read_json(path: Path) -> Any:
    """A bounded JSON file.

    Raises:
        IntegrityError: it is missing, too large or no JSON.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise IntegrityError(f"Bundle needs {path.name} under {MAX_JSON_BYTES} bytes, got more. Save it again.")
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        if isinstance(error, IntegrityError):
            raise
        raise IntegrityError(
            f"Bundle {path.parent} needs a readable {path.name}, got {error}. Save it again."
        ) from None


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise IntegrityError(f"Bundle {folder} needs a manifest with files, got something else. Save it again.")
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise IntegrityError(
            f"Bundle {folder} needs format_version {FORMAT_VERSION}, got {version!r}. "
            "Load it with the headstart that saved it."
        )
    body = {"files": manifest["files"], "format_version": version}
    whole = canonical(body | {"sha256": hashlib.sha256(canonical(body)).hexdigest()})
    if (folder / MANIFEST).read_bytes() != whole:
        raise IntegrityError(f"Bundle {folder} needs its manifest as saved, got changed bytes. Save it again.")
    files: dict[str, dict[str, Any]] = manifest["files"]
    for name in files:
        if not is_plain_name(name):
            raise IntegrityError(f"Bundle {folder} needs plain file names, got {name!r}. Do not trust this bundle.")
    return files
