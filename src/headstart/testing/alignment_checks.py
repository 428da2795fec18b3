"""What every alignment must do; run over your own with ``for check in EVERY_CHECK: check(alignment)``.

A check takes an unfitted alignment and raises AssertionError with one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Check = Callable[[Any], None]

_N_SOURCE, _N_TARGET, _D = 60, 45, 6


def planted(random_state: int = 0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Source rows (60, 6), their labels, target rows (45, 6) that are turned and moved, and their labels."""
    rng = np.random.default_rng(random_state)
    centres = 2 * rng.standard_normal((3, _D))
    y_source, y_target = np.arange(_N_SOURCE) % 3, np.arange(_N_TARGET) % 3
    source = centres[y_source] + rng.standard_normal((_N_SOURCE, _D))
    turn = np.eye(_D) + 0.3 * rng.standard_normal((_D, _D))
    target = (centres[y_target] + rng.standard_normal((_N_TARGET, _D))) @ turn + 1
    return source, y_source, target, y_target


def check_both_images_have_the_same_columns(alignment: Any) -> None:
    """Images are finite and have one row for each row, and as many columns on both sides."""
    source, y, target, _ = planted()
    fitted = _fitted(alignment, source, target, y)
    images = _dense(fitted.transform_source(source)), _dense(fitted.transform_target(target))
    _require(len(images[0]) == len(source) and len(images[1]) == len(target), "rows are lost or added")
    _require(images[0].shape[1] == images[1].shape[1], "source and target images differ in columns")
    _require(all(np.isfinite(image).all() for image in images), "an image is not finite")


def check_inputs_stay_as_they_are(alignment: Any) -> None:
    """Nothing that is passed is changed, and read-only arrays are taken."""
    given = planted()
    kept = [array.copy() for array in given]
    for array in given:
        array.setflags(write=False)
    source, y, target, _ = given
    fitted = _fitted(alignment, source, target, y)
    fitted.transform_source(source)
    fitted.transform_target(target)
    free = planted()
    fitted = _fitted(alignment, free[0], free[2], free[1])
    fitted.transform_source(free[0])
    fitted.transform_target(free[2])
    _require(all(np.array_equal(a, b) for a, b in zip(kept, free, strict=True)), "an input was changed")


def check_the_same_seed_gives_the_same_map(alignment: Any) -> None:
    """Two fits give bit-identical images."""
    source, y, target, _ = planted()
    first, second = (_images(_fitted(alignment, source, target, y)) for _ in range(2))
    _require(np.array_equal(first, second), "two fits differ")


def check_float32_stays(alignment: Any) -> None:
    """float32 rows get float32 images, close to those of float64 rows."""
    source, y, target, _ = planted()
    fitted = _fitted(alignment, source.astype(np.float32), target.astype(np.float32), y)
    images = fitted.transform_source(source.astype(np.float32)), fitted.transform_target(target.astype(np.float32))
    _require(all(image.dtype == np.float32 for image in images), "float32 rows became another type")
    exact = _geometry(_images(_fitted(alignment, source, target, y)))
    single = _geometry(np.concatenate([_dense(image) for image in images]))
    _require(bool(np.allclose(exact, single, atol=5e-3 * exact.max())), "float32 gives another map")


def check_missing_target_labels_do_not_matter(alignment: Any) -> None:
    """``y_target`` of None alone is no ``y_target``."""
    source, y, target, _ = planted()
    nothing = np.full(len(target), None, dtype=object)
    told = _clone(alignment).fit(source, target, y_source=y, y_target=nothing)
    _require(np.array_equal(_images(told), _images(_fitted(alignment, source, target, y))), "missing labels matter")


def check_the_order_of_rows_does_not_matter(alignment: Any) -> None:
    """Fitted on the rows in another order, it lays rows equally far apart."""
    source, y, target, _ = planted()
    rng = np.random.default_rng(1)
    first, second = rng.permutation(len(source)), rng.permutation(len(target))
    plain = _geometry(_images(_fitted(alignment, source, target, y)))
    other = _geometry(_images(_fitted(alignment, source[first], target[second], y[first])))
    _require(bool(np.allclose(plain, other, atol=1e-5 * plain.max())), "the order of the rows matters")


def check_the_names_of_classes_do_not_matter(alignment: Any) -> None:
    """Labels of other names and order, strings among them, lay rows equally far apart."""
    source, y, target, _ = planted()
    plain = _geometry(_images(_fitted(alignment, source, target, y)))
    for names in (np.array([7, -1, 3]), np.array(["owl", "an ant", "猫"]), np.array(["b", "c", "a"], dtype=object)):
        other = _geometry(_images(_fitted(alignment, source, target, names[y])))
        _require(bool(np.allclose(plain, other, atol=1e-5 * plain.max())), f"the names {names.tolist()} matter")


def check_two_classes_of_any_kind(alignment: Any) -> None:
    """{-1, 1}, booleans and {0, 1} are ordinary labels."""
    source, _, target, _ = planted()
    codes = (source[:, 0] > np.median(source[:, 0])).astype(int)
    plain = _geometry(_images(_fitted(alignment, source, target, codes)))
    for names in (np.array([-1, 1]), np.array([False, True]), np.array([0.0, 1.0])):
        other = _geometry(_images(_fitted(alignment, source, target, names[codes])))
        _require(bool(np.allclose(plain, other, atol=1e-5 * plain.max())), f"the labels {names.tolist()} matter")


def check_lists_frames_and_sparse_rows_are_taken(alignment: Any) -> None:
    """Lists, data frames and sparse matrices of the same numbers give the same images."""
    import pandas as pd
    from scipy.sparse import csr_array

    source, y, target, _ = planted()
    plain = _geometry(_images(_fitted(alignment, source, target, y)))
    for kind in (lambda rows: rows.tolist(), pd.DataFrame, csr_array):
        fitted = _fitted(alignment, kind(source), kind(target), list(y))
        images = [_dense(fitted.transform_source(kind(source))), _dense(fitted.transform_target(kind(target)))]
        same = np.allclose(plain, _geometry(np.concatenate(images)), atol=1e-6 * plain.max())
        _require(bool(same), "another container gives another map")


def check_one_row_at_a_time_is_all_at_once(alignment: Any) -> None:
    """A row's image does not depend on the other rows that are mapped with it."""
    source, y, target, _ = planted()
    fitted = _fitted(alignment, source, target, y)
    for rows, move in ((source, fitted.transform_source), (target, fitted.transform_target)):
        whole = _dense(move(rows))
        single = np.concatenate([_dense(move(row[None])) for row in rows])
        _require(
            bool(np.allclose(whole, single, atol=1e-5 * np.abs(whole).max())), "one row at a time is another image"
        )


def check_bad_rows_get_one_line(alignment: Any) -> None:
    """Different columns, an empty target, NaN and infinity are refused in one line that names what came."""
    source, y, target, _ = planted()
    holed, endless = target.copy(), source.copy()
    holed[3, 2], endless[1, 1] = np.nan, np.inf
    for rows, others, word in (
        (source, target[:, :4], "columns"),
        (source, target[:0], "row"),
        (source, holed, "NaN"),
        (endless, target, "inf"),
        (source, target[:, 0], "shape"),
        (source, None, "None"),
    ):
        _refused(alignment, rows, others, y, word)


def check_unknown_columns_are_refused(alignment: Any) -> None:
    """Rows of another width than in ``fit`` are refused in one line."""
    source, y, target, _ = planted()
    fitted = _fitted(alignment, source, target, y)
    for move in (fitted.transform_source, fitted.transform_target):
        try:
            move(source[:, :3])
        except InputError as error:
            _require("\n" not in str(error), "the error has more than one line")
        else:
            raise AssertionError("rows of another width were taken")


def check_labels_are_asked_for_where_needed(alignment: Any) -> None:
    """One that needs labels refuses none and a single class in one line; the others do without."""
    source, y, target, _ = planted()
    if getattr(alignment, "needs_labels", False):
        _refused(alignment, source, target, None, "labels")
        _refused(alignment, source, target, np.zeros(len(y)), "class")
        _refused(alignment, source, target, np.linspace(0, 1, len(y)), "class")
    else:
        _clone(alignment).fit(source, target)


def check_too_many_components_are_refused(alignment: Any) -> None:
    """More components than there are get one line, where there is such a setting."""
    source, y, target, _ = planted()
    if "n_components" in alignment.get_params():
        _refused(alignment.set_params(n_components=1000), source, target, y, "n_components")


def check_one_target_row_is_enough_or_told(alignment: Any) -> None:
    """A target of one row is mapped to finite numbers, or refused in one line."""
    source, y, target, _ = planted()
    try:
        fitted = _fitted(alignment, source, target[:1], y)
    except InputError as error:
        _require("\n" not in str(error), "the error has more than one line")
    else:
        _require(bool(np.isfinite(_images(fitted)).all()), "one target row gives images that are not finite")


def check_constant_columns_are_harmless(alignment: Any) -> None:
    """Columns that never change in one domain or in both leave images finite."""
    source, y, target, _ = planted()
    source[:, 0], target[:, 0], source[:, 1] = 3.0, 3.0, 0.0
    _require(bool(np.isfinite(_images(_fitted(alignment, source, target, y))).all()), "constant columns break the map")


def check_more_columns_than_rows_are_harmless(alignment: Any) -> None:
    """With more columns than rows images are finite."""
    rng = np.random.default_rng(0)
    source, target = rng.standard_normal((20, 50)), rng.standard_normal((16, 50)) + 1
    fitted = _fitted(alignment, source, target, np.arange(20) % 2)
    image = np.concatenate([_dense(fitted.transform_source(source)), _dense(fitted.transform_target(target))])
    _require(bool(np.isfinite(image).all()), "more columns than rows break the map")


EVERY_CHECK: tuple[Check, ...] = (
    check_both_images_have_the_same_columns,
    check_inputs_stay_as_they_are,
    check_the_same_seed_gives_the_same_map,
    check_float32_stays,
    check_missing_target_labels_do_not_matter,
    check_the_order_of_rows_does_not_matter,
    check_the_names_of_classes_do_not_matter,
    check_two_classes_of_any_kind,
    check_lists_frames_and_sparse_rows_are_taken,
    check_one_row_at_a_time_is_all_at_once,
    check_bad_rows_get_one_line,
    check_unknown_columns_are_refused,
    check_labels_are_asked_for_where_needed,
    check_too_many_components_are_refused,
    check_one_target_row_is_enough_or_told,
    check_constant_columns_are_harmless,
    check_more_columns_than_rows_are_harmless,
)


def _clone(alignment: Any) -> Any:
    from sklearn.base import clone

    return clone(alignment)


def _fitted(alignment: Any, source: Any, target: Any, y: Any) -> Any:
    return _clone(alignment).fit(source, target, y_source=y)


def _images(fitted: Any) -> NDArray[Any]:
    """Images of the planted rows, the source's first."""
    source, _, target, _ = planted()
    return np.concatenate([_dense(fitted.transform_source(source)), _dense(fitted.transform_target(target))])


def _dense(rows: Any) -> NDArray[Any]:
    return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)


def _geometry(rows: NDArray[Any]) -> NDArray[Any]:
    """(n, n) distances between rows: what is left of them when they are turned or mirrored."""
    rows = rows.astype(np.float64)
    gaps = rows[:, None, :] - rows[None, :, :]
    return np.asarray(np.sqrt(np.square(gaps).sum(axis=2)))


def _refused(alignment: Any, source: Any, target: Any, y: Any, word: str) -> None:
    try:
        _fitted(alignment, source, target, y)
    except InputError as error:
        _require("\n" not in str(error), "the error has more than one line")
        _require(re.search(word, str(error)) is not None, f"the error does not speak of {word!r}: {error}")
    else:
        raise AssertionError(f"input was taken that should be refused for its {word!r}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
