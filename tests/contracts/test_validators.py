"""Our checks over every validator that is found, and the checks that must bite."""

import numpy as np
import pytest

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.validators._validator import Estimate, Validator
from headstart.evaluation.validators.entropy import Entropy
from headstart.evaluation.validators.registry import VALIDATORS, make_validator
from headstart.testing import validator_checks as checks
from headstart.testing.validator_checks import EVERY_CHECK


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", VALIDATORS.names())
def test_every_validator(name, check):
    check(lambda X_target, candidates: make_validator(name, X_target=X_target, candidates=candidates))


def test_members_are_found_by_file_name():
    asked = {"importance_weighted", "dev", "entropy", "information_maximisation", "soft_neighbourhood_density"}
    asked |= {"nuclear_norm", "circular", "mixval", "source_accuracy", "mean_rank", "agreement"}
    assert asked == set(VALIDATORS.names())
    assert all(VALIDATORS.class_of(name).name == name for name in VALIDATORS.names())
    with pytest.raises(UnknownNameError, match="Did you mean 'entropy'"):
        make_validator("entropi", X_target=[[0.0]])
    with pytest.raises(InputError, match=r"needs settings out of"):
        make_validator("entropy", X_target=[[0.0]], temperature=1)
    with pytest.raises(InputError, match="agreement needs candidates, got none"):
        make_validator("agreement", X_target=[[0.0]])


class _Sound(Entropy):
    """Does nothing wrong; its subclasses do one thing wrong each."""

    def __init__(self, X_target, candidates):
        super().__init__(X_target)

    def estimate(self, estimator, X, y=None, *, sample_domain=None):
        return super().estimate(estimator, X, y)


class _NotFinite(_Sound):
    def __call__(self, estimator, X, y=None):
        return float("nan")


class _TakesTargetLabels(_Sound):
    def __call__(self, estimator, X, y=None, *, y_target=None, sample_domain=None):
        return super().__call__(estimator, X, y)


class _ChangesInput(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        estimator.seen_ = True
        return super().__call__(estimator, X, y)


class _ReadsOrder(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        return super().__call__(estimator, X, y) + float(np.asarray(self.X_target)[0, 0])


class _ReadsNames(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        return super().__call__(estimator, X, y) * (2 if str(estimator.classes_[0]) == "0" else 1)


class _Random(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        return super().__call__(estimator, X, y) + float(np.random.default_rng().random())


class _TurnsDomains(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        return float(np.mean(estimator.predict(X) == y))


class _ReadsRawRows(_Sound):
    def __call__(self, estimator, X, y=None, *, sample_domain=None):
        return super().__call__(estimator, X, y) + float(np.asarray(self.X_target, dtype=float).sum() > 0)


class _NeedsDomains(_Sound):
    def __call__(self, estimator, X, y, sample_domain):
        return 0.0


class _NeedsArrays(_Sound):
    def __init__(self, X_target, candidates):
        self.width = X_target.shape[1]
        super().__init__(X_target, candidates)


class _TakesNothing(_Sound):
    def __init__(self, X_target, candidates):
        self.X_target = X_target


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (checks.check_the_value_is_a_finite_number, _NotFinite),
        (checks.check_target_labels_cannot_be_passed, _TakesTargetLabels),
        (checks.check_inputs_stay_as_they_are, _ChangesInput),
        (checks.check_the_order_of_target_rows_does_not_matter, _ReadsOrder),
        (checks.check_the_names_of_classes_do_not_matter, _ReadsNames),
        (checks.check_the_same_seed_gives_the_same_value, _Random),
        (checks.check_a_collapsed_model_never_wins_when_guarded, _NotFinite),
        (checks.check_each_domain_comes_as_what_it_is, _TurnsDomains),
        (checks.check_a_pipeline_is_seen_at_its_last_step, _ReadsRawRows),
        (checks.check_searches_take_it, _NeedsDomains),
        (checks.check_holders_frames_and_lists_are_taken, _NeedsArrays),
        (checks.check_a_missing_target_is_refused, _TakesNothing),
    ],
    ids=lambda value: value.__name__,
)
def test_each_check_bites(check, broken):
    with pytest.raises((AssertionError, ValueError, TypeError, AttributeError), match=r".+"):
        check(broken)


def test_a_sound_member_passes_every_check():
    for check in EVERY_CHECK:
        check(_Sound)


def test_every_check_has_a_broken_member():
    marks = test_each_check_bites.pytestmark
    listed = next(mark for mark in marks if mark.name == "parametrize").args[1]
    assert {check for check, _ in listed} == set(EVERY_CHECK)


def test_a_value_that_is_not_finite_is_told():
    class Endless(Validator):
        name = "endless"

        def _estimate(self, estimator, X, y, sample_domain):
            return Estimate(float("inf"), None, 1)

    with pytest.raises(InputError, match="endless needs a model with finite outputs, got the value inf"):
        Endless([[0.0]])(None, [[0.0]])
