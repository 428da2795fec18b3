"""Facts that travel with a saved model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.run.route import Route
    from headstart.selection.tournament import Contender


def model_facts(route: Route, contender: Contender) -> dict[str, Any]:
    """Facts that travel with the model."""
    from importlib import metadata

    from headstart import __version__

    packages = ("torch", "timm", "openvino", "onnxruntime", "scikit-learn", "numpy", "pillow", "skops")
    installed = {d.metadata["Name"].lower(): d.version for d in metadata.distributions() if d.metadata["Name"]}
    return {
        "task": route.task.name,
        "modality": route.data.dataset.modality,
        "roles": route.found.roles,
        "headstart": __version__,
        "versions": {name: installed[name] for name in packages if name in installed},
        "model": contender.name,
        "settings": contender.choice.winner.settings,
        "data": {
            "fingerprint": route.folder.identity["data"],
            "n_train": len(route.field.y),
            "n_test": len(route.data.parts.test),
            "train_counts": route.data.dataset.take(route.data.parts.train).counts(route.task.names),
            "split": route.data.parts.rule,
        },
    }
