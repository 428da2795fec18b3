"""Collapsed models are told in words."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV

from headstart.errors import InputError
from headstart.evaluation.collapse import CollapseGuard, guarded
from headstart.evaluation.validators.registry import make_validator

RNG = np.random.default_rng(0)
CENTRES = 3 * np.eye(4)
Y = np.repeat(np.array(["ant", "bee", "cat", "dog"]), 50)
X = CENTRES[np.repeat(np.arange(4), 50)] + 0.7 * RNG.standard_normal((200, 4))
TARGET = X[RNG.permutation(200)] + 0.1
SOUND = LogisticRegression().fit(X, Y)


class Says:
    """Says of the target rows what it is told, and of source rows the truth, or else the first class."""

    classes_ = np.array(["ant", "bee", "cat", "dog"])

    def __init__(self, shares, right=1.0):
        self.counts = (np.array(shares) * 200).round().astype(int)
        self.right = right

    def predict(self, rows, sample_domain=None):
        if sample_domain is None:
            return np.repeat(self.classes_, self.counts)
        return np.where(np.arange(200) % 10 < 10 * self.right, Y, "none")


def test_a_sound_model_gets_no_word():
    assert CollapseGuard(TARGET, source_only=SOUND)(SOUND, X, Y) == ""
    assert CollapseGuard(TARGET)(SOUND, X, Y) == ""
    assert CollapseGuard(TARGET)(Says([0.4, 0.3, 0.2, 0.1]), X, Y) == ""


def test_one_class_is_told():
    said = CollapseGuard(TARGET)(Says([0, 0, 1, 0]), X, Y)
    assert said == "it predicts cat for every target row"
    assert "predicts ant for every target row" in CollapseGuard(TARGET)(DummyClassifier().fit(X, Y), X, Y)


def test_implausible_shares_are_told():
    said = CollapseGuard(TARGET)(Says([0.97, 0.01, 0.01, 0.01]), X, Y)
    assert said == "it gives ant to 97% of the target rows, where 8% to 75% is plausible"
    assert CollapseGuard(TARGET)(Says([0.5, 0.5, 0, 0]), X, Y) == (
        "it gives cat to 0% of the target rows, where 8% to 75% is plausible"
    )
    assert CollapseGuard(TARGET, tolerance=0.3)(Says([0.5, 0.5, 0, 0]), X, Y) == ""


def test_known_shares_take_the_place_of_the_sources():
    rare = {"ant": 0.97, "bee": 0.01, "cat": 0.01, "dog": 0.01}
    assert CollapseGuard(TARGET, expected=rare)(Says([0.97, 0.01, 0.01, 0.01]), X, Y) == ""
    said = CollapseGuard(TARGET, expected=rare)(Says([0.25] * 4), X, Y)
    assert said == "it gives bee to 25% of the target rows, where 0% to 3% is plausible"
    alone = {"ant": 1.0, "bee": 0.0}
    assert CollapseGuard(TARGET, expected=alone)(Says([1, 0, 0, 0]), X, Y) == ""


def test_a_label_shift_that_the_source_model_sees_is_plausible():
    target = np.concatenate([X[:50]] * 3 + [X[50::10]])  # 91 % ants
    told = Says(np.array([150, 5, 5, 5]) / 165)
    told.counts = np.array([150, 5, 5, 5])
    assert CollapseGuard(target)(told, X, Y).startswith("it gives ant to 91%")
    assert CollapseGuard(target, source_only=SOUND)(told, X, Y) == ""


def test_the_source_model_is_its_own_measure_unless_it_says_one_class():
    target = np.repeat(X[Y == "ant"] + 0.4 * (X[Y == "bee"] - X[Y == "ant"]), 8, axis=0)
    told = SOUND.predict(target)
    assert np.mean(told == "ant") > 0.85
    assert CollapseGuard(target)(SOUND, X, Y) != ""
    assert CollapseGuard(target, source_only=SOUND)(SOUND, X, Y) == ""
    assert (
        CollapseGuard(target[told == "ant"], source_only=SOUND)(SOUND, X, Y) == "it predicts ant for every target row"
    )


def test_classes_that_the_source_model_never_saw():
    few = LogisticRegression().fit(X[Y != "cat"], Y[Y != "cat"])
    assert CollapseGuard(TARGET, source_only=few)(SOUND, X, Y) == ""


def test_the_floor_is_relative_to_the_source_model():
    weak = Says([0.25] * 4, right=0.5)
    assert CollapseGuard(TARGET)(weak, X, Y) == ""
    said = CollapseGuard(TARGET, source_only=SOUND)(weak, X, Y)
    assert said == "it reaches 50.0% on the source, below the floor of 62.5%"
    assert CollapseGuard(TARGET, source_only=SOUND, floor=0.2)(weak, X, Y) == ""
    assert "below the floor of 25.0%" in CollapseGuard(TARGET)(Says([0.25] * 4, right=0.1), X, Y)


def test_regressors_that_say_one_number():
    y = X @ [1.0, 2.0, 0.0, 0.0]
    sound, flat = LinearRegression().fit(X, y), DummyRegressor().fit(X, y)
    guard = CollapseGuard(TARGET, source_only=sound)
    assert guard(sound, X, y) == ""
    assert "for every target row" in guard(flat, X, y)
    assert "below the floor of 50.0%" in guard(flat, X, y)


def test_a_guarded_scorer_gives_minus_infinity_to_the_collapsed():
    scorer = make_validator("entropy", X_target=TARGET)
    behind = guarded(scorer, source_only=SOUND)
    assert behind(SOUND, X, Y) == scorer(SOUND, X, Y)
    assert behind(DummyClassifier().fit(X, Y), X, Y) == -np.inf


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite", "ignore:invalid value encountered")
def test_a_search_never_takes_a_collapsed_setting():
    """A vanishing C is sure of nothing but one class, which density without a guard likes best."""
    scorer = make_validator("soft_neighbourhood_density", X_target=TARGET)
    grid = {"C": [1e-12, 1.0]}
    y = np.where(Y == "ant", "ant", "other")  # so small a C predicts the larger class
    assert GridSearchCV(LogisticRegression(), grid, scoring=scorer, cv=3).fit(X, y).best_params_ == {"C": 1e-12}
    search = GridSearchCV(LogisticRegression(), grid, scoring=guarded(scorer), cv=3).fit(X, y)
    assert search.best_params_ == {"C": 1.0}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"X_target": None}, "needs rows as X_target, got none"),
        ({"floor": 2}, "floor and tolerance in"),
        ({"most_times": 0.5}, "most_times >= 1"),
        ({"expected": {"a": 0.5}}, "sum to 1"),
    ],
)
def test_bad_settings_get_one_line(settings, word):
    with pytest.raises(InputError, match=word):
        CollapseGuard(**({"X_target": TARGET} | settings))
