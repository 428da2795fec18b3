"""What the page and the card show of numbers, several labels and anomalies."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from headstart.report.alarm_section import alarm_section, score_histogram
from headstart.report.model_card import model_card
from headstart.report.number_section import number_section, scatter
from headstart.report.page import page_markup
from headstart.report.record import Alarms, Numbers, Thumb
from headstart.types import Score


@pytest.fixture
def numbers():
    truth = np.linspace(0, 100, 41)
    predicted = np.clip(truth + np.tile([-5.0, 0.0, 5.0, 10.0], 11)[:41], 0, 100)
    ids = tuple(f"<row {i}>" for i in range(41))
    return Numbers(truth, predicted, 10.0, 0.9, Score(0.95, 0.85, 0.99, "honest"), ids)


@pytest.fixture
def alarms():
    scores = np.concatenate([np.linspace(0, 5, 50), np.linspace(4, 9, 10)])
    strangest = (Thumb(np.zeros((8, 8, 3), np.uint8), "<odd>.png", "anomalous", "9.1"),)
    return Alarms(np.repeat([0, 1], [50, 10]), scores, 4.5, strangest)


def _parsed(markup):
    return ElementTree.fromstring(markup)


def test_the_scatter_places_dots_by_their_numbers_and_the_band_by_the_interval(numbers):
    svg = _parsed(scatter(numbers))
    dots = [node for node in svg.iter("circle")]
    assert len(dots) == 41
    first, last = dots[0], dots[-1]
    assert (first.get("cx"), first.get("cy")) == ("0%", "100%")
    assert last.get("cx") == "100%"
    assert "<row 0>: true 0, predicted 0" in first.find("title").text
    band = next(node for node in svg.iter("polygon"))
    points = {tuple(map(float, pair.split(","))) for pair in band.get("points").split()}
    assert {(0.0, 90.0), (90.0, 0.0), (100.0, 0.0), (100.0, 10.0), (10.0, 100.0), (0.0, 100.0)} <= points


def test_many_dots_are_thinned_out_and_bars_count_every_error(numbers, record):
    many = Numbers(np.arange(5000.0), np.arange(5000.0) + 1, 2.0, 0.9, Score(1, 0.9, 1, ""))
    assert len(list(_parsed(scatter(many)).iter("circle"))) == 1500
    section = number_section(replace(record, numbers=numbers))
    counts = re.findall(r"to [-\d.]+: ([\d,]+)</title></rect>", section.body)
    assert sum(map(int, counts)) == 41
    assert "± 10" in section.body
    assert "meant to hold 90 % of new examples; it held 95 %" in section.body


def test_the_bars_of_the_scores_count_every_row_and_the_line_stands_at_the_threshold(alarms):
    svg = _parsed(score_histogram(alarms))
    titles = [node.find("title").text for node in svg.iter("rect")]
    for kind, n in (("normal", 50), ("anomalous", 10)):
        assert sum(int(t.rsplit(" ", 1)[1]) for t in titles if t.startswith(kind)) == n
    line = next(node for node in svg.iter("line") if node.get("class") == "threshold")
    low, high = 0.0, float(np.quantile(alarms.scores, 0.995))
    assert float(line.get("x1").rstrip("%")) == pytest.approx(100 * (4.5 - low) / (high - low), abs=0.01)


def test_scores_that_are_all_alike_can_be_drawn(alarms, record):
    same = replace(alarms, scores=np.full(60, 3.0), threshold=3.0)
    assert _parsed(score_histogram(same)) is not None
    assert alarm_section(replace(record, alarms=replace(alarms, scores=np.zeros(0)))) is None


@pytest.mark.parametrize("task", ["regression", "anomaly", "multi_label"])
def test_the_page_is_sound_and_escapes_what_it_shows(task, record, numbers, alarms):
    whole = replace(
        record,
        task=task,
        numbers=numbers if task == "regression" else None,
        alarms=alarms if task == "anomaly" else None,
        verdict_kind="unknown" if task == "anomaly" else "helped",
    )
    page = page_markup(whole)
    _parsed(page.split("\n", 1)[1])
    assert "<odd>" not in page
    assert "<row 0>" not in page
    assert ('id="numbers"' in page) == (task == "regression")
    assert ('id="alarms"' in page) == (task == "anomaly")


@pytest.mark.parametrize(
    ("task", "tag", "use", "call"),
    [
        ("regression", "image-regression", "To estimate a number", "predict_interval"),
        ("multi_label", "image-multi-label-classification", "several at once or none", "predict_proba"),
        ("anomaly", "image-anomaly-detection", "does not look like the normal examples", "anomaly_score"),
    ],
)
def test_the_card_says_what_the_model_is_for(task, tag, use, call, record, numbers):
    from headstart.tasks.registry import get_task

    kind = get_task(task).pipeline_tag
    card = model_card(replace(record, task=task, pipeline_tag=kind, numbers=numbers if task == "regression" else None))
    assert f"pipeline_tag: {tag}" in card
    assert use in card
    assert f"model.{call}(" in card
    assert ("held 95 % of those judged" in card) == (task == "regression")


def test_a_card_of_what_could_not_be_measured_says_so(record):
    assert "how good it is is not known" in model_card(replace(record, task="anomaly", verdict_kind="unknown"))
