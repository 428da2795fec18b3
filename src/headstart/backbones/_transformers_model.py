"""A model of Transformers from its settings, with random weights or with the tensors of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.errors import IntegrityError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

NOT_SETTINGS = frozenset({"auto_map", "_name_or_path", "architectures", "custom_pipelines", "model_type"})
"""What a configuration says beyond the architecture; names of other code are never followed."""
_UNMAPPED = {"clap_audio_model": "ClapAudioModel"}
"""Towers that Transformers does not find by their configuration."""


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the architecture alone."""
    return {key: value for key, value in config.items() if key not in NOT_SETTINGS}


def untrained_model(kind: str, settings: Mapping[str, Any], **built: Any) -> Any:
    """Transformers' own model of a ``model_type``, in float32, seed 0.

    Args:
        kind: the ``model_type``.
        settings: of its configuration.
        built: arguments of the model's class.
    """
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed(), _quiet_transformers():
        model_class, config = _model_class(kind, settings)
        return model_class._from_config(config, attn_implementation="eager", **built).float()


def trained_model(
    kind: str, settings: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path, **built: Any
) -> Any:
    """The same with tensors that were read here: Transformers would also read other files.

    Args:
        kind: the ``model_type``.
        settings: of its configuration.
        tensors: named as the model, or a model with a head around it, names them.
        path: where they come from, for messages.
        built: arguments of the model's class.

    Raises:
        IntegrityError: a tensor is missing or has another shape.
    """
    from headstart.backbones._untrained import fixed_seed

    with fixed_seed(), _quiet_transformers():
        model_class, config = _model_class(kind, settings)
        try:
            model, told = model_class.from_pretrained(
                None,
                config=config,
                state_dict=dict(tensors),
                output_loading_info=True,
                attn_implementation="eager",
                dtype="float32",
                **built,
            )
        except (RuntimeError, ValueError, KeyError) as error:
            first = " ".join(str(error).split())[:200]
            raise IntegrityError(
                f"A {kind} backbone needs weights of its architecture, got others in {str(path)!r}: {first}. "
                "Check the file."
            ) from error
    lacking = sorted(told["missing_keys"]) + sorted(str(key) for key in told["mismatched_keys"])
    if lacking:
        raise IntegrityError(
            f"A {kind} backbone needs all weights of its architecture, got {str(path)!r} without {len(lacking)} of "
            f"them ({', '.join(lacking[:2])}). Check the file."
        )
    return model


def require_transformers(who: str, extra: str) -> None:
    """Raise MissingExtraError where Transformers is not installed."""
    if find_spec("transformers") is None:
        raise MissingExtraError(who, "transformers", extra)


def _model_class(kind: str, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    from transformers import MODEL_MAPPING, AutoConfig

    config = AutoConfig.for_model(kind, **settings)
    if kind in _UNMAPPED:
        import transformers

        return getattr(transformers, _UNMAPPED[kind]), config
    return MODEL_MAPPING[type(config)], config


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without its bars and advice, which are as they were afterwards."""
    from transformers.utils import logging

    level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()
