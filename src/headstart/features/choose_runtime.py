"""Which runtime is fastest here and still right: measured on the first batches, remembered, told."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.cores import n_cores
from headstart.errors import InputError
from headstart.features.runtimes.runtime import Batch, Runtime, is_installed

if TYPE_CHECKING:
    from headstart.features.ready_backbone import ReadyBackbone

EXACT_DEVIATION = 1e-3
"""Largest batch-centred relative difference to fp32 PyTorch that counts as exact."""
BF16_DEVIATION = 0.15
"""Largest such difference at which bf16 may be taken."""
BF16_SPEEDUP = 1.5
"""bf16 must be this many times faster than the fastest exact runtime."""
WORTH_A_LOOK_SECONDS = 15.0
"""A further runtime that has to be exported first is tried when at least this much work is left."""


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
    ready: ReadyBackbone,
    sample: Any,
    *,
    precision: str,
    runtime: str = "auto",
    n_rows: int,
) -> tuple[Runtime, RuntimeChoice]:
    """Build, check and time the runtimes that may be taken; return the fastest that agrees with the reference.

    Args:
        ready: what builds, batches and knows what PyTorch gives.
        sample: what :meth:`ReadyBackbone.sample` prepared of the first examples.
        precision: "exact", "auto" or "bf16" as :class:`headstart.Encoder` takes it.
        runtime: a name, or "auto".
        n_rows: rows still to encode; slow exports are only tried where that pays.
    """
    expected = ready.reference(sample)
    best: Runtime | None = None
    rates: dict[str, float] = {}
    deviations: dict[str, float] = {}
    for name, bits in _candidates(runtime, precision, ready.runtimes):
        if best is not None and name == "onnxruntime" and n_rows / rates[_label(best)] < WORTH_A_LOOK_SECONDS:
            continue
        candidate = ready.build(name, bits)
        label = _label(candidate)
        batches = ready.batches(sample, candidate.batch_size)
        deviations[label], rates[label] = _measure(candidate, batches, expected, rates[_label(best)] if best else 0.0)
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


def _candidates(runtime: str, precision: str, possible: Sequence[str]) -> list[tuple[str, str]]:
    """(runtime, precision) pairs in the order they are tried; exact ones first."""
    names: Sequence[str] = [n for n in possible if is_installed(n)] if runtime == "auto" else [runtime]
    exact = [(name, "fp32") for name in names]
    halved = [(name, "bf16") for name in names if name != "onnxruntime"]
    return {"exact": exact, "auto": exact + halved[:1], "bf16": halved}[precision]


def _label(runtime: Runtime) -> str:
    return f"{runtime.name} {runtime.precision}"


def _shown(figures: dict[str, float], unit: str = "") -> str:
    return ", ".join(f"{name} {value:.3g}{unit}" for name, value in figures.items())


def _measure(
    runtime: Runtime, batches: list[Batch], expected: NDArray[np.float32], to_beat: float
) -> tuple[float, float]:
    """Deviation from the expected rows, and rows a second over about half a second of work.

    A runtime whose first pass is slower than half of ``to_beat`` is not timed further.
    """
    found: dict[int, NDArray[np.float32]] = {}
    n_rows = sum(len(batch[0]) for batch in batches)
    started = time.perf_counter()
    runtime.run(batches, lambda number, rows: found.__setitem__(number, np.array(rows)))
    rate = n_rows / (time.perf_counter() - started)
    rows = np.concatenate([found[number] for number in range(len(batches))])
    n_shared = min(len(rows), len(expected))
    deviation = centred_deviation(rows[:n_shared], expected[:n_shared])
    if rate < to_beat / 2:
        return deviation, rate
    started, n_done = time.perf_counter(), 0
    while n_done == 0 or time.perf_counter() - started < 0.5:
        runtime.run(batches * 4, lambda number, rows: None)
        n_done += 4 * n_rows
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
