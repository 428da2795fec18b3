"""What every weighting, and every strategy built as an estimator, must do.

Run them over your own with ``for check in WEIGHTING_CHECKS: check(weighting)``, and with ``STRATEGY_CHECKS`` for an
estimator that takes ``X_target``. A check raises AssertionError with one line.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.testing.two_domains import TwoDomains, labels_for, two_domains

Check = Callable[[Any], None]


class SuppliedTarget:
    """Stands before a strategy among the bases: its ``fit(X, y)`` makes target rows of ``X``, and labels of some.

    scikit-learn's checks call nothing else, so this is how they come to see the adapting half of a strategy.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Two thirds of the rows, backwards, are the target; every second one has its label."""
        from sklearn.utils import _safe_indexing

        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        X = X.tocsr() if hasattr(X, "tocsr") else X if hasattr(X, "shape") else np.asarray(X)
        n = X.shape[0] if len(X.shape) else 0
        rows = np.arange(n)[::-1][: max(1, 2 * n // 3)]
        labels = None
        given_y = np.asarray(y)
        if given_y.shape[:1] == (n,):
            labels = np.empty(len(rows), dtype=object)
            labels[::2] = list(given_y.ravel()[rows[::2]] if given_y.size == n else given_y[rows[::2]])
        target = _safe_indexing(X, rows) if n else X
        return super().fit(X, y, X_target=target, y_target=labels, **given)  # type: ignore[misc]


def check_weights_are_weights(weighting: Any) -> None:
    """Weights are (n_source,), finite, non-negative, of mean 1; the effective sample size is theirs."""
    data = two_domains()
    fitted = _fitted(weighting, data)
    weights = np.asarray(fitted.weights_, dtype=np.float64)
    _require(weights.shape == (len(data.source),), f"weights_ has shape {weights.shape}")
    _require(bool(np.isfinite(weights).all() and (weights >= 0).all()), "weights_ are negative or not finite")
    _require(abs(float(weights.mean()) - 1) < 1e-6, f"weights_ have mean {weights.mean():.6f}, not 1")
    expected = float(weights.sum() ** 2 / (weights**2).sum())
    _require(abs(fitted.effective_sample_size_ / expected - 1) < 1e-6, "effective_sample_size_ is not that of weights_")


def check_weights_respond_to_the_target(weighting: Any) -> None:
    """The same domain twice gives nearly equal weights; another target other weights, unless only labels decide."""
    data = two_domains()
    same = _fitted(weighting, data, X_target=data.source)
    share = same.effective_sample_size_ / len(data.source)
    _require(share > 0.8, f"without a shift the effective sample size is {share:.2f} of the rows")
    if not weighting.needs_target_labels:
        shifted = _fitted(weighting, data).effective_sample_size_ / len(data.source)
        _require(shifted < share, "a shifted target leaves the weights as they are")


def check_settings_stay(weighting: Any) -> None:
    """A clone has the same settings, and ``fit`` changes none and keeps no data among them."""
    from sklearn.base import clone

    before = {name: repr(value) for name, value in weighting.get_params().items()}
    copy = clone(weighting)
    _fit(copy, two_domains())
    _require(before == {name: repr(value) for name, value in copy.get_params().items()}, "fit changed a setting")


def check_weighting_leaves_input(weighting: Any) -> None:
    """Rows and labels of both domains are unchanged, and may be read-only."""
    data = two_domains()
    before = [array.copy() for array in data.arrays()]
    _fitted(weighting, data)
    same = all(np.array_equal(a, b) for a, b in zip(before, data.arrays(), strict=True))
    _require(same, "the input was changed")
    for array in data.arrays():
        array.setflags(write=False)
    _fitted(weighting, data)


def check_weighting_reads_no_labels_it_need_not(weighting: Any) -> None:
    """Labels that the method does not ask for cannot matter: bit-identical weights under others."""
    data = two_domains()
    plain = _fitted(weighting, data).weights_
    y_source = None if weighting.needs_source_labels else data.y_source
    y_target = None if weighting.needs_target_labels else data.y_target[::-1]
    other = _fitted(weighting, data, y_source=y_source, y_target=y_target).weights_
    _require(np.array_equal(plain, other), "labels that the method does not ask for changed the weights")


def check_weighting_ignores_order(weighting: Any) -> None:
    """Rows in another order get the same weights, whichever domain is shuffled."""
    data = two_domains()
    plain = _fitted(weighting, data).weights_
    draw = np.random.default_rng(1)
    order, other = draw.permutation(len(data.source)), draw.permutation(len(data.target))
    shuffled = TwoDomains(data.source[order], data.y_source[order], data.target[other], data.y_target[other])
    moved = _fitted(weighting, shuffled).weights_
    _require(_near(plain[order], moved), f"weights stray by {_stray(plain[order], moved):.1e} under another order")


def check_weighting_ignores_class_names(weighting: Any) -> None:
    """Classes named by numbers, -1 and 1, strings or truth values: the same weights."""
    for n_classes in (2, 3):
        data = two_domains(n_classes=n_classes)
        plain = _fitted(weighting, data).weights_
        for names in labels_for(n_classes):
            renamed = TwoDomains(data.source, names[data.y_source], data.target, data.y_target)
            other = _fitted(weighting, renamed).weights_
            _require(_near(plain, other), f"weights stray by {_stray(plain, other):.1e} with classes {names.tolist()}")


def check_weighting_repeats(weighting: Any) -> None:
    """Fitted twice with the same seed the weights are bit-identical, and the global random state is untouched."""
    data = two_domains()
    before: Any = np.random.get_state()  # noqa: NPY002
    first, second = _fitted(weighting, data).weights_, _fitted(weighting, data).weights_
    after: Any = np.random.get_state()  # noqa: NPY002
    _require(np.array_equal(first, second), "weights differ between two fits")
    same = np.array_equal(before[1], after[1]) and before[2] == after[2]
    _require(same, "numpy's global random state was moved")


def check_weighting_keeps_float32(weighting: Any) -> None:
    """float32 rows give float32 weights, close to those in float64."""
    data = two_domains()
    exact = _fitted(weighting, data).weights_
    _require(exact.dtype == np.float64, f"float64 rows gave {exact.dtype} weights")
    single = TwoDomains(data.source.astype(np.float32), data.y_source, data.target.astype(np.float32), data.y_target)
    weights = _fitted(weighting, single).weights_
    _require(weights.dtype == np.float32, f"float32 rows gave {weights.dtype} weights")
    stray = float(np.abs(exact - weights).max())
    _require(stray < 0.02 * float(exact.max()), f"weights stray by {stray:.1e} in float32")


def check_weighting_takes_any_rows(weighting: Any) -> None:
    """Data frames, sparse matrices and lists of lists give the weights of arrays."""
    import pandas
    from scipy.sparse import csr_matrix

    data = two_domains()
    plain = _fitted(weighting, data).weights_
    for kind, make in (("data frame", pandas.DataFrame), ("sparse", csr_matrix), ("list", lambda X: X.tolist())):
        other = _fitted(weighting, data, X_source=make(data.source), X_target=make(data.target)).weights_
        _require(_near(plain, other), f"weights of a {kind} stray by {_stray(plain, other):.1e}")


def check_weighting_refuses_bad_rows(weighting: Any) -> None:
    """Other columns, no rows and NaN are one line of :class:`InputError` each."""
    data = two_domains()
    hole = data.target.copy()
    hole[0, 0] = np.nan
    _refuses(lambda: _fitted(weighting, data, X_target=data.target[:, :-1], y_target=data.y_target), "other columns")
    _refuses(lambda: _fitted(weighting, data, X_target=data.target[:0], y_target=data.y_target[:0]), "no target rows")
    _refuses(lambda: _fitted(weighting, data, X_target=hole), "NaN in the target")
    _refuses(lambda: _fitted(weighting, data, X_source=_holed(data.source)), "NaN in the source")


def check_weighting_bears_constant_columns(weighting: Any) -> None:
    """Constant columns, also far from 0, and more columns than rows give finite weights."""
    data = two_domains()
    extra = np.full((len(data.source), 2), [0.0, 1e3])
    more = np.full((len(data.target), 2), [0.0, 1e3])
    rows, others = np.hstack([data.source, extra]), np.hstack([data.target, more])
    weights = _fitted(weighting, data, X_source=rows, X_target=others).weights_
    _require(bool(np.isfinite(weights).all()), "constant columns give weights that are not finite")
    few = two_domains(n_source=20, n_target=16, d=40)
    _require(bool(np.isfinite(_fitted(weighting, few).weights_).all()), "more columns than rows do")


def check_weighting_refuses_one_class(weighting: Any) -> None:
    """A method that reads source labels says so in one line when they are missing or all the same."""
    data = two_domains()
    if weighting.needs_source_labels:
        _refuses(lambda: _fit(_clone(weighting), data, y_source=None), "no source labels")
        _refuses(lambda: _fitted(weighting, data, y_source=np.zeros(len(data.source), dtype=int)), "one class")
    if weighting.needs_target_labels:
        none = np.array([None] * len(data.target), dtype=object)
        _refuses(lambda: _fitted(weighting, data, y_target=none), "no target label")


WEIGHTING_CHECKS: tuple[Check, ...] = (
    check_weights_are_weights,
    check_weights_respond_to_the_target,
    check_settings_stay,
    check_weighting_leaves_input,
    check_weighting_reads_no_labels_it_need_not,
    check_weighting_ignores_order,
    check_weighting_ignores_class_names,
    check_weighting_repeats,
    check_weighting_keeps_float32,
    check_weighting_takes_any_rows,
    check_weighting_refuses_bad_rows,
    check_weighting_bears_constant_columns,
    check_weighting_refuses_one_class,
)
"""For every weighting."""


def check_strategy_is_plain_without_target(strategy: Any) -> None:
    """Without ``X_target`` it predicts as the estimator that it wraps, and ``adapted_`` is False."""
    data = two_domains(n_classes=2)
    alone = _clone(strategy).fit(data.source, data.y_source)
    _require(alone.adapted_ is False, "adapted_ is not False without a target")
    plain = _clone(strategy.estimator).fit(data.source, data.y_source)
    _require(np.array_equal(alone.predict(data.target), plain.predict(data.target)), "it is not the plain estimator")
    _require(_adapted(strategy, data).adapted_ is True, "adapted_ is not True with a target")


def check_strategy_leaves_input(strategy: Any) -> None:
    """Rows and labels are unchanged, and may be read-only."""
    data = two_domains(n_classes=2)
    before = [array.copy() for array in data.arrays()]
    for array in data.arrays():
        array.setflags(write=False)
    _adapted(strategy, data)
    same = all(np.array_equal(a, b) for a, b in zip(before, data.arrays(), strict=True))
    _require(same, "the input was changed")


def check_strategy_cannot_read_missing_labels(strategy: Any) -> None:
    """None everywhere is as no labels at all: bit-identical predictions."""
    data = two_domains(n_classes=2)
    none = np.array([None] * len(data.target), dtype=object)
    try:
        first = _adapted(strategy, data, y_target=None).predict(data.target)
    except InputError:  # it needs some: then None everywhere must be refused, too
        _refuses(lambda: _adapted(strategy, data, y_target=none), "no target label")
        return
    second = _adapted(strategy, data, y_target=none).predict(data.target)
    _require(np.array_equal(first, second), "labels that are all None changed the model")


def check_strategy_ignores_class_names(strategy: Any) -> None:
    """Classes -1 and 1, strings and truth values: the same predictions, by their names."""
    data = two_domains(n_classes=2)
    plain = _adapted(strategy, data).predict(data.target)
    for names in labels_for(2):
        few = np.array([None if y is None else names[y] for y in data.y_target], dtype=object)
        renamed = _clone(strategy).fit(data.source, names[data.y_source], X_target=data.target, y_target=few)
        _require(set(renamed.classes_.tolist()) == set(names.tolist()), f"classes_ are {renamed.classes_.tolist()}")
        same = np.array_equal(names[plain], renamed.predict(data.target))
        _require(same, f"predictions change with classes named {names.tolist()}")


def check_strategy_repeats(strategy: Any) -> None:
    """Fitted twice with the same seed, predictions are bit-identical."""
    data = two_domains(n_classes=2)
    first, second = (_output(_adapted(strategy, data), data.target) for _ in range(2))
    _require(np.array_equal(first, second), "predictions differ between two fits")


def check_strategy_takes_any_rows(strategy: Any) -> None:
    """Data frames, lists, and target rows held by ``Unlabelled`` give the predictions of arrays."""
    import pandas

    from headstart.strategies.unlabelled import Unlabelled

    data = two_domains(n_classes=2)
    plain = _adapted(strategy, data).predict(data.target)
    for kind, make in (("data frame", pandas.DataFrame), ("list", lambda X: X.tolist())):
        given = {"X_target": make(data.target), "y_target": data.y_target}
        other = _clone(strategy).fit(make(data.source), data.y_source.tolist(), **given).predict(make(data.target))
        _require(np.array_equal(plain, other), f"predictions from a {kind} differ")
    held = _clone(strategy).fit(data.source, data.y_source, X_target=Unlabelled(data.target), y_target=data.y_target)
    _require(np.array_equal(plain, held.predict(data.target)), "predictions differ with rows held by Unlabelled")


def check_strategy_refuses_bad_rows(strategy: Any) -> None:
    """Other columns, no target rows, NaN and too few target labels are one line of :class:`InputError` each."""
    data = two_domains(n_classes=2)
    few = data.y_target
    _refuses(lambda: _adapted(strategy, data, X_target=data.target[:, :-1]), "other columns")
    _refuses(lambda: _adapted(strategy, data, X_target=data.target[:0], y_target=few[:0]), "no target rows")
    _refuses(lambda: _adapted(strategy, data, X_target=_holed(data.target)), "NaN in the target")
    _refuses(lambda: _adapted(strategy, data, y_target=few[:-1]), "too few target labels")


def check_strategy_takes_rows_of_a_source(strategy: Any) -> None:
    """``sample_domain`` is taken by ``fit`` and by ``predict``."""
    data = two_domains(n_classes=2)
    domains = np.where(np.arange(len(data.source)) % 2, "a", "b")
    given = {"X_target": data.target, "y_target": data.y_target, "sample_domain": domains}
    fitted = _clone(strategy).fit(data.source, data.y_source, **given)
    found = fitted.predict(data.source, sample_domain=domains)
    _require(found.shape == (len(data.source),), "rows of a source are not predicted")


STRATEGY_CHECKS: tuple[Check, ...] = (
    check_strategy_is_plain_without_target,
    check_strategy_leaves_input,
    check_strategy_cannot_read_missing_labels,
    check_strategy_ignores_class_names,
    check_strategy_repeats,
    check_strategy_takes_any_rows,
    check_strategy_refuses_bad_rows,
    check_strategy_takes_rows_of_a_source,
)
"""For every classifier that takes ``X_target``."""


def _require(is_met: bool, problem: str) -> None:
    if not is_met:
        raise AssertionError(problem)


def _refuses(work: Callable[[], Any], what: str) -> None:
    try:
        work()
    except InputError as error:
        _require("\n" not in str(error), f"{what}: the message has several lines")
        return
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__} instead of InputError") from error
    raise AssertionError(f"{what} are taken")


def _clone(member: Any) -> Any:
    from sklearn.base import clone

    return clone(member)


def _fitted(weighting: Any, data: TwoDomains, **other: Any) -> Any:
    """A fitted clone, given the labels that it asks for, with ``other`` arguments in their place."""
    return _fit(_clone(weighting), data, **{name: value for name, value in other.items() if value is not None})


def _fit(weighting: Any, data: TwoDomains, **other: Any) -> Any:
    given: dict[str, Any] = {"X_source": data.source, "X_target": data.target} | other
    if weighting.needs_source_labels:
        given.setdefault("y_source", data.y_source)
    if weighting.needs_target_labels and "y_target" not in given:
        target = given["X_target"]
        n = target.shape[0] if hasattr(target, "shape") else len(target)
        given["y_target"] = np.resize(data.y_target, n)
    return weighting.fit(given.pop("X_source"), given.pop("X_target"), **given)


def _adapted(strategy: Any, data: TwoDomains, **other: Any) -> Any:
    given: dict[str, Any] = {"X_target": data.target, "y_target": data.y_target} | other
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return _clone(strategy).fit(data.source, data.y_source, **given)


def _output(fitted: Any, X: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.predict(X))


def _holed(rows: NDArray[Any]) -> NDArray[Any]:
    result = rows.copy()
    result[-1, -1] = np.nan
    return result


def _stray(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.abs(a - b).max())


def _near(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and _stray(a, b) <= 1e-5 * max(1.0, float(np.abs(a).max()))
