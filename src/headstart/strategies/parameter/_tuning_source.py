"""Where a fine-tuning begins: a backbone, or an earlier fine-tuning whose weights are carried over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies.parameter._tuning_target import ClassTarget, NumberTarget

if TYPE_CHECKING:
    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.trunk import Trunk
    from headstart.training.tuned import Tuned


@final
@dataclass(frozen=True, eq=False)
class TuningSource:
    """What is carried over.

    Args:
        trunk: opened, with its first weights.
        earlier: the model that it comes from, or None.
    """

    trunk: Trunk
    earlier: FineTune | None = None

    @property
    def is_tuned(self) -> bool:
        """True where the trunk's weights are not the pretrained ones."""
        return self.earlier is not None

    def known_rows(self, head: str, target: ClassTarget | NumberTarget) -> NDArray[np.bool_] | None:
        """(n_outputs,) True for outputs that the earlier model has; None where none is carried over."""
        places = self._places(head, target)
        return None if places is None else places >= 0

    def network(
        self, trunk: Trunk, head: str, dim: int, target: ClassTarget | NumberTarget, *, random_state: int
    ) -> Tuned:
        """Trunk and head, with the rows of shared class names in it."""
        from headstart.backbones._untrained import fixed_seed
        from headstart.training.forward import device_of
        from headstart.training.heads.registry import TUNED_HEADS
        from headstart.training.tuned import Tuned

        with fixed_seed(random_state):
            made = TUNED_HEADS.class_of(head)(dim, target.n_outputs)
        places = self._places(head, target)
        if self.earlier is not None and places is not None:
            _carry(self.earlier.network_.head.state_dict(), made, places)
        return Tuned(trunk.module, made.to(device_of(trunk.module)))

    def _places(self, head: str, target: ClassTarget | NumberTarget) -> NDArray[np.int64] | None:
        """(n_outputs,) row of each output in the earlier head, -1 where it had none; None where no row is of use."""
        if self.earlier is None or self.earlier.head != head or type(self.earlier.target_) is not type(target):
            return None
        if isinstance(target, NumberTarget):
            return np.zeros(1, dtype=np.int64) if _same_unit(self.earlier.target_, target) else None
        lookup = {label: row for row, label in enumerate(self.earlier.classes_.tolist())}
        places = np.array([lookup.get(label, -1) for label in target.classes.tolist()], dtype=np.int64)
        return places if (places >= 0).any() else None


def source_of(backbone: Any, *, random_state: int, pooling: str = "mean") -> TuningSource:
    """Open ``backbone``; what was tuned before keeps its pooling.

    Raises:
        InputError: it has no gradient, or is something else.
        UnknownNameError: there is none of that name.
    """
    from torch import nn

    from headstart.backbones.backbone import Backbone
    from headstart.strategies.parameter.fine_tune import FineTune
    from headstart.training.trunk import open_trunk

    earlier = getattr(backbone, "estimator", backbone)  # what a FrozenEstimator holds
    if isinstance(earlier, tuple) and len(earlier) == 2:
        earlier = FineTune.from_state(*earlier)
    if isinstance(earlier, FineTune):
        if not hasattr(earlier, "network_"):
            raise InputError(
                "FineTune needs a fitted FineTune to go on from, got one that is not. Fit it, and wrap it in "
                "sklearn.frozen.FrozenEstimator where it is cloned."
            )
        return TuningSource(earlier.trunk_.copied(earlier.network_.trunk.state_dict()), earlier)
    if not isinstance(earlier, (str, Backbone, nn.Module)):
        raise InputError(
            f"FineTune needs a backbone by name, a Backbone, a torch module or a fitted FineTune, got {earlier!r}. "
            "Pass one of them."
        )
    return TuningSource(open_trunk(earlier, random_state=random_state, pooling=pooling))


def _carry(state: dict[str, Any], head: Any, places: NDArray[np.int64]) -> None:
    """Rows of the output layer by name, everything before it as it was; rows of new classes are 0."""
    import torch

    own = head.state_dict()
    taken = torch.from_numpy(np.maximum(places, 0))
    is_new = torch.from_numpy(places < 0)
    for name, tensor in state.items():
        value = tensor.detach().cpu()
        if name.startswith("output."):
            value = value[taken].clone()
            value[is_new] = own[name][is_new]
        own[name] = value
    head.load_state_dict(own)


def _same_unit(earlier: Any, target: NumberTarget) -> bool:
    return bool(np.isclose(earlier.mean, target.mean) and np.isclose(earlier.scale, target.scale))
