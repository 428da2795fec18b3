"""A fine-tuned model as JSON and plain arrays."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.parameter._tuning_target import ClassTarget, target_from_info

if TYPE_CHECKING:
    from headstart.strategies.parameter.fine_tune import FineTune

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What JSON can hold, and what safetensors can hold."""

_NETWORK, _FILE = "network:", "file:"


def state_of(model: FineTune) -> State:
    """Settings, the trunk's architecture, classes; weights of trunk and head, files that the trunk is built from."""
    from headstart.training.kept_backbone import keep

    backbone, files = keep(model.trunk_.backbone)
    params = {name: _plain(value) for name, value in model.get_params(deep=False).items()}
    info = {
        "strategy": "fine_tune",
        "params": params | {"backbone": model.trunk_.card.name},
        "target": model.target_.to_info(),
        "backbone": backbone,
        "resolution": model.trunk_.resolution,
        "pooling": model.trunk_.pooling,
        "dim": len(model.network_.state_dict()["head.scale.mean"]),
        "plan": asdict(model.plan_),
    }
    state = model.network_.state_dict()
    arrays = {f"{_NETWORK}{name}": tensor.detach().cpu().contiguous().numpy().copy() for name, tensor in state.items()}
    return info, arrays | {f"{_FILE}{role}": content for role, content in files.items()}


def model_from_state(kind: type[FineTune], info: dict[str, Any], arrays: dict[str, NDArray[Any]], backbone: Any) -> Any:
    """Undoes :func:`state_of`.

    Raises:
        InputError: it is the state of something else, of another architecture, or of a head of another size.
    """
    import torch

    from headstart.backbones._untrained import fixed_seed
    from headstart.training.heads.registry import TUNED_HEADS
    from headstart.training.kept_backbone import kept_backbone
    from headstart.training.rule import Plan
    from headstart.training.trunk import load_weights, open_trunk
    from headstart.training.tuned import Tuned

    if info.get("strategy") != "fine_tune":
        what = f"FineTune.from_state needs the state of 'fine_tune', got {info.get('strategy')!r}"
        raise InputError(f"{what}. Take the class that saved it.")
    files = {name.removeprefix(_FILE): array for name, array in arrays.items() if name.startswith(_FILE)}
    model = kind(**{**info["params"], "backbone": info["params"]["backbone"] if backbone is None else backbone})
    model.target_ = target_from_info(info["target"])
    if isinstance(model.target_, ClassTarget):
        model.classes_ = model.target_.classes
    found = kept_backbone(info["backbone"], files) if backbone is None else backbone
    seeded = {"resolution": info["resolution"], "random_state": model.random_state}
    model.trunk_ = open_trunk(found, **seeded, pooling=info.get("pooling", "mean"))
    model.plan_ = Plan(**info["plan"])
    with fixed_seed(0):
        head = TUNED_HEADS.class_of(model.head)(int(info["dim"]), model.target_.n_outputs)
    model.network_ = Tuned(model.trunk_.module, head)
    tensors = {
        name.removeprefix(_NETWORK): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(_NETWORK)
    }
    load_weights(model.network_, tensors, f"{model.trunk_.card.name!r} with a {model.head} head")
    model.network_.eval()
    return model


def _plain(value: Any) -> Any:
    """A setting that JSON holds; an object with settings becomes its name."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    return getattr(value, "name", None) or str(value)
