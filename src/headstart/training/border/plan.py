"""What activations take on disk, told before they are computed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import final

from headstart.errors import InputError
from headstart.features.cache_size import format_size


@final
@dataclass(frozen=True)
class BorderPlan:
    """What the activations of some examples take on disk.

    Args:
        n_examples: examples, alike ones counted once.
        n_views: views of each.
        bytes: of all of them.
        new_bytes: of those that are still to be computed.
        precision: how numbers are kept.
        deviation: by how much they differ when read back, relative to their size, on a few examples.
    """

    n_examples: int
    n_views: int
    bytes: int
    new_bytes: int
    precision: str
    deviation: float

    def __str__(self) -> str:
        return (
            f"{format_size(self.bytes)} for {self.n_examples:,} examples in {self.n_views} views "
            f"({format_size(self.new_bytes)} to compute), {self.precision}, off by {self.deviation:.1e}"
        )


def check_room(plan: BorderPlan, block: str, *, root: Path, max_bytes: int) -> None:
    """Refuse what does not fit.

    Args:
        plan: what is to be computed.
        block: name of the block at the border, for the message.
        root: folder of the cache.
        max_bytes: most that may be written.

    Raises:
        InputError: it is more than ``max_bytes``, or than the disk holds.
    """
    if plan.new_bytes > max_bytes:
        raise _too_large(plan, block, f"max_bytes={format_size(max_bytes)}", "raise max_bytes")
    folder = next(path for path in (root, *root.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if plan.new_bytes > free:
        raise _too_large(plan, block, f"{format_size(free)} free on disk", "free some")


def _too_large(plan: BorderPlan, block: str, got: str, remedy: str) -> InputError:
    return InputError(
        f"The border cache needs {format_size(plan.new_bytes)} for {plan.n_examples:,} examples in {plan.n_views} "
        f"views at {block!r}, got {got}. Take a later block, fewer views or precision='float16', or {remedy}."
    )
