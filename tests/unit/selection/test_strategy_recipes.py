"""What is trained on raw examples, and what it is measured against."""

from types import SimpleNamespace

import pytest

from headstart.selection.recipe import Recipe
from headstart.selection.strategy_recipes import NETWORKS, SCRATCH, TUNED, scratch_recipes, suitable, tuned_recipes
from headstart.strategies.raw_head import RAW_STRATEGIES

FROZEN = [SimpleNamespace(recipe=Recipe(("efficientnet_lite0",)), score=0.8)]


def _tuned(wanted, *, has_budget=False):
    return tuned_recipes("image", FROZEN, wanted, has_budget=has_budget)


def test_every_strategy_suits_some_kind_of_example():
    assert {name for kind in {*TUNED, *SCRATCH} for name in suitable(kind)} == set(RAW_STRATEGIES.names())


def test_what_was_named_is_tried_on_the_best_backbone():
    (recipe,) = _tuned(("head2toe",))
    assert (recipe.strategy, dict(recipe.settings)) == ("head2toe", {"backbone": "efficientnet_lite0"})
    assert [recipe.strategy for recipe in _tuned(("fine_tune", "head2toe"))] == ["fine_tune", "head2toe"]


def test_a_budget_tries_what_pays_and_nothing_else_does():
    assert [recipe.strategy for recipe in _tuned(None, has_budget=True)] == ["fine_tune"]
    assert _tuned(None) == ()


@pytest.mark.parametrize("kind", list(NETWORKS))
def test_tuning_is_measured_against_a_network_from_scratch(kind):
    (recipe,) = scratch_recipes(kind, ("fine_tune",), has_budget=False)
    assert recipe.kind == "baseline"
    assert dict(recipe.settings) == {"backbone": NETWORKS[kind]}


def test_time_is_given_to_what_can_keep_to_it():
    assert dict(Recipe((), strategy="fine_tune").within(5.0).settings) == {"max_seconds": 5.0}
    assert Recipe((), strategy="head2toe").within(5.0).settings == ()
