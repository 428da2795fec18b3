"""A budget is a promise: done in time, with a usable model."""

import time

import pytest

import headstart as hs


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [15, 60])
def test_a_run_ends_within_its_budget(photos, tmp_path, seconds):
    begin = time.monotonic()
    run = hs.fit(photos, budget=seconds, out=tmp_path / "run", cache=tmp_path / "cache")
    assert time.monotonic() - begin <= seconds + max(0.05 * seconds, 5.0)
    assert run.model.predict([next(photos.glob("ants/*.png"))])[0] in ("ants", "bees")
    assert run.result["identity"]["budget_seconds"] == seconds


def test_a_budget_that_encoding_takes_leaves_a_usable_model(photos, tmp_path):
    run = hs.fit(photos, budget=0.5, backbones=["efficientnet_lite0"], out=tmp_path / "run", cache=tmp_path / "cache")
    assert run.model.predict([next(photos.glob("ants/*.png"))])[0] in ("ants", "bees")
