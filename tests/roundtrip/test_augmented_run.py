"""A run that tunes with an augmentation, from pictures to the page."""

from dataclasses import replace

import numpy as np
import pytest

import headstart as hs
from headstart.errors import InputError, UnknownNameError
from headstart.run import contest, route


def pictures(n, seed=0):
    """Dark and bright ones."""
    draw = np.random.default_rng(seed)
    X = [(90 * (row % 2) + draw.integers(0, 120, (20, 20, 3))).astype(np.uint8) for row in range(n)]
    return X, [("dark", "bright")[row % 2] for row in range(n)]


def test_the_report_shows_what_the_model_saw(tmp_path, monkeypatch):
    own = contest.tuned_recipes

    def short(*args, **settings):
        few = (("epochs", 2), ("validation_fraction", 0.0))
        return tuple(replace(recipe, settings=(*recipe.settings, *few)) for recipe in own(*args, **settings))

    monkeypatch.setattr(contest, "tuned_recipes", short)
    monkeypatch.setattr(route, "choose_hand_over", lambda *_, **__: "transfer")
    monkeypatch.setattr(route, "best_of", lambda found: next(one for one in found if one.recipe.strategy))
    X, y = pictures(72)
    run = hs.fit(
        X,
        y,
        backbones=["two_convolutions"],
        heads=["prototypes"],
        strategies=["fine_tune"],
        augmentation="flip+mixup",
        n_folds=2,
        out=tmp_path / "run",
        cache=False,
    )
    assert next(row for row in run.leaderboard if row.is_handed_over).head == "fine_tune"
    page = (run.out / "report.html").read_text()
    assert "What the model saw" in page
    assert "The model was tuned with the augmentation flip+mixup." in page
    assert "--augmentation flip+mixup" in page


def test_what_makes_no_sense_is_told_before_anything_is_read(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'mixup'"):
        hs.fit(tmp_path, strategies=["fine_tune"], augmentation="mixupp")
    with pytest.raises(InputError, match="a budget or the strategy fine_tune for augmentation 'flip', got neither"):
        hs.fit(tmp_path, augmentation="flip")
    texts = [f"number {row} of the texts" for row in range(40)]
    with pytest.raises(InputError, match="a name for text, got 'flip'. Take one of none, span_dropout, token_dropout"):
        hs.fit(texts, ["a", "b"] * 20, strategies=["fine_tune"], augmentation="flip", out=tmp_path / "run")
