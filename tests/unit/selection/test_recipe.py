"""Which features stand together, and with which heads."""

from headstart.heads.registry import head_class
from headstart.selection.recipe import FUSION_HEADS, IN_ORDER_HEADS, Recipe, default_recipes, fused_recipes
from headstart.types import BackboneCard

PLAIN = [BackboneCard(name, "video", 4, "frames", parameters=1) for name in ("b", "a")]
IN_ORDER = BackboneCard("in_order", "video", 32, "frames", parameters=1, steps=8)


def test_steps_in_order_have_recipes_of_their_own_and_join_no_others():
    names = [(recipe.backbones, recipe.heads) for recipe in default_recipes([*PLAIN, IN_ORDER])]
    assert names == [
        (("a",), None),
        (("b",), None),
        (("a", "b"), None),
        *((("in_order",), (head,)) for head in IN_ORDER_HEADS),
    ]


def test_named_heads_decide_whether_steps_are_looked_at():
    recipes = default_recipes([*PLAIN, IN_ORDER], combined=False, heads=["temporal", "logistic"])
    assert [recipe.heads for recipe in recipes] == [None, None, ("temporal",)]
    assert [recipe.is_in_order for recipe in recipes] == [False, False, True]
    assert default_recipes([*PLAIN, IN_ORDER], combined=False, heads=["logistic"]) == (Recipe(("a",)), Recipe(("b",)))
    assert default_recipes([IN_ORDER], heads=["logistic"]) == (Recipe(("in_order",)),)


def test_untrained_twins_keep_the_heads_that_look_at_steps():
    twin = Recipe(("in_order",), heads=("temporal",)).untrained()
    assert twin.backbones == ("in_order@random",)
    assert twin.is_in_order


def test_every_task_has_heads_that_keep_parts_apart():
    assert {head_class(name).task for name in FUSION_HEADS} == {
        "classification",
        "regression",
        "multi_label",
        "anomaly",
    }
    side_by_side, fused = fused_recipes(["a", "b"])
    assert side_by_side.heads is None
    assert fused.heads == FUSION_HEADS
    assert fused_recipes(["a"]) == ()
