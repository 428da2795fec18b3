"""Exact facts of the classic histograms."""

import numpy as np
import pytest
from PIL import Image

from headstart.backbones import registry


@pytest.fixture
def histogram():
    return registry.open_backbone("colour_histogram")


def test_each_histogram_sums_to_one(histogram):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 61, 3), dtype=np.uint8))
    squares = histogram.encode([picture])[0].astype(float) ** 2
    ends = np.cumsum([64] + [16, 8, 8, 32] * 5)
    assert ends[-1] == histogram.card.dim
    sums = [part.sum() for part in np.split(squares, ends[:-1])]
    np.testing.assert_allclose(sums, 1.0, atol=1e-6)


def test_one_colour_fills_one_bin(histogram):
    row = histogram.encode([Image.new("RGB", (20, 20), (255, 0, 0))])[0]
    assert sorted(set(row)) == [0.0, 1.0]
    assert row[3 * 16] == 1.0  # the reddest of 4 x 4 x 4
    assert row.sum() == 1 + 5 * 4


def test_only_quarters_see_where_a_colour_is(histogram):
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[:64] = 255
    top, bottom = histogram.encode([Image.fromarray(pixels), Image.fromarray(pixels[::-1].copy())])
    assert np.array_equal(top[: 64 + 64], bottom[: 64 + 64])
    assert not np.array_equal(top, bottom)


def test_hog_tells_upright_from_level_stripes():
    hog = registry.open_backbone("hog")
    stripes = np.tile(np.repeat([0, 255], 8), 8).astype(np.uint8)
    upright = np.broadcast_to(stripes, (128, 128)).copy()
    rows = hog.encode([Image.fromarray(upright), Image.fromarray(upright.T.copy()), Image.new("L", (50, 50), 80)])
    rows = rows.reshape(3, 49, 4, 9)
    # A gradient to the right has angle 0, shared by the first and the last orientation; one downwards the middle one.
    assert set(np.flatnonzero(rows[0].sum(axis=(0, 1)))) == {0, 8}
    assert set(np.flatnonzero(rows[1].sum(axis=(0, 1)) > 1e-6)) == {4}
    assert not rows[2].any()
