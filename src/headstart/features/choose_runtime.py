"""Which runtime is fastest here and still right: measured on the first batches, remembered, told."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.errors import InputError
from headstart.features.runtimes.runtime import RUNTIMES, Runtime, is_installed

EXACT_DEVIATION = 1e-3
"""Largest batch-centred relative difference to fp32 PyTorch that counts as exact."""
BF16_DEVIATION = 0.15
"""Largest such difference at which bf16 may be taken."""
BF16_SPEEDUP = 1.5
"""bf16 must be this many times faster than the fastest exact runtime."""
REFERENCE_ROWS = 8
"""Rows on which runtimes are compared with PyTorch."""
WORTH_A_LOOK_SECONDS = 15.0
"""A further runtime that has to be exported first is tried when at least this much work is left."""

Build = Callable[[str, str], Runtime]


@dataclass(frozen=True)
class RuntimeChoice:
    """The runtime that was taken and why.

    Args:
        runtime: its name.
        precision: "fp32" or "bf16".
        version: the library's version and the device.
        rates: "runtime precision" -> rows a second on pixels in memory.
        deviations: "runtime precision" -> batch-centred relative difference to fp32 PyTorch.
        why: one sentence.
    """

    runtime: str
    precision: str
    version: str
    rates: dict[str, float] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)
    why: str = ""


def centred_deviation(rows: NDArray[Any], reference: NDArray[Any]) -> float:
    """Relative difference of two (n, dim) feature batches after each column's mean is taken off.

    >>> import numpy as np
    >>> centred_deviation(np.array([[1.0], [3.0]]), np.array([[0.0], [2.0]]))
    0.0
    """
    centred = reference - reference.mean(0)
    scale = float(np.linalg.norm(centred))
    return float(np.linalg.norm(rows - rows.mean(0) - centred)) / max(scale, 1e-12)


def choose_runtime(
    build: Build,
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    sample: NDArray[np.uint8],
    *,
    precision: str,
    runtime: str = "auto",
    n_rows: int,
) -> tuple[Runtime, RuntimeChoice]:
    """Build, check and time the runtimes that may be taken; return the fastest that agrees with the reference.

    Args:
        build: (runtime name, "fp32" or "bf16") -> Runtime.
        reference: fp32 PyTorch, (n, h, w, 3) uint8 -> (n, dim).
        sample: the first pixels, (n, h, w, 3) uint8.
        precision: "exact", "auto" or "bf16" as :class:`headstart.Encoder` takes it.
        runtime: a name, or "auto".
        n_rows: rows still to encode; slow exports are only tried where that pays.
    """
    expected = reference(sample[:REFERENCE_ROWS])
    best: Runtime | None = None
    rates: dict[str, float] = {}
    deviations: dict[str, float] = {}
    for name, bits in _candidates(runtime, precision):
        if best is not None and name == "onnxruntime" and n_rows / rates[_label(best)] < WORTH_A_LOOK_SECONDS:
            continue
        candidate = build(name, bits)
        label = _label(candidate)
        deviations[label], rates[label] = _measure(candidate, sample, expected, rates[_label(best)] if best else 0.0)
        limit = BF16_DEVIATION if bits == "bf16" else EXACT_DEVIATION
        if deviations[label] > limit:
            continue
        needed = rates[_label(best)] if best else 0.0
        if bits == "bf16" and precision == "auto":
            needed *= BF16_SPEEDUP
        if best is None or rates[label] > needed:
            best = candidate
    if best is None:
        raise InputError(
            f"Encoder needs a runtime that agrees with PyTorch, got {_shown(deviations)}. Set precision='exact' "
            "and runtime='torch'."
        )
    why = f"fastest of {_shown(rates, ' rows/s')}; deviation {deviations[_label(best)]:.1e}"
    return best, RuntimeChoice(best.name, best.precision, best.version, rates, deviations, why)


def _candidates(runtime: str, precision: str) -> list[tuple[str, str]]:
    """(runtime, precision) pairs in the order they are tried; exact ones first."""
    names: Sequence[str] = [n for n in RUNTIMES if is_installed(n)] if runtime == "auto" else [runtime]
    exact = [(name, "fp32") for name in names]
    halved = [(name, "bf16") for name in names if name != "onnxruntime"]
    return {"exact": exact, "auto": exact + halved[:1], "bf16": halved}[precision]


def _label(runtime: Runtime) -> str:
    return f"{runtime.name} {runtime.precision}"


def _shown(figures: dict[str, float], unit: str = "") -> str:
    return ", ".join(f"{name} {value:.3g}{unit}" for name, value in figures.items())


def _measure(
    runtime: Runtime, sample: NDArray[np.uint8], expected: NDArray[np.float32], to_beat: float
) -> tuple[float, float]:
    """Deviation from the expected rows, and rows a second over about half a second of work.

    A runtime whose first pass is slower than half of ``to_beat`` is not timed further.
    """
    size = runtime.batch_size
    n_batches = max(1, len(sample) // size)
    padded = np.zeros((n_batches * size, *sample.shape[1:]), dtype=np.uint8)
    padded[: min(len(sample), len(padded))] = sample[: len(padded)]
    batches = list(padded.reshape(n_batches, size, *sample.shape[1:]))
    rows = np.zeros((len(padded), expected.shape[1]), dtype=np.float32)

    def keep(number: int, out: NDArray[np.float32]) -> None:
        begin = (number % n_batches) * size
        rows[begin : begin + size] = out

    started = time.perf_counter()
    runtime.run(batches, keep)
    rate = len(padded) / (time.perf_counter() - started)
    n_shared = min(len(padded), len(expected))
    deviation = centred_deviation(rows[:n_shared], expected[:n_shared])
    if rate < to_beat / 2:
        return deviation, rate
    started, n_done = time.perf_counter(), 0
    while n_done == 0 or time.perf_counter() - started < 0.5:
        runtime.run(batches * 4, keep)
        n_done += 4 * len(padded)
    return deviation, n_done / (time.perf_counter() - started)


class RuntimeMemo:
    """Choices made on this machine before, in one small file; a choice holds until a library or the machine changes."""

    def __init__(self, root: Path) -> None:
        self._path = root / "runtimes.json"

    def get(self, key: dict[str, Any]) -> RuntimeChoice | None:
        """The remembered choice for ``key``, or None."""
        entry = self._read().get(self.address(key))
        return RuntimeChoice(**entry) if isinstance(entry, dict) else None

    def put(self, key: dict[str, Any], choice: RuntimeChoice) -> None:
        """Remember ``choice``; a reader sees the old file or the new one, never half of it."""
        entries = self._read() | {self.address(key): asdict(choice)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".runtimes-")
        with os.fdopen(handle, "w") as file:
            json.dump(entries, file, indent=1)
        os.replace(temporary, self._path)

    @staticmethod
    def address(key: dict[str, Any]) -> str:
        """What ``key`` is called on this machine with these libraries: 24 hex digits."""
        here = {"machine": platform.machine(), "cpu": _cpu_name(), "cores": n_cores(), "versions": _versions()}
        return hashlib.sha256(json.dumps(key | here, sort_keys=True).encode()).hexdigest()[:24]

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _versions() -> dict[str, str]:
    found = {}
    for package in ("torch", "openvino", "onnxruntime"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
