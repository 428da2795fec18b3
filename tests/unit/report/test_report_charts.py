"""Every chart is sound XML, holds finite numbers only, and says what it shows."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from headstart.report.bars import class_bars, cost_bar, histogram, shown_classes
from headstart.report.confusion_matrix import confusion_matrix, most_confused, row_shares
from headstart.report.feature_map import MAX_POINTS, drawn_rows, feature_map, legend_mark
from headstart.report.interval_plot import interval_axis, interval_plot, score_scale
from headstart.report.learning_curves import learning_curves, same_score_sizes
from headstart.report.record import CostRow, Curve, FeatureMap, Histogram, Reliability
from headstart.report.reliability_diagram import confidence_strip, reliability_diagram
from headstart.report.scale import linear_scale, log_scale
from headstart.types import Score

NOTHING = float("nan")
MARKS = {"rect", "circle", "path", "line", "polyline", "polygon", "text"}


def parsed(markup):
    """The chart as a tree, after the checks that hold for every chart."""
    numbers = re.sub(r">[^<]*<", "><", markup.replace('preserveAspectRatio="none"', ""))
    assert not re.search(r"\b(nan|inf|none)\b", numbers, re.IGNORECASE)
    assert "http" not in markup
    tree = ElementTree.fromstring(markup)
    svg = tree if tree.tag == "svg" else next(tree.iter("svg"))
    assert svg.get("aria-label") or svg.get("aria-hidden")
    for mark in tree.iter():
        for name in ("x", "y", "cx", "cy", "r", "width", "height", "x1", "x2", "y1", "y2", "fill-opacity"):
            if mark.tag in MARKS and name in mark.attrib:
                assert np.isfinite(float(mark.attrib[name].rstrip("%"))), mark.attrib
    return tree


def count(tree, tag, kind=None):
    return sum(1 for mark in tree.iter(tag) if kind is None or kind in (mark.get("class") or "").split())


def test_interval_plot_has_a_dot_for_each_score():
    scores = [Score(0.8, 0.7, 0.9, "honest"), Score(0.75, 0.7, 0.8, "")]
    tree = parsed(
        interval_plot([(scores[0], "is-cv"), (scores[1], "is-test"), (None, "x")], score_scale(scores), label="a")
    )
    assert count(tree, "circle") == 2
    assert parsed(interval_axis(score_scale(scores))).tag == "svg"


def test_interval_plot_survives_a_score_that_is_none():
    tree = parsed(interval_plot([(Score(NOTHING, NOTHING, NOTHING, ""), "x")], score_scale([]), label="a"))
    assert count(tree, "circle") == 0
    tree = parsed(interval_plot([(Score(0.5, NOTHING, NOTHING, ""), "x")], score_scale([]), label="a"))
    assert count(tree, "circle") == 1


def test_score_scale_keeps_shares_within_0_and_1_but_not_losses():
    shares = score_scale([Score(0.99, 0.97, 1.0, "")])
    assert (shares.low >= 0, shares.high) == (True, 1.0)
    assert score_scale([Score(1.7, 1.2, 2.2, "")]).high >= 2.2


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_confusion_matrix_prints_every_count(k):
    confusion = np.arange(1, k * k + 1).reshape(k, k)
    tree = parsed(confusion_matrix(confusion, tuple(f"class {i}" for i in range(k))))
    numbers = [text.text for text in tree.iter("text") if "n" == text.get("class")]
    assert numbers == [str(n) for n in confusion.ravel()]


@pytest.mark.parametrize("k", [21, 50])
def test_confusion_matrix_of_many_classes_drops_labels_and_empty_cells(k):
    tree = parsed(confusion_matrix(3 * np.eye(k, dtype=int), tuple(f"class {i}" for i in range(k))))
    assert count(tree, "rect", "hit") == k
    assert count(tree, "rect", "miss") == 0
    assert count(tree, "text") == 0


def test_confusion_matrix_with_an_empty_row():
    confusion = np.array([[0, 0], [1, 3]])
    np.testing.assert_allclose(row_shares(confusion), [[0, 0], [0.25, 0.75]])
    parsed(confusion_matrix(confusion, ("a", "b")))


def test_most_confused_is_sorted_and_leaves_out_the_diagonal():
    confusion = np.array([[9, 1, 0], [4, 9, 0], [0, 2, 9]])
    assert [pair[:3] for pair in most_confused(confusion)] == [(1, 0, 4), (2, 1, 2), (0, 1, 1)]


def test_reliability_diagram_skips_empty_bins(record):
    tree = parsed(reliability_diagram(record.reliability))
    assert count(tree, "circle") == 2 * 4
    assert count(parsed(confidence_strip(record.reliability[0])), "rect") == 4


def test_reliability_diagram_of_nothing():
    empty = np.zeros(0)
    parsed(reliability_diagram([Reliability("before", empty, empty, empty, empty, NOTHING)]))
    parsed(confidence_strip(Reliability("before", empty, empty, empty, empty, NOTHING)))


def test_learning_curves_draw_bands_and_the_guide(record):
    tree = parsed(learning_curves(record.curves, "Macro-F1"))
    assert (count(tree, "polygon", "band"), count(tree, "polyline", "curve")) == (2, 2)
    assert count(tree, "g", "guide") == 1


def test_learning_curves_leave_out_what_is_not_a_number():
    curve = Curve("a", np.array([10, 100]), np.array([NOTHING, 0.5]), np.array([0.1, NOTHING]), np.array([0.2, 0.6]))
    assert count(parsed(learning_curves([curve], "F1")), "circle") == 1


def test_same_score_sizes_interpolates_between_sizes_on_the_log_axis():
    sizes = np.array([10, 1000])
    mean = np.array([0.0, 1.0])
    flat = np.array([0.5, 0.5])
    curves = [Curve("with", sizes, mean, mean, mean), Curve("without", sizes, flat, flat, flat, is_transferred=False)]
    few, many, goal = same_score_sizes(curves)
    assert (few, many, goal) == (pytest.approx(100.0), 1000.0, 0.5)
    assert same_score_sizes(curves[:1]) is None


def test_same_score_sizes_of_a_loss():
    sizes, falling = np.array([10, 1000]), np.array([1.0, 0.0])
    flat = np.array([0.5, 0.5])
    curves = [Curve("with", sizes, falling, falling, falling), Curve("without", sizes, flat, flat, flat, False)]
    assert same_score_sizes(curves, higher_is_better=False)[0] == pytest.approx(100.0)


def test_feature_map_has_a_titled_mark_for_each_example_and_a_ring_for_each_mistake(record):
    tree = parsed(feature_map(record.feature_map, record.classes))
    marks = [mark for mark in tree.iter() if mark.tag in {"circle", "rect", "path"}]
    assert len(marks) == 60
    assert sum("wrong" in mark.get("class").split() for mark in marks) == int(record.feature_map.is_error.sum())
    assert all(mark.find("title").text for mark in marks)


def test_feature_map_is_thinned_out_and_stays_small(many_classes):
    record = many_classes(40)
    markup = feature_map(record.feature_map, record.classes)
    parsed(markup)
    assert len(drawn_rows(record.feature_map)) == MAX_POINTS
    assert len(markup) < 220_000


@pytest.mark.parametrize("xy", [[[0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]], [[NOTHING, 0.0], [2.0, 3.0]]])
def test_feature_map_of_odd_places(xy):
    n = len(xy)
    features = FeatureMap(np.array(xy), np.zeros(n, dtype=int), np.zeros(n, dtype=bool))
    assert count(parsed(feature_map(features, ("a",))), "circle") == int(np.isfinite(xy).all(axis=1).sum())


def test_neighbouring_classes_differ_in_colour_and_shape():
    marks = [legend_mark(code) for code in range(24)]
    assert len(set(marks)) == 24


def test_class_bars_show_all_of_few_and_the_ends_of_many(record, many_classes):
    tree = parsed(class_bars(record.class_counts, record.classes))
    assert count(tree, "rect") == 4
    assert len(shown_classes(np.arange(50))) == 30
    big = many_classes(50)
    assert count(parsed(class_bars(big.class_counts, big.classes)), "rect") == 30
    parsed(class_bars({"train": np.zeros(2, dtype=int)}, ("a", "b")))


def test_histogram_and_cost_bar(record):
    assert count(parsed(histogram(record.sizes)), "rect") == 2
    parsed(histogram(Histogram("nothing", np.zeros(0), np.zeros(0))))
    tree = parsed(cost_bar([CostRow("a", 1.0, 0.7), CostRow("b", 1.0, 0.7), CostRow("c", NOTHING, NOTHING)]))
    widths = [float(bar.get("width").rstrip("%")) for bar in tree.iter("rect")]
    assert sum(widths) == pytest.approx(100.0)


@pytest.mark.parametrize("values", [[], [0.5], [0.0, 1.0], [NOTHING], [-3.0, 1e6], [0.999, 1.0]])
def test_linear_scale_holds_its_values_and_its_ticks(values):
    scale = linear_scale(values)
    assert scale.high > scale.low
    assert all(0 <= scale.at(tick) <= 100 for tick in scale.ticks)
    assert all(scale.low <= v <= scale.high for v in values if np.isfinite(v))


def test_log_scale_is_even_in_ratios():
    scale = log_scale([10, 1000])
    assert scale.at(100) == pytest.approx(50.0)
    assert set(scale.ticks) >= {10, 100, 1000}
    assert log_scale([7, 7]).high > log_scale([7, 7]).low
