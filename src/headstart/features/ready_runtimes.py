"""Runtimes that this process keeps ready: converting a network takes seconds, keeping it tens of megabytes."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.features.runtimes.runtime import Runtime

MOST_READY = 4

_READY: OrderedDict[str, Runtime] = OrderedDict()
_LOCK = Lock()


def kept_ready(key: Any, build: Callable[[], Runtime]) -> Runtime:
    """The runtime of the JSON-able ``key``, built now or kept from before."""
    name = json.dumps(key, sort_keys=True)
    with _LOCK:
        runtime = _READY.pop(name, None) or build()
        _READY[name] = runtime
        while len(_READY) > MOST_READY:
            _READY.popitem(last=False)
    return runtime
