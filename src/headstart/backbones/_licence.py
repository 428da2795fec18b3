"""What a stated licence is called and allows."""

from __future__ import annotations

_SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC",
    "cc0-1.0": "CC0-1.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
}

_COMMERCIAL = frozenset({"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "CC0-1.0", "CC-BY-4.0"})


def licence_of(stated: object) -> tuple[str, bool]:
    """The SPDX name of a licence as hubs write it, and True where it is known to allow commercial use."""
    if not isinstance(stated, str) or not stated:
        return "unknown", False
    name = _SPDX.get(stated.lower(), stated)
    return name, name in _COMMERCIAL
