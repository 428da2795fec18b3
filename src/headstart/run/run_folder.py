"""The output folder of a run: who owns it, what was decided in it, and files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from headstart.errors import InputError, OutputExistsError
from headstart.whole_file import writing

JOURNAL = "run.jsonl"
RESULT = "run.json"


class RunFolder:
    """One run's folder, locked while the run lasts.

    Args:
        path: the folder; made when missing.
        identity: what makes two runs the same one (data fingerprint and settings), JSON-able.
        source: the data as the user named them, for people.
        overwrite: clear the results of another run instead of refusing.

    Raises:
        OutputExistsError: the folder holds another run, or files that are not a run's.
        InputError: the same run is going on in another process.
    """

    def __init__(self, path: Path, identity: dict[str, Any], *, source: str = "", overwrite: bool = False) -> None:
        self.path, self.identity, self.source = path, identity, source
        self._decided: dict[str, Any] = {}
        with writing(path):
            self._claim(overwrite)
        spent = (value for key, value in self._decided.items() if key.startswith("seconds:"))
        self.seconds_before = float(sum(spent))
        """Seconds that earlier attempts took, as far as they were written down."""
        self._attempt = sum(key.startswith("attempt:") for key in self._decided)
        self.note(f"attempt:{self._attempt}", time.time())

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()
        if isinstance(error, InputError) and {entry.name for entry in self.path.iterdir()} == {JOURNAL}:
            # Input that cannot be used leaves nothing behind: there is nothing to go on with.
            (self.path / JOURNAL).unlink()
            with suppress(OSError):
                self.path.rmdir()

    def close(self) -> None:
        """Let go of the folder."""
        self._journal.close()

    @property
    def is_finished(self) -> bool:
        """True when this very run has already written its result."""
        return (self.path / RESULT).exists()

    def decide(self, name: str, choose: Callable[[], Any]) -> Any:
        """The decision called ``name``: replayed from the journal, or made now and written down before it acts."""
        if name not in self._decided:
            self.note(name, choose())
        return self._decided[name]

    def spend(self, stage: str, seconds: float) -> None:
        """Write down the seconds of a stage, so that a later attempt counts them."""
        self.note(f"seconds:{self._attempt}:{stage}:{len(self._decided)}", round(seconds, 3))

    def note(self, name: str, value: Any) -> None:
        """Append one line to the journal; on disk when this returns."""
        self._decided[name] = value
        with writing(self.path / JOURNAL):
            self._journal.write(json.dumps({"name": name, "value": value}, ensure_ascii=False) + "\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())

    def _claim(self, overwrite: bool) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        journal = self.path / JOURNAL
        lines = _journal_lines(journal)
        if lines and lines[0].get("value") != self.identity:
            if not overwrite:
                differences = _differences(lines[0].get("value"), self.identity)
                raise OutputExistsError(
                    f"Output folder {self.path} needs to be this run's, got another one ({differences}). "
                    "Choose another --out, or pass --overwrite."
                )
            lines = self._clear()
        elif not lines and any(entry.name != JOURNAL for entry in self.path.iterdir()):
            if not overwrite:
                raise OutputExistsError(
                    f"Output folder {self.path} needs to be empty or a run's own, got other files in it. "
                    "Choose another --out, or pass --overwrite."
                )
        elif lines and overwrite:
            lines = self._clear()
        self._journal = journal.open("a", encoding="utf-8")
        self._lock()
        if lines:
            self._mend(journal)
            self._decided = {line["name"]: line["value"] for line in lines[1:]}
        else:
            self.note("identity", self.identity)
            self._decided.clear()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._journal.close()
            raise InputError(
                f"Output folder {self.path} needs to be free, got a run that is still writing to it. "
                "Wait for it, or choose another --out."
            ) from None

    def _mend(self, journal: Path) -> None:
        """A killed write leaves half a last line: end it, so that the next line stands alone."""
        if not journal.read_bytes().endswith(b"\n"):
            self._journal.write("\n")
            self._journal.flush()

    def _clear(self) -> list[dict[str, Any]]:
        """Remove what a run writes and nothing else."""
        for name in ("bundle", "thumbnails"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in (JOURNAL, RESULT, "report.html", "model_card.md", "leaderboard.csv"):
            (self.path / name).unlink(missing_ok=True)
        return []


def _journal_lines(journal: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal; a torn one is passed over."""
    if not journal.exists():
        return []
    lines = []
    for text in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if isinstance(line, dict) and "name" in line:
            lines.append(line)
    return lines


def _differences(before: Any, now: dict[str, Any]) -> str:
    if not isinstance(before, dict):
        return "of an unknown kind"
    names = [key for key in now if before.get(key) != now[key]]
    return "other " + ", ".join(names) if names else "with other settings"
