"""A run on disk, so that it goes on where it was killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from safetensors.torch import load, save
from torch import Tensor

from headstart.errors import InputError, IntegrityError
from headstart.training.processes import Processes
from headstart.training.state import TrainState
from headstart.whole_file import write_whole

_INDEX = "checkpoint.json"
_FORMAT = 2


@final
@dataclass(frozen=True)
class Checkpoint:
    """A folder with the tensors in one file and, written after it, an index that names it with its digest.

    Killed at any moment it holds the state before or the state after, never a part.

    Args:
        folder: where; made when it is first written.
        identity: what the run must agree in with the one that wrote the checkpoint, as JSON can hold it.
    """

    folder: Path
    identity: Mapping[str, Any] = field(default_factory=dict)

    def save(self, state: TrainState, identity: Mapping[str, Any]) -> None:
        """Write ``state``.

        Args:
            state: of the run.
            identity: what the loop knows of it: settings, weights it began with, examples.

        Raises:
            StorageError: the disk is full or may not be written.
        """
        data = save({name: t.detach().cpu().contiguous().clone() for name, t in state.tensors().items()})
        name = f"step-{len(state.retries)}-{state.step}.safetensors"
        index = {
            "format": _FORMAT,
            "identity": self._whole(identity),
            "tensors": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "facts": state.facts(),
        }
        write_whole(self.folder / name, data)
        write_whole(self.folder / _INDEX, json.dumps(index, indent=1))
        for old in self.folder.glob("step-*.safetensors"):
            if old.name != name:
                old.unlink(missing_ok=True)

    def load(self, identity: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Facts and tensors of the state that was written last; None where there is none.

        Raises:
            InputError: it belongs to a run with other settings, weights or examples.
            IntegrityError: a file is damaged.
        """
        path = self.folder / _INDEX
        if not path.is_file():
            return None
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
            data = (self.folder / str(index["tensors"])).read_bytes()
            facts, digest, found = index["facts"], index["sha256"], index["identity"]
        except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
            raise self._damaged(path) from error
        whole = json.loads(json.dumps(self._whole(identity)))
        differing = sorted(key for key in {*whole, *found} if whole.get(key) != found.get(key))
        if differing or index.get("format") != _FORMAT:
            raise InputError(
                f"The checkpoint in {str(self.folder)!r} needs the run that wrote it, got another one (differing: "
                f"{', '.join(differing) or 'format'}). Choose another folder, or delete this one to begin anew."
            )
        if hashlib.sha256(data).hexdigest() != digest:
            raise self._damaged(self.folder / str(index["tensors"]))
        return facts, load(data)

    def load_together(
        self, identity: Mapping[str, Any], processes: Processes
    ) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """As :meth:`load` in the first process, which hands it to the others."""
        if processes.n == 1:
            return self.load(identity)
        found = self.load(identity) if processes.is_first else None
        facts = processes.agree_bytes(b"" if found is None else json.dumps(found[0]).encode())
        tensors = processes.agree_bytes(b"" if found is None else save(found[1]))
        return (json.loads(facts), load(tensors)) if facts else None

    def _whole(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        return {**identity, **self.identity}

    def _damaged(self, path: Path) -> IntegrityError:
        return IntegrityError(
            f"A checkpoint needs whole files, got a damaged one beside {str(path)!r}. Delete the folder to begin anew."
        )
