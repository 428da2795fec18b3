"""One pass of examples through a backbone: what is cached, what has to be computed, where it is kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.backbone import Backbone
from headstart.cores import n_cores
from headstart.data.modalities.modality import get_modality
from headstart.errors import InputError, IntegrityError
from headstart.features.cache import FeatureCache
from headstart.features.cache_space import FeatureSpace
from headstart.features.choose_runtime import RuntimeChoice, RuntimeMemo, choose_runtime
from headstart.features.classic_backbone import ClassicBackbone
from headstart.features.frame_backbone import over_frames, rows_are_frames
from headstart.features.ready_backbone import make_ready
from headstart.features.settings import EncoderSettings
from headstart.features.stream import Stream
from headstart.types import Decide, Progress, decide_now, silent

if TYPE_CHECKING:
    from headstart.features.ready_backbone import ReadyBackbone
    from headstart.features.runtimes.runtime import Runtime

log = logging.getLogger("headstart")

SAMPLE_ROWS = 16
"""Rows on which runtimes are measured."""
ROWS_A_PUT = 256
"""Rows gathered before they go to the cache."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Features of some examples.

    Args:
        features: (n, dim) float32; a row of zeros where the example could not be read. A sparse matrix where the
            backbone gives one.
        problems: position -> reason, for those rows.
        n_computed: rows that were not in the cache.
        choice: the runtime that computes them.
    """

    features: NDArray[np.float32]
    problems: dict[int, str]
    n_computed: int
    choice: RuntimeChoice


class Encoding:
    """One call of :meth:`headstart.Encoder.encode`.

    Args:
        backbone: what encodes.
        settings: how.
        runtime: a runtime's name or "auto".
        examples: n raw examples.
        digests: (n,) content digests, b"" where the example is known to be unreadable; None: read them here.
        decide: makes or replays the choice of the runtime.
        progress: told of rows done.
    """

    def __init__(
        self,
        backbone: Backbone,
        settings: EncoderSettings,
        runtime: str,
        examples: Sequence[Any],
        digests: Sequence[bytes] | None,
        decide: Decide = decide_now,
        progress: Progress = silent,
    ) -> None:
        self._backbone = backbone.resolve()
        self._card = self._backbone.card
        self._settings, self._runtime = settings, runtime
        self._examples, self._decide, self._progress = examples, decide, progress
        self._measured: Runtime | None = None
        self.problems: dict[int, str] = {}
        self._digests = list(digests) if digests is not None else self._read_digests()
        for row, digest in enumerate(self._digests):
            if not digest:
                self.problems.setdefault(row, "unreadable")

    def run(self, cache: FeatureCache) -> Encoded:
        """Compute what the cache lacks, keep it there, and hand all rows over."""
        if self._backbone.is_sparse:
            return self._sparse()
        choice = self._choice(RuntimeMemo(cache.root))
        key = self._settings.key(self._card)
        key |= {"runtime": f"{choice.runtime}-{choice.version}", "precision": choice.precision}
        with cache.space(key, self._dim()) as space:
            readable = self._readable()
            absent = [readable[place] for place in space.missing([self._digests[row] for row in readable])]
            if absent:
                self._compute(space, absent, self._built(choice))
            features = over_frames(self._card, self._collect(space))
            return Encoded(features, dict(sorted(self.problems.items())), len(absent), choice)

    def _sparse(self) -> Encoded:
        """Counts and their like are faster made than read back."""
        from headstart.features.sparse import encode_sparse

        features, problems = encode_sparse(self._backbone, self._examples, set(self.problems))
        problems |= self.problems
        choice = RuntimeChoice("numpy", "fp32", "1", why="classic features")
        return Encoded(features, dict(sorted(problems.items())), len(self._examples) - len(problems), choice)

    def _readable(self) -> list[int]:
        return [row for row in range(len(self._examples)) if row not in self.problems]

    def _choice(self, memo: RuntimeMemo) -> RuntimeChoice:
        """The runtime to use: the only one, or the one that was decided on."""
        if self._backbone.is_classic:
            return RuntimeChoice("numpy", "fp32", "1", why="classic features")
        key = self._settings.key(self._card) | {"precision": self._settings.precision, "runtime": self._runtime}
        name = f"runtime:{self._card.name}:{memo.address(key)}"
        return RuntimeChoice(**self._decide(name, lambda: asdict(self._found_best(memo, key))))

    def _found_best(self, memo: RuntimeMemo, key: dict[str, Any]) -> RuntimeChoice:
        """The runtime found best before, or the best of a measurement now."""
        choice = memo.get(key)
        if choice is not None:
            return choice
        ready = self._ready
        assert not isinstance(ready, ClassicBackbone)
        rows = self._readable()
        self._measured, choice = choose_runtime(
            ready,
            ready.sample(self._examples, self._digests, rows[:SAMPLE_ROWS]),
            precision=self._settings.precision,
            runtime=self._runtime,
            n_rows=len(rows),
        )
        memo.put(key, choice)
        log.info("%s runs on %s %s: %s", self._card.name, choice.runtime, choice.precision, choice.why)
        return choice

    @cached_property
    def _ready(self) -> ReadyBackbone | ClassicBackbone:
        return make_ready(self._backbone, self._settings)

    def _built(self, choice: RuntimeChoice) -> Runtime:
        return self._measured or self._ready.build(choice.runtime, choice.precision)

    def _dim(self) -> int:
        if self._settings.layer is None and not rows_are_frames(self._card):
            return self._card.dim
        return self._ready.dim()

    def _compute(self, space: FeatureSpace, absent: list[int], runtime: Runtime) -> None:
        """Stream the absent rows through the runtime into the cache."""
        stream = self._ready.stream(self._examples, self._digests, absent, runtime.batch_size)
        store = _Store(space, stream, self._digests, self._progress, f"encode {self._card.name}")
        runtime.run(stream, store)
        store.flush()
        self.problems.update(stream.problems)

    def _collect(self, space: FeatureSpace) -> NDArray[np.float32]:
        readable = self._readable()
        rows, present = space.get([self._digests[row] for row in readable])
        if not present.all():
            raise IntegrityError(
                f"Encoder needs its rows back from the cache, got {int((~present).sum())} fewer. "
                "Run: headstart cache verify"
            )
        if len(readable) == len(self._examples):
            return rows
        features = np.zeros((len(self._examples), space.dim), dtype=np.float32)
        features[readable] = rows
        return features

    def _read_digests(self) -> list[bytes]:
        """Content digests of all examples, read in threads; b"" and a reason for the unreadable."""
        digest_of = get_modality(self._card.modality).digest

        def digest(row: int) -> bytes:
            try:
                return digest_of(self._examples[row])
            except (OSError, InputError) as error:
                self.problems[row] = str(error)
                return b""

        with ThreadPoolExecutor(n_cores()) as pool:
            return list(pool.map(digest, range(len(self._examples))))


class _Store:
    """The sink of a runtime: gathers rows and puts them into the cache a few hundred at a time."""

    def __init__(
        self, space: FeatureSpace, stream: Stream, digests: Sequence[bytes], progress: Progress, what: str
    ) -> None:
        self._space, self._stream, self._digests = space, stream, digests
        self._progress, self._what, self._n_done = progress, what, 0
        self._kept: list[tuple[bytes, NDArray[np.float32]]] = []

    def __call__(self, number: int, rows: NDArray[np.float32]) -> None:
        finished = self._stream.finished(number, rows)
        self._kept += [(self._digests[row], features) for row, features in finished]
        self._n_done += len(finished)
        if len(self._kept) >= ROWS_A_PUT:
            self.flush()
        n_bad = len(self._stream.problems)
        self._progress(self._what, self._n_done + n_bad, len(self._stream.rows))

    def flush(self) -> None:
        """Put what is gathered."""
        if self._kept:
            self._space.put([digest for digest, _ in self._kept], np.stack([row for _, row in self._kept]))
            self._kept.clear()
