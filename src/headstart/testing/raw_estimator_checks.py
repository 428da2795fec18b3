"""What every estimator on raw examples must do; run them over your own with ``for check in RAW_CHECKS: check(case)``.

A check raises AssertionError with one line. Take an estimator that is quick: most checks fit it twice.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

_TOLERANCE = 1e-5
_N = 24


@final
@dataclass(frozen=True, eq=False)
class RawCase:
    """An estimator and what it may be fitted on.

    Args:
        estimator: a classifier that is not fitted, with a seed.
        X: 24 raw examples, a list or a DataFrame.
        y: (24,) codes, 12 of each of two classes.
    """

    estimator: Any
    X: Any
    y: NDArray[np.int64]

    def fitted(self, X: Any = None, y: Any = None, **given: Any) -> Any:
        """A clone that was fitted, on other examples or labels where they are given."""
        from sklearn.base import clone

        return clone(self.estimator).fit(self.X if X is None else X, self.y if y is None else y, **given)


Check = Callable[[RawCase], None]


def raw_case(estimator: Any, modality: str) -> RawCase:
    """The estimator with examples of two classes that differ plainly.

    Args:
        estimator: a classifier.
        modality: "image", "text", "audio" or "table".
    """
    draw, y = np.random.default_rng(0), np.arange(_N) % 2
    return RawCase(estimator, _EXAMPLES[modality](draw, y), y)


def check_answers_are_probabilities(case: RawCase) -> None:
    """Probabilities are (n, 2), in 0..1, of sum 1; the label is the most probable class; no example gives no row."""
    model = case.fitted()
    proba = model.predict_proba(case.X)
    _require(proba.shape == (_N, 2), f"predict_proba gives {proba.shape}")
    _require(bool(((proba >= 0) & (proba <= 1)).all()), "probabilities are not in 0..1")
    _require(bool(np.allclose(proba.sum(axis=1), 1)), "probabilities do not sum to 1")
    _require(_same(model.predict(case.X), model.classes_[proba.argmax(axis=1)]), "predict is not the most probable")


def check_leaves_inputs(case: RawCase) -> None:
    """Examples, labels and weights that were passed are unchanged, and so is the estimator's setting."""
    from sklearn.base import clone

    weights = np.linspace(0.5, 1.5, _N)
    model, kept = clone(case.estimator), copy.deepcopy((case.X, case.y, weights))
    settings = {name: repr(value) for name, value in model.get_params(deep=False).items()}
    model.fit(case.X, case.y, sample_weight=weights).predict_proba(case.X)
    _require(_equal(kept, (case.X, case.y, weights)), "what was passed was changed")
    after = {name: repr(value) for name, value in model.get_params(deep=False).items()}
    _require(settings == after, "fit changed a setting")


def check_same_seed_same_model(case: RawCase) -> None:
    """Fitted twice, and fitted again after another fit, it answers bit for bit alike."""
    model = case.fitted()
    first = model.predict_proba(case.X)
    _require(_same(first, case.fitted().predict_proba(case.X)), "two fits with one seed differ")
    _require(_same(first, model.fit(case.X, case.y).predict_proba(case.X)), "a second fit goes on from the first")


def check_leaves_random_state(case: RawCase) -> None:
    """The global random numbers of numpy and torch are as before."""
    import torch

    before, before_numpy = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    case.fitted().predict_proba(case.X)
    after_numpy: Any = np.random.get_state()  # noqa: NPY002
    _require(torch.equal(before, torch.get_rng_state()), "torch's global random state was moved")
    same = np.array_equal(before_numpy[1], after_numpy[1]) and before_numpy[2] == after_numpy[2]  # type: ignore[index]
    _require(bool(same), "numpy's global random state was moved")


def check_labels_are_names(case: RawCase) -> None:
    """Other names of the classes, in the same order, change no probability; answers are in those names."""
    proba = case.fitted().predict_proba(case.X)
    for names in (("ant", "bee"), (-1, 1), (False, True), (3.5, 7.25)):
        labels = np.array(names)[case.y]
        model = case.fitted(y=labels)
        _require(_same(model.predict_proba(case.X), proba), f"labels {names} change the probabilities")
        _require(_same(model.classes_, np.array(names)), f"classes_ of {names} are {model.classes_!r}")
        _require(set(model.predict(case.X).tolist()) <= set(names), f"answers are none of {names}")


def check_one_at_a_time(case: RawCase) -> None:
    """One example at a time or all at once: the same within 1e-5."""
    model = case.fitted()
    singly = np.concatenate([model.predict_proba(_rows(case.X, [row])) for row in range(8)])
    strays = float(np.abs(singly - model.predict_proba(_rows(case.X, range(8)))).max())
    _require(strays <= _TOLERANCE, f"single examples stray by {strays:.2e}")


def check_clones(case: RawCase) -> None:
    """A clone of a fitted estimator is not fitted, has the settings, and learns the same."""
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    model = case.fitted()
    copied = clone(model)
    try:
        copied.predict_proba(case.X)
    except NotFittedError:
        pass
    else:
        _require(False, "a clone answers without a fit")
    again = copied.fit(case.X, case.y).predict_proba(case.X)
    _require(_same(again, model.predict_proba(case.X)), "a clone learns something else")


def check_state_roundtrip(case: RawCase) -> None:
    """``to_state`` gives JSON and arrays; what ``from_state`` makes of them answers bit for bit alike."""
    from safetensors.numpy import load, save

    model = case.fitted()
    info, arrays = model.to_state()
    loaded = type(model).from_state(json.loads(json.dumps(info)), load(save(arrays)))
    _require(_same(loaded.predict_proba(case.X), model.predict_proba(case.X)), "a loaded model answers otherwise")
    _require(_same(loaded.predict(case.X), model.predict(case.X)), "a loaded model names classes otherwise")


def check_refuses_another_state(case: RawCase) -> None:
    """The state of something else is refused."""
    info, arrays = case.fitted().to_state()
    _refuses(lambda: type(case.estimator).from_state({**info, "strategy": "another"}, arrays), "another's state")


def check_takes_lists_and_arrays(case: RawCase) -> None:
    """Lists, tuples and arrays of objects as examples, lists and arrays as labels: the same model."""
    proba = case.fitted(y=case.y.tolist()).predict_proba(case.X)
    _require(_same(proba, case.fitted().predict_proba(case.X)), "labels in a list give another model")
    if not isinstance(case.X, list):
        return
    boxed = np.empty(_N, dtype=object)
    boxed[:] = case.X
    for examples in (boxed, tuple(case.X)):
        found = case.fitted(X=examples).predict_proba(examples)
        _require(_same(proba, found), f"examples in a {type(examples).__name__} give another model")


def check_equal_weights_change_nothing(case: RawCase) -> None:
    """Weights that are all alike are as none; others make another model; negative ones are refused."""
    proba = case.fitted().predict_proba(case.X)
    even = case.fitted(sample_weight=np.full(_N, 2.0)).predict_proba(case.X)
    _require(_same(proba, even), "equal weights change the model")
    uneven = case.fitted(sample_weight=np.where(case.y == 0, 5.0, 0.5)).predict_proba(case.X)
    _require(not _same(proba, uneven), "weights change nothing")
    _refuses(lambda: case.fitted(sample_weight=np.full(_N, -1.0)), "negative weights")


def check_refuses_bad_labels(case: RawCase) -> None:
    """A missing label, one class alone, and fewer labels than examples are told as :class:`InputError`."""
    missing = np.array(["a", "b"], dtype=object)[case.y]
    missing[3] = None
    gap = case.y.astype(float)
    gap[5] = np.nan
    bad = {"a missing label": missing, "NaN": gap, "one class": np.zeros(_N), "too few labels": case.y[:-1]}
    for what, labels in bad.items():
        _refuses(partial(case.fitted, y=labels), what)


def check_works_in_cross_validation(case: RawCase) -> None:
    """``cross_val_score`` runs, on folds of both classes."""
    from sklearn.model_selection import cross_val_score

    scores = cross_val_score(case.estimator, case.X, case.y, cv=2, error_score="raise")
    _require(bool(np.isfinite(scores).all() and (0 <= scores).all() and (scores <= 1).all()), f"scores are {scores}")


RAW_CHECKS: tuple[Check, ...] = (
    check_answers_are_probabilities,
    check_leaves_inputs,
    check_same_seed_same_model,
    check_leaves_random_state,
    check_labels_are_names,
    check_one_at_a_time,
    check_clones,
    check_state_roundtrip,
    check_refuses_another_state,
    check_takes_lists_and_arrays,
    check_equal_weights_change_nothing,
    check_refuses_bad_labels,
    check_works_in_cross_validation,
)
"""For every one."""


def _pictures(draw: np.random.Generator, y: NDArray[np.int64]) -> list[Any]:
    """Bright ones and dark ones."""
    return [draw.integers(60 * code, 160 + 60 * code, (20, 24, 3), dtype=np.uint8) for code in y]


def _texts(draw: np.random.Generator, y: NDArray[np.int64]) -> list[Any]:
    words = (["good", "fine", "warm"], ["bad", "poor", "cold"])
    return [" ".join(draw.choice(words[code], size=int(draw.integers(2, 9)))) for code in y]


def _sounds(draw: np.random.Generator, y: NDArray[np.int64]) -> list[Any]:
    """Low and high tones of different length, with some noise."""
    found = []
    for code in y:
        time = np.arange(int(draw.integers(6_000, 18_000))) / 16_000
        tone = np.sin(2 * np.pi * (300 + 900 * code) * time) + draw.normal(0, 0.3, len(time))
        found.append((0.3 * tone.astype(np.float32), 16_000))
    return found


def _table(draw: np.random.Generator, y: NDArray[np.int64]) -> Any:
    import pandas as pd

    towns = np.where(draw.random(len(y)) < 0.5, "Ulm", "Bern")
    return pd.DataFrame({"size": y + draw.normal(0, 0.4, len(y)), "town": towns, "age": draw.integers(1, 90, len(y))})


_EXAMPLES: dict[str, Callable[[np.random.Generator, NDArray[np.int64]], Any]] = {
    "image": _pictures,
    "text": _texts,
    "audio": _sounds,
    "table": _table,
}


def _rows(X: Any, rows: Any) -> Any:
    return X.iloc[list(rows)] if hasattr(X, "iloc") else [X[row] for row in rows]


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b))


def _equal(a: Any, b: Any) -> bool:
    if hasattr(a, "equals"):
        return bool(a.equals(b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return _same(a, b)


def _refuses(run: Callable[[], Any], what: str) -> None:
    try:
        run()
    except InputError:
        return
    _require(False, f"{what} is not refused with InputError")


def _require(is_met: bool, problem: str) -> None:
    if not is_met:
        raise AssertionError(problem)
