"""Which raw examples cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from headstart.cores import n_cores
from headstart.data.modalities.modality import get_modality
from headstart.errors import HeadstartError


def unreadable(examples: Sequence[Any], modality: str) -> dict[int, str]:
    """Position -> reason of those that cannot be opened.

    Args:
        examples: raw ones.
        modality: the kind of example.
    """
    open_example = get_modality(modality).open_example

    def reason(example: Any) -> str:
        try:
            open_example(example)
        except HeadstartError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(n_cores()) as pool:
        found = list(pool.map(reason, examples))
    return {place: why for place, why in enumerate(found) if why}
