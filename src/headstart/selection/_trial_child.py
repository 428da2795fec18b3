"""The parent's side of a child process that runs one trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

GRACE_SECONDS = 60.0
"""What a child may take beyond its time, to load and to judge, before it is killed."""


def run_child(
    folder: Path, job: dict[str, Any], *, is_worth: Callable[[float, float], bool], left_seconds: float
) -> dict[str, Any]:
    """Run ``job`` on the examples of ``folder`` in a process of its own; its outcome.

    Args:
        folder: of :meth:`~headstart.selection._search_data.SearchData.write`.
        job: see :func:`~headstart.selection._trial.run_trial`.
        is_worth: share of the steps that are done and validation loss -> whether to go on.
        left_seconds: until the search must end, or infinity.

    Returns:
        What the child said last; or ``{"failed": line}``, with ``"died": True`` where the process ended without a word.
    """
    command = [sys.executable, "-m", "headstart.selection._trial", str(folder)]
    alone = {name: value for name, value in os.environ.items() if name != "LOCAL_RANK"}  # none of torchrun's processes
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=alone,
        )
        clock = None
        if left_seconds < threading.TIMEOUT_MAX:
            clock = threading.Timer(left_seconds + GRACE_SECONDS, child.kill)
            clock.daemon = True
            clock.start()
        try:
            said = _talk(child, job, is_worth)
            child.wait()
        finally:
            is_late = clock is not None and not clock.is_alive()
            if clock is not None:
                clock.cancel()
            _end(child)
        if said is not None:
            return said
        if is_late:
            return {"failed": "the time of the search was over"}
        return {"failed": _died(child.returncode, errors), "died": True}


def _talk(
    child: subprocess.Popen[str], job: dict[str, Any], is_worth: Callable[[float, float], bool]
) -> dict[str, Any] | None:
    """Answer the child until it says how it ended; None where it ended without a word."""
    assert child.stdin is not None, "it is a pipe"
    assert child.stdout is not None, "it is a pipe"
    try:
        _say(child, job)
        for line in child.stdout:
            said: dict[str, Any] = json.loads(line)
            if "share" not in said:
                return said
            _say(child, {"go_on": is_worth(said["share"], said["loss"])})
    except (BrokenPipeError, ValueError):  # it died while it was spoken to, or in the middle of a line
        return None
    return None


def _say(child: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert child.stdin is not None, "it is a pipe"
    child.stdin.write(json.dumps(message) + "\n")
    child.stdin.flush()


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except BrokenPipeError:  # what it was last told, it never read
            pass


def _died(status: int, errors: Any) -> str:
    """How the process ended, in one line."""
    how = f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"its process ended with {how}" + (f": {last[:200]}" if last else "")
