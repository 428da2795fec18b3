"""The model card has sound front matter, every figure with its rule, and no live markup."""

import json
from dataclasses import replace

import numpy as np
import pytest

from headstart.report.model_card import model_card, write_model_card
from headstart.report.record import ReportRecord
from headstart.types import Score

EVIL = 'a "quoted": name\n---\n<script>|[x](y)`'


def front_matter(card):
    assert card.startswith("---\n")
    return card.split("\n---\n", 1)[0].splitlines()[1:]


def test_front_matter_names_licence_tags_and_metrics(record):
    lines = front_matter(model_card(record))
    assert 'license: "apache-2.0"' in lines
    assert "library_name: headstart" in lines
    assert '- "transfer-learning"' in lines
    assert '- "macro_f1"' in lines
    assert "      value: 0.85" in lines


def test_front_matter_is_yaml(record):
    yaml = pytest.importorskip("yaml")
    read = yaml.safe_load("\n".join(front_matter(model_card(replace(record, title=EVIL, metric=EVIL)))))
    assert read["model-index"][0]["name"] == " ".join(EVIL.split())
    values = {metric["name"]: metric["value"] for metric in read["model-index"][0]["results"][0]["metrics"]}
    assert values["Accuracy"] == 0.87


def test_card_has_the_usual_chapters(record):
    card = model_card(record)
    for chapter in ("Model", "Intended use", "Data", "Figures", "Limits", "How to load", "How to repeat"):
        assert f"\n## {chapter}\n" in card
    assert 'hs.load("runs/cells")' in card
    assert "Weakest class: defect" in card
    assert "0.810 – 0.880" in card
    assert "honest: test part, read once" in card


def test_tables_have_as_many_cells_as_columns(record):
    import re

    card = model_card(replace(record, classes=("a|b", "c"), notes=("x | y",)))
    widths = [
        [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        for block in card.split("\n\n")
        if block.startswith("| ")
    ]
    assert widths
    assert all(len(set(block)) == 1 for block in widths)


def test_user_text_stays_text(record):
    card = model_card(replace(record, title=EVIL, classes=(EVIL, "b"), verdict_sentence=EVIL, folder=EVIL))
    head, body = card.split("\n---\n", 1)
    assert "<script>" not in body.replace(json.dumps(" ".join(EVIL.split())), "")
    assert "\n---\n" not in body
    assert head.count("\n---") == 0


def test_card_of_next_to_nothing():
    nan = float("nan")
    bare = ReportRecord("t", "2025", "0", "A tie.", "tie", "Accuracy", Score(nan, nan, nan, ""))
    card = model_card(bare)
    assert "nan" not in card.lower()
    assert "## Figures" not in card
    assert 'license: "unknown"' in card


def test_write_model_card_writes_utf8(record, tmp_path):
    write_model_card(replace(record, classes=("红", "b"), confusion=np.eye(2, dtype=int)), tmp_path / "model_card.md")
    assert "红" in (tmp_path / "model_card.md").read_text(encoding="utf-8")
