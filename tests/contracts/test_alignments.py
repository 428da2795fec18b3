"""Our checks over every alignment that is found, and the checks that must bite."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from headstart.errors import InputError, UnknownNameError
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
from headstart.testing import alignment_checks as checks
from headstart.testing.alignment_checks import EVERY_CHECK


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ALIGNMENTS.names())
def test_every_alignment(name, check):
    check(ALIGNMENTS.make(name))


def test_members_are_found_by_file_name():
    assert {"coral", "tca", "jda", "gfk"} <= set(ALIGNMENTS.names())
    assert {"easytl", "meda"} <= set(FEATURE_METHODS.names())
    assert all(ALIGNMENTS.class_of(name).name == name for name in ALIGNMENTS.names())
    assert all(FEATURE_METHODS.class_of(name).name == name for name in FEATURE_METHODS.names())
    with pytest.raises(UnknownNameError, match="Did you mean 'coral'"):
        ALIGNMENTS.make("corall")
    with pytest.raises(InputError, match=r"needs settings out of"):
        ALIGNMENTS.make("coral", strength=1)


class _Broken(BaseEstimator):
    """An alignment that does nothing wrong; its subclasses do one thing wrong each."""

    needs_labels = False

    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        self.inner_ = Coral().fit(X_source, X_target)
        return self

    def transform_source(self, X):
        return self.inner_.transform_source(X)

    def transform_target(self, X):
        return self.inner_.transform_target(X)


class _LosesColumns(_Broken):
    def transform_target(self, X):
        return super().transform_target(X)[:, 1:]


class _ChangesInput(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        if isinstance(X_source, np.ndarray) and X_source.flags.writeable:
            X_source += 1
        return super().fit(X_source, X_target)


class _Random(_Broken):
    def transform_source(self, X):
        return super().transform_source(X) + np.random.default_rng().random()


class _Doubles(_Broken):
    def transform_source(self, X):
        return super().transform_source(X).astype(np.float64)


class _ReadsMissingLabels(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        self.inner_.intercept_ = self.inner_.intercept_ + (y_target is not None)
        return self


class _ReadsOrder(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        self.inner_.coef_ = self.inner_.coef_ * (1 + float(np.asarray(X_source)[0, 0]) ** 2)
        return self


class _ReadsNames(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        if y_source is not None:
            self.inner_.coef_ = self.inner_.coef_ * (2 if str(np.unique(y_source)[0]) == "0" else 1)
        return self


class _ArraysOnly(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        return super().fit(X_source + 0, X_target + 0)


class _ReadsItsNeighbours(_Broken):
    def transform_source(self, X):
        found = super().transform_source(X)
        return found - found.mean(axis=0)


class _TakesAnything(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        return self

    def transform_source(self, X):
        return np.asarray(X)

    transform_target = transform_source


class _ForgetsLabels(_Broken):
    needs_labels = True


class _TakesAnyNumber(_Broken):
    def __init__(self, n_components=1):
        self.n_components = n_components


class _Divides(_Broken):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        rows = np.asarray(X_target)
        with np.errstate(all="ignore"):
            self.inner_.coef_ = self.inner_.coef_ / rows.std(axis=0) / max(len(rows) - rows.shape[1], 0)
        return self


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (checks.check_both_images_have_the_same_columns, _LosesColumns),
        (checks.check_inputs_stay_as_they_are, _ChangesInput),
        (checks.check_the_same_seed_gives_the_same_map, _Random),
        (checks.check_float32_stays, _Doubles),
        (checks.check_missing_target_labels_do_not_matter, _ReadsMissingLabels),
        (checks.check_the_order_of_rows_does_not_matter, _ReadsOrder),
        (checks.check_the_names_of_classes_do_not_matter, _ReadsNames),
        (checks.check_two_classes_of_any_kind, _ReadsNames),
        (checks.check_lists_frames_and_sparse_rows_are_taken, _ArraysOnly),
        (checks.check_one_row_at_a_time_is_all_at_once, _ReadsItsNeighbours),
        (checks.check_bad_rows_get_one_line, _TakesAnything),
        (checks.check_unknown_columns_are_refused, _TakesAnything),
        (checks.check_labels_are_asked_for_where_needed, _ForgetsLabels),
        (checks.check_too_many_components_are_refused, _TakesAnyNumber),
        (checks.check_one_target_row_is_enough_or_told, _Divides),
        (checks.check_constant_columns_are_harmless, _Divides),
        (checks.check_more_columns_than_rows_are_harmless, _Divides),
    ],
    ids=lambda value: value.__name__,
)
def test_each_check_bites(check, broken):
    with pytest.raises((AssertionError, InputError, TypeError), match=r".+"):
        check(broken())


def test_a_sound_member_passes_every_check():
    for check in EVERY_CHECK:
        check(_Broken())


def test_every_check_has_a_broken_member():
    marks = test_each_check_bites.pytestmark
    listed = next(mark for mark in marks if mark.name == "parametrize").args[1]
    assert {check for check, _ in listed} == set(EVERY_CHECK)
