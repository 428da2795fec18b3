"""Keras 3 on its torch backend, without disturbing what the user set in it."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.backbones._h5_file import check_h5
from headstart.errors import InputError, IntegrityError

_VARIABLE = "KERAS_BACKEND"


def wrong_backend() -> str:
    """The backend that Keras runs on, or would run on, where that is not torch; else ""."""
    if "keras" in sys.modules:
        named = str(sys.modules["keras"].config.backend())
    else:
        named = os.environ.get(_VARIABLE) or "torch"
    return "" if named == "torch" else named


def import_keras(who: str) -> Any:
    """Keras on torch; the environment variable is set where it says nothing yet.

    Raises:
        InputError: Keras runs on another backend.
    """
    if named := wrong_backend():
        raise InputError(
            f"{who} needs Keras on its torch backend, got {named!r}. Set {_VARIABLE}=torch before Keras is imported."
        )
    if "keras" not in sys.modules and not os.environ.get(_VARIABLE):
        os.environ[_VARIABLE] = "torch"
    import keras

    return keras


def keras_folder() -> Path:
    """Where Keras keeps published weights."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path("~/.keras").expanduser()) / "models"


@contextmanager
def plain_settings(keras: Any, device: str = "cpu") -> Iterator[None]:
    """Channels last, float32, on ``device``, seed 0 for initial values; all is as before afterwards."""
    layout, policy, width = (
        keras.config.image_data_format(),
        keras.config.dtype_policy(),
        keras.config.floatx(),
    )
    state = random.getstate()  # Keras draws the seeds of its layers here
    try:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        random.seed(0)
        with keras.device(device):
            yield
    finally:
        random.setstate(state)
        keras.config.set_image_data_format(layout)
        keras.config.set_floatx(width)
        keras.config.set_dtype_policy(policy)


def build_model(keras: Any, name: str, side: tuple[int, int], args: Mapping[str, Any], n_classes: int | None) -> Any:
    """The untrained model: pooled features, or with a classifier of ``n_classes``.

    Raises:
        InputError: the arguments are none of its.
    """
    top = {"include_top": False, "pooling": "avg"} if n_classes is None else {"include_top": True, "classes": n_classes}
    try:
        return getattr(keras.applications, name)(weights=None, input_shape=(*side, 3), **top, **args)
    except (TypeError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise InputError(
            f"Backbone keras/{name} needs settings its architecture takes, got {dict(args)!r} and {side}: {first}."
        ) from error


def load_weights(model: Any, path: Path, who: str) -> None:
    """Put the arrays of an HDF5 file into the model; nothing may be missing or of another shape.

    Raises:
        IntegrityError: damaged, hostile, or of another architecture.
    """
    check_h5(path, who)
    try:
        model.load_weights(str(path))
    except Exception as error:  # a border: Keras and h5py raise many kinds for a file of another model
        first = " ".join(str(error).split())[:200]
        raise IntegrityError(
            f"{who} needs weights of its architecture, got others in {str(path)!r}: {first}. Check the file."
        ) from error


def copy_weights(source: Any, target: Any, who: str) -> None:
    """From a model with a classifier to the same without one.

    Raises:
        IntegrityError: they are not the same up to the classifier.
    """
    theirs, ours = ([layer for layer in model.layers if layer.weights] for model in (source, target))
    for theirs_layer, our_layer in zip(theirs, ours, strict=False):
        shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in (theirs_layer, our_layer)]
        if shapes[0] != shapes[1]:
            raise IntegrityError(
                f"{who} needs a classifier behind its features, got {our_layer.name} elsewhere. Set include_top to "
                "false in config.json and save the model without it."
            )
        for ours_weight, theirs_weight in zip(our_layer.weights, theirs_layer.weights, strict=True):
            ours_weight.assign(theirs_weight.value)
