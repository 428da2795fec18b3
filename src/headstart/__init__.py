"""Transfer learning that pays off, and proves it."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "fit": "headstart.run.fit",
    "diagnose": "headstart.selection.diagnose",
    "Run": "headstart.run.fit",
    "load": "headstart.bundle.load",
    "Model": "headstart.bundle.model",
    "Encoder": "headstart.features.encoder",
    "FeatureCache": "headstart.features.cache",
    "FineTune": "headstart.strategies.parameter.fine_tune",
    "Aligned": "headstart.strategies.feature.aligned",
    "Coral": "headstart.strategies.feature.coral",
    "KMM": "headstart.strategies.instance.kmm",
    "Reweighted": "headstart.strategies.instance.reweighted",
    "SafeTransfer": "headstart.strategies.safe_transfer",
    "Unlabelled": "headstart.strategies.unlabelled",
    "search": "headstart.selection.search",
    "make_pipeline": "headstart.strategies.pipeline",
    "Dataset": "headstart.types",
    "Score": "headstart.types",
    "HeadstartError": "headstart.errors",
}
_ALIASES = {"load": "load_bundle"}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), _ALIASES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
