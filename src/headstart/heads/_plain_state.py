"""Fitted state that is plain arrays and numbers, written without pickle."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What JSON can hold, and what safetensors can hold."""


class PlainState:
    """A head that JSON and safetensors can hold; the others go through skops."""

    name: ClassVar[str]
    state_names: ClassVar[tuple[str, ...]] = ()
    """Fitted attributes that make up the state, beside the classes and the number of features."""

    def to_state(self) -> State:
        """The fitted head as JSON-able settings and plain arrays; undone by :meth:`from_state`."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        head: Any = self
        info: dict[str, Any] = {
            "head": self.name,
            "params": {key: _plain(value) for key, value in head.get_params(deep=False).items()},
            "n_features_in": head.n_features_in_,
            "numbers": {},
            "lists": {},
        }
        if hasattr(self, "classes_"):
            info |= {"classes": head.classes_.tolist(), "classes_dtype": head.classes_.dtype.str}
        arrays: dict[str, NDArray[Any]] = {}
        for name in self.state_names:
            value = getattr(self, name)
            if isinstance(value, list):
                info["lists"][name] = len(value)
                arrays.update({f"{name}.{i}": np.ascontiguousarray(item) for i, item in enumerate(value)})
            elif isinstance(value, np.ndarray):
                arrays[name] = np.ascontiguousarray(value)
            else:
                info["numbers"][name] = _plain(value)
        return info, arrays

    @classmethod
    def from_state(cls, info: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The head that :meth:`to_state` described."""
        if info.get("head") != cls.name:
            raise InputError(f"{cls.__name__}.from_state needs the state of {cls.name!r}, got {info.get('head')!r}.")
        head: Any = cls(**info["params"])
        if "classes" in info:
            head.classes_ = np.array(info["classes"], dtype=np.dtype(info["classes_dtype"]))
        head.n_features_in_ = int(info["n_features_in"])
        for name, value in info["numbers"].items():
            setattr(head, name, value)
        for name, length in info["lists"].items():
            setattr(head, name, [arrays[f"{name}.{i}"] for i in range(length)])
        for name in set(cls.state_names) & set(arrays):
            setattr(head, name, arrays[name])
        found: Self = head
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else None
