"""A model ready to predict: encoders, head, temperature, classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.evaluation.calibration import TemperatureScaling
from headstart.features.direct import DirectEncoder
from headstart.features.parts import placed, with_part


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of n examples.

    Args:
        labels: (n,) predicted class, None where the example could not be read.
        proba: (n, n_classes) calibrated probabilities; nan where it could not be read.
        problems: position -> reason.
    """

    labels: NDArray[Any]
    proba: NDArray[np.float64]
    problems: dict[int, str]


@dataclass(frozen=True, eq=False)
class Model:
    """Predicts raw examples.

    Args:
        classes: class names in the order of the probabilities' columns.
        encoders: their features stand side by side in this order.
        head: a fitted head on (n, sum of dims) features, whose classes are the codes 0..n_classes-1.
        temperature: divides the log-probabilities.
        about: the bundle's description.
    """

    classes: tuple[str, ...]
    encoders: tuple[DirectEncoder, ...]
    head: Any
    temperature: float
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def modality(self) -> str:
        """The kind of example it takes."""
        return str(self.about.get("modality", "image"))

    def predict(self, examples: Sequence[Any]) -> NDArray[Any]:
        """(n,) class names.

        Raises:
            InputError: an example cannot be read; :meth:`predict_rows` goes on instead.
        """
        return self._whole(examples).labels

    def predict_proba(self, examples: Sequence[Any]) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities in the order of ``classes``.

        Raises:
            InputError: an example cannot be read; :meth:`predict_rows` goes on instead.
        """
        return self._whole(examples).proba

    def predict_rows(self, examples: Sequence[Any]) -> Predictions:
        """Predictions with the unreadable examples reported in place."""
        if isinstance(examples, (str, bytes)):
            raise InputError(f"predict needs a list of examples, got {str(examples)[:80]!r}. Put it into a list.")
        examples = self._from_frame(examples)
        parts: list[NDArray[np.float32]] = []
        problems: dict[int, str] = {}
        for encoder in self.encoders:
            features, found = (
                self._encode_part(encoder, examples) if self.modality == "mixed" else encoder.encode(examples)
            )
            parts.append(features)
            problems |= found
        proba = self.proba_of_features(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
        labels = np.array([self.classes[code] for code in proba.argmax(1)] if len(proba) else [], dtype=object)
        for position in problems:
            proba[position], labels[position] = np.nan, None
        return Predictions(labels, proba, problems)

    def _from_frame(self, examples: Any) -> Sequence[Any]:
        """The rows of a DataFrame as what the model takes; anything else as it is."""
        if not hasattr(examples, "iloc"):
            return examples  # type: ignore[no-any-return]
        from headstart.data.read_examples import read_examples

        return read_examples(examples, self.modality, self.about.get("roles", {})).inputs

    def _encode_part(self, encoder: DirectEncoder, examples: Sequence[Any]) -> tuple[Any, dict[int, str]]:
        rows = with_part(examples, encoder.modality)
        features, problems = encoder.encode([examples[row][encoder.modality] for row in rows])
        return placed(features, rows, len(examples)), {rows[place]: reason for place, reason in problems.items()}

    def proba_of_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities of (n, dim) features."""
        proba = np.zeros((features.shape[0], len(self.classes)), dtype=np.float64)
        if len(proba):
            proba[:, np.asarray(self.head.classes_, dtype=int)] = self.head.predict_proba(features)
            proba = TemperatureScaling(self.temperature).transform(proba)
        return proba

    def _whole(self, examples: Sequence[Any]) -> Predictions:
        predictions = self.predict_rows(examples)
        for position, reason in predictions.problems.items():
            raise InputError(f"predict needs readable examples, got {reason} (position {position}).")
        return predictions
