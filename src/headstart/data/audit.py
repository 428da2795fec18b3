"""Look at every example once, before any training: is it whole, how large is it, is it there twice."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.modalities.modality import Modality, get_modality
from headstart.data.raw_file import UnreadableError
from headstart.errors import InputError
from headstart.types import Dataset, Progress, silent

if TYPE_CHECKING:
    from headstart.data.finding import Finding
    from headstart.data.split import Parts

MAX_UNREADABLE_SHARE = 0.5
"""With a larger share of unreadable files something else is wrong, and nothing is trained."""

_BLOCK_ROWS = 32
_MAX_NAMED = 3


@dataclass(frozen=True, eq=False)
class Audit:
    """What was seen in the files of a data set, row by row. Arrays are read-only.

    Args:
        dataset: the data set that was looked at.
        digest: (n,) bytes, sha256 of the content; b"" where unreadable.
        problem: (n,) why a row is unreadable, None where it is whole.
        measures: name -> (n,) numbers, such as width and height; 0 where unreadable.
        duplicate_of: (n,) int, the first row with the same content, -1 where there is none before it.
        near_group: (n,) int, equal for rows that are copies or near-duplicates of each other, different otherwise.
    """

    dataset: Dataset
    digest: NDArray[Any]
    problem: NDArray[Any]
    measures: dict[str, NDArray[np.float64]]
    duplicate_of: NDArray[np.int64]
    near_group: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("digest", "problem", "duplicate_of", "near_group"):
            getattr(self, name).setflags(write=False)
        for values in self.measures.values():
            values.setflags(write=False)

    @property
    def modality(self) -> Modality:
        """What kind of example the rows are."""
        return get_modality(self.dataset.modality)

    def named(self, rows: Any) -> str:
        """The names of the first of ``rows``, and how many more there are."""
        names = ", ".join(repr(str(self.dataset.ids[row])) for row in rows[:_MAX_NAMED])
        return names + (f" and {len(rows) - _MAX_NAMED} more" if len(rows) > _MAX_NAMED else "")

    @property
    def readable(self) -> NDArray[np.bool_]:
        """(n,) True where the example is whole."""
        return np.array([problem is None for problem in self.problem], dtype=bool)

    def require_readable(self, max_unreadable_share: float = MAX_UNREADABLE_SHARE) -> None:
        """Refuse a data set of which too much is unreadable.

        Raises:
            InputError: no file is readable, or a share above ``max_unreadable_share`` is not.
        """
        bad = np.flatnonzero(~self.readable)
        if not len(bad) or len(bad) / len(self.problem) <= max_unreadable_share:
            return
        noun, example = self.modality.NOUN, f"{self.dataset.ids[bad[0]]!r} {self.problem[bad[0]]}"
        if len(bad) == len(self.problem):
            raise InputError(
                f"audit needs at least one readable {noun}, got no readable file among {len(bad)}: {example}. "
                "Check the path and the file format."
            )
        raise InputError(
            f"audit needs at least {1 - max_unreadable_share:.0%} readable {noun}s, got {len(bad)} unreadable "
            f"of {len(self.problem)}, the first: {example}. Copy the files again or remove the bad ones."
        )

    def findings(self, parts: Parts | None = None) -> tuple[Finding, ...]:
        """Everything worth telling, worst first.

        Args:
            parts: the split in use, to find leaks; default: the split that came with the data.
        """
        from headstart.data.audit_findings import audit_findings

        return audit_findings(self, parts)


def audit(dataset: Dataset, *, n_jobs: int | None = None, progress: Progress = silent) -> Audit:
    """Open every example once and say what is wrong; unreadable rows are listed, not raised.

    Args:
        dataset: the examples.
        n_jobs: threads; default: the processors this process may use, at most 16.
        progress: told after every few files.
    """
    n, modality = len(dataset), get_modality(dataset.modality)
    digest, problem, imprints = (np.full(n, empty, dtype=object) for empty in (b"", None, None))
    measures = np.zeros((len(modality.MEASURES), n))

    def look(start: int) -> int:
        stop = min(start + _BLOCK_ROWS, n)
        for row in range(start, stop):
            try:
                seen = modality.look(dataset.inputs[row])
            except UnreadableError as error:
                problem[row] = error.reason
            else:
                digest[row], measures[:, row], imprints[row] = seen.digest, seen.measures, seen.imprint
        return stop - start

    done = 0
    with ThreadPoolExecutor(n_jobs or _processors()) as pool:
        jobs = [pool.submit(look, start) for start in range(0, n, _BLOCK_ROWS)]
        try:
            for job in as_completed(jobs):
                done += job.result()
                progress("audit", done, n)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    first = _first_copies(digest)
    return Audit(
        dataset=dataset,
        digest=digest,
        problem=problem,
        measures=dict(zip(modality.MEASURES, measures, strict=True)),
        duplicate_of=np.where(first == np.arange(n), -1, first),
        near_group=_near_groups(modality, first, imprints),
    )


def _processors() -> int:
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _first_copies(digest: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) the first row with the same content, which is often the row itself."""
    seen: dict[bytes, int] = {}
    rows = (seen.setdefault(content, row) if content else row for row, content in enumerate(digest))
    return np.fromiter(rows, dtype=np.int64, count=len(digest))


def _near_groups(modality: Modality, first: NDArray[np.int64], imprints: NDArray[Any]) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(first)
    if not n:
        return np.empty(0, dtype=np.int64)
    is_told = np.array([imprint is not None for imprint in imprints], dtype=bool)
    distinct = np.flatnonzero(is_told & (first == np.arange(n)))
    pairs = distinct[modality.near_pairs(list(imprints[distinct]))]  # (m, 2)
    links = np.concatenate([pairs, np.stack([np.arange(n), first], axis=1)])
    graph = coo_array((np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(n, n))
    group: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return group
