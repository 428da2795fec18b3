"""The committed pictures are what the script draws."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "transfer" / "pictures"
MOST_BYTES = 15_000
TOLERANCE = {"accuracy": 0.03, "share": 0.05}
"""Rows on the line, and trained networks, may differ a little from platform to platform."""


@pytest.fixture(scope="module")
def script():
    """``docs/draw_transfer.py`` and what it draws with."""
    sys.path.insert(0, str(DOCS))
    try:
        import draw_transfer

        yield draw_transfer
    finally:
        sys.path.remove(str(DOCS))


def names():
    return sorted(path.stem for path in FOLDER.glob("*.svg"))


def test_there_is_a_picture_for_each_method_and_no_other(script):
    assert names() == sorted(script.pictures())


@pytest.mark.parametrize("name", names())
def test_a_picture_is_small_sound_and_drawn_by_the_script(name, script):
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert len(text.encode()) < MOST_BYTES
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "<script" not in text
    assert "http" not in text.split(">", 1)[1]
    from transfer_picture import figures_of

    drawn = script.draw(name, script.pictures()[name]())
    there, here = figures_of(text), figures_of(drawn.svg)
    assert here == tuple(round(figure, 2) for figure in (*drawn.accuracies, *drawn.shares))
    np.testing.assert_allclose(there[:2], here[:2], atol=TOLERANCE["accuracy"])
    np.testing.assert_allclose(there[2:], here[2:], atol=TOLERANCE["share"])
    assert [len(re.findall(mark, text)) for mark in ("<circle", "<path", "<text")] == [
        len(re.findall(mark, drawn.svg)) for mark in ("<circle", "<path", "<text")
    ]


def test_the_line_is_where_the_field_is_zero(script):
    from transfer_picture import HEIGHT, WIDTH, contour

    xs, ys = np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 31))
    line = contour(xs - 0.1 + 1e-12 * ys)
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", line), dtype=float)
    np.testing.assert_allclose(points[:, 0], 0.55 * WIDTH, atol=0.1)
    assert (points[:, 1].min(), points[:, 1].max()) == (0, HEIGHT)
    assert line.count("M") == 1
    ring = np.array(re.findall(r"([\d.]+) ([\d.]+)", contour(0.25 - xs**2 - ys**2)), dtype=float)
    radii = np.hypot(2 * ring[:, 0] / WIDTH - 1, 2 * ring[:, 1] / HEIGHT - 1)
    np.testing.assert_allclose(radii, 0.5, atol=0.01)
    assert contour(np.ones((5, 5))) == ""
