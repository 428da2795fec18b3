"""A model ready to predict: encoders, head, calibration, classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.bundle.answers.answer import Answer, answer_of
from headstart.errors import InputError
from headstart.evaluation.calibrations import Calibration
from headstart.features.direct import DirectEncoder
from headstart.features.parts import placed, with_part
from headstart.features.unreadable import unreadable


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model says of n examples.

    Args:
        labels: (n,) answers, None where the example could not be read: class names, numbers, tuples of label names, or
            True for an anomaly.
        figures: (n, n_columns) what stands beside them; nan where it could not be read.
        problems: position -> reason.
    """

    labels: NDArray[Any]
    figures: NDArray[np.float64]
    problems: dict[int, str]

    @property
    def proba(self) -> NDArray[np.float64]:
        """The figures of a classifier: (n, n_classes) calibrated probabilities."""
        return self.figures


@dataclass(frozen=True, eq=False)
class Model:
    """Predicts raw examples.

    Args:
        classes: class names in the order of the probabilities' columns; none for numbers.
        encoders: their features stand side by side in this order; none where the head takes raw examples.
        head: a fitted head on (n, sum of dims) features, or on raw examples.
        calibration: makes its outputs honest.
        about: the bundle's description.
    """

    classes: tuple[str, ...]
    encoders: tuple[DirectEncoder, ...]
    head: Any
    calibration: Calibration
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def modality(self) -> str:
        """The kind of example it takes."""
        return str(self.about.get("modality", "image"))

    @property
    def task(self) -> str:
        """What it was asked: a name of ``headstart.tasks``."""
        return str(self.about.get("task", "classification"))

    @property
    def answer(self) -> Answer:
        """What its answers are called and how they read."""
        return answer_of(self.task)

    def predict(self, examples: Sequence[Any]) -> NDArray[Any]:
        """(n,) class names; or numbers, tuples of label names, or True where anomalous.

        Raises:
            InputError: an example cannot be read; :meth:`predict_rows` goes on instead.
        """
        return self._whole(examples).labels.astype(self.answer.DTYPE)

    def predict_proba(self, examples: Sequence[Any]) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities in the order of ``classes``.

        Raises:
            InputError: an example cannot be read (:meth:`predict_rows` goes on instead), or the model has none.
        """
        return self._figures(examples, "predict_proba")

    def predict_interval(self, examples: Sequence[Any]) -> NDArray[np.float64]:
        """(n, 2) ends of the interval around each predicted number.

        Raises:
            InputError: an example cannot be read, or the model predicts no numbers.
        """
        return self._figures(examples, "predict_interval")

    def anomaly_score(self, examples: Sequence[Any]) -> NDArray[np.float64]:
        """(n,) how strange each example is.

        Raises:
            InputError: an example cannot be read, or the model detects no anomalies.
        """
        return np.asarray(self._figures(examples, "anomaly_score")[:, 0])

    def _figures(self, examples: Sequence[Any], method: str) -> NDArray[np.float64]:
        if self.answer.FIGURES != method:
            raise InputError(f"{method} needs another task, got a model of {self.task}. Call {self.answer.FIGURES}.")
        return self._whole(examples).figures

    def predict_rows(self, examples: Sequence[Any]) -> Predictions:
        """Predictions with the unreadable examples reported in place."""
        if isinstance(examples, (str, bytes)):
            raise InputError(f"predict needs a list of examples, got {str(examples)[:80]!r}. Put it into a list.")
        examples = self._from_frame(examples)
        outputs, problems = self._outputs(examples) if self.encoders else self._outputs_of_raw(examples)
        figures = np.array(self.answer.figures(outputs, self.calibration), dtype=np.float64)
        labels = np.empty(len(outputs), dtype=object)
        labels[:] = self.answer.answers(outputs, self.calibration, self.classes)
        for position in problems:
            figures[position], labels[position] = np.nan, None
        return Predictions(labels, figures, problems)

    def _outputs(self, examples: Sequence[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Outputs of a head on features, and position -> reason."""
        parts: list[NDArray[np.float32]] = []
        problems: dict[int, str] = {}
        for encoder in self.encoders:
            features, found = (
                self._encode_part(encoder, examples) if self.modality == "mixed" else encoder.encode(examples)
            )
            parts.append(features)
            problems |= found
        return self.outputs_of_features(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)), problems

    def _outputs_of_raw(self, examples: Sequence[Any]) -> tuple[NDArray[np.float64], dict[int, str]]:
        """The same where the head reads the examples itself: it gets those that can be read."""
        problems = unreadable(examples, self.modality)
        rows = [row for row in range(len(examples)) if row not in problems]
        outputs = np.zeros((len(examples), max(1, len(self.classes))))
        outputs[rows] = self.outputs_of_features([examples[row] for row in rows])
        return outputs, problems

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

    def outputs_of_features(self, features: Any) -> NDArray[np.float64]:
        """(n, n_classes) calibrated probabilities of (n, dim) features, or what else the task's heads give."""
        n_outputs = max(1, len(self.classes))
        if not (features.shape[0] if hasattr(features, "shape") else len(features)):
            has_table = self.answer.FIGURES == "predict_proba"
            return np.zeros((0, n_outputs) if has_table else 0)
        return self.calibration.transform(self.head.outputs(features, n_outputs))

    def _whole(self, examples: Sequence[Any]) -> Predictions:
        predictions = self.predict_rows(examples)
        for position, reason in predictions.problems.items():
            raise InputError(f"predict needs readable examples, got {reason} (position {position}).")
        return predictions
