"""Our checks over every weighting that is found; for each check a weighting broken on purpose, which it catches."""

import numpy as np
import pytest

from headstart.errors import UnknownNameError
from headstart.strategies.instance.kmm import KMM
from headstart.strategies.instance.mmd_target_shift import MMDTargetShift
from headstart.strategies.instance.nearest_neighbours import NearestNeighbours
from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS
from headstart.testing import strategy_checks as checks


@pytest.mark.parametrize("check", checks.WEIGHTING_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", WEIGHTINGS.names())
def test_weighting(name, check):
    check(WEIGHTINGS.make(name))


def test_each_file_is_a_weighting_or_an_estimator_of_its_name():
    assert len(WEIGHTINGS.names()) >= 13
    for name in WEIGHTINGS.names():
        assert WEIGHTINGS.class_of(name).name == name
        assert hasattr(WEIGHTINGS.class_of(name), "_ratio")
    for name in INSTANCE_METHODS.names():
        assert INSTANCE_METHODS.class_of(name).name == name
        assert not hasattr(INSTANCE_METHODS.class_of(name), "_ratio")
    assert set(INSTANCE_METHODS.names()) == set(INSTANCE_METHODS.among or ())
    with pytest.raises(UnknownNameError, match="'kliep'"):
        WEIGHTINGS.make("kliepp")


class Unnormalised(NearestNeighbours):
    def fit(self, *args, **labels):
        super().fit(*args, **labels)
        self.weights_ = self.weights_ * 2
        return self


class Indifferent(NearestNeighbours):
    def _ratio(self, pair):
        return np.ones(pair.n_source)


class Remembering(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        self.n_target = len(X_target)
        return super().fit(X_source, X_target)


class Writing(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        X_source[0] = 0
        return self


class Peeking(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        if y_target is not None:
            self.weights_ = self.weights_[::-1]
        return self


class Positional(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        self.weights_ = np.sort(self.weights_)
        return self


class Naming(MMDTargetShift):
    def _ratio(self, pair):
        return super()._ratio(pair) * (1 + (pair.y_source == np.unique(pair.y_source)[-1]))


class Restless(NearestNeighbours):
    def _ratio(self, pair):
        return super()._ratio(pair) + np.random.default_rng().uniform()


class Widening(NearestNeighbours):
    def fit(self, *args, **labels):
        super().fit(*args, **labels)
        self.weights_ = self.weights_.astype(np.float64)
        return self


class Picky(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        X_source.mean(axis=0)
        return super().fit(X_source, X_target)


class Obliging(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        return super().fit(np.nan_to_num(X_source), np.nan_to_num(X_target))


class Dividing(NearestNeighbours):
    def fit(self, X_source, X_target, *, y_source=None, y_target=None):
        super().fit(X_source, X_target)
        self.weights_ = self.weights_ / (np.std(X_source, axis=0).min() > 0)
        return self


class Lenient(MMDTargetShift):
    def _ratio(self, pair):
        return np.ones(pair.n_source)


BROKEN = {
    "check_weights_are_weights": Unnormalised(),
    "check_weights_respond_to_the_target": Indifferent(),
    "check_settings_stay": Remembering(),
    "check_weighting_leaves_input": Writing(),
    "check_weighting_reads_no_labels_it_need_not": Peeking(),
    "check_weighting_ignores_order": Positional(),
    "check_weighting_ignores_class_names": Naming(),
    "check_weighting_repeats": Restless(),
    "check_weighting_keeps_float32": Widening(),
    "check_weighting_takes_any_rows": Picky(),
    "check_weighting_refuses_bad_rows": Obliging(),
    "check_weighting_bears_constant_columns": Dividing(),
    "check_weighting_refuses_one_class": Lenient(),
}


@pytest.mark.parametrize("check", checks.WEIGHTING_CHECKS, ids=lambda check: check.__name__)
def test_each_check_bites(check):
    raised = (AssertionError, AttributeError) if BROKEN[check.__name__].__class__ is Picky else AssertionError
    with np.errstate(divide="ignore"), pytest.raises(raised):
        check(BROKEN[check.__name__])


def test_clipping_is_told():
    rng = np.random.default_rng(0)
    S, T = rng.standard_normal((80, 2)), rng.standard_normal((60, 2)) + 2
    found = KMM(bound=2.0, slack=0.01).fit(S, T)
    assert found.n_clipped_ > 5
    assert found.summary_.n_clipped == found.n_clipped_
    assert KMM().fit(S, S).n_clipped_ == 0
