"""The page holds everything, nothing from outside, and nothing that a file name could run."""

import os
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from headstart.errors import StorageError
from headstart.report.page import page_markup, write_page
from headstart.report.record import MetricRow, ReportRecord, Thumb
from headstart.report.thumbnails import data_uri
from headstart.types import Score

EVIL = "<script>alert('x')</script>&\"'\x00\udcff\u202e.png"


class Collector(HTMLParser):
    """Tags and attributes as a browser's parser sees them."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def collected(markup):
    collector = Collector()
    collector.feed(markup)
    return collector


def tree_of(markup):
    return ElementTree.fromstring(markup.split("\n", 1)[1])


def titles(markup):
    return re.findall(r'<h2 id="[a-z-]+">([^<]+)</h2>', markup)


def bare(**changes):
    base = ReportRecord(
        "t", "2025-01-01", "0", "A tie.", "tie", "Accuracy", Score(float("nan"), float("nan"), float("nan"), "")
    )
    return replace(base, **changes)


def test_page_is_well_formed_and_has_every_section(record):
    markup = page_markup(record)
    tree_of(markup)
    assert len(titles(markup)) == 14
    assert record.verdict_sentence in markup
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", re.sub(r"data:image[^\"]*", "", markup))


def test_contents_lead_to_sections_that_exist_once(record):
    tree = tree_of(page_markup(record))
    ids = [node.get("id") for node in tree.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    links = [node.get("href") for node in tree.iter("a")]
    assert {link[1:] for link in links} <= set(ids)


def test_page_of_next_to_nothing_keeps_only_the_verdict():
    markup = page_markup(bare())
    tree_of(markup)
    assert titles(markup) == []
    assert "A tie." in markup


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        ("leaderboard", "Leaderboard"),
        ("errors", "Worst mistakes"),
        ("reliability", "Can its confidence be believed?"),
        ("curves", "What labels are worth"),
        ("domains", "By domain"),
        ("findings", "Audit"),
        ("suspicious", "Suspicious labels"),
        ("outliers", "Outliers"),
        ("metrics", "All figures"),
        ("cost", "What it cost"),
    ],
)
def test_an_empty_part_makes_its_section_vanish(record, field, gone):
    before = titles(page_markup(record))
    after = titles(page_markup(replace(record, **{field: ()})))
    assert set(before) - set(after) == {gone}


def test_without_a_test_part_there_is_no_test_column(record):
    rows = tuple(replace(row, test=None) for row in record.leaderboard)
    markup = page_markup(replace(record, leaderboard=rows))
    assert 'data-label="test"' not in markup
    assert 'class="compare"' not in markup
    assert 'data-label="test"' in page_markup(record)


@pytest.mark.parametrize("k", [1, 9, 21, 50])
def test_page_of_k_classes(many_classes, k):
    markup = page_markup(many_classes(k))
    tree_of(markup)
    assert len(markup) < 600_000


def evil_record(record):
    rows = tuple(replace(row, name=EVIL, backbone=EVIL, head=EVIL, rule=EVIL) for row in record.leaderboard)
    thumbs = (Thumb(None, EVIL, EVIL, EVIL, 0.5), Thumb(b"no picture", EVIL, EVIL, EVIL, None))
    renamed = replace(
        record,
        title=EVIL,
        created=EVIL,
        version=EVIL,
        verdict_sentence=EVIL,
        metric=EVIL,
        score=Score(0.5, 0.4, 0.6, EVIL),
        facts=((EVIL, EVIL),),
        leaderboard=rows,
        classes=(EVIL, "b"),
        labels_saved=EVIL,
        errors=thumbs,
        suspicious=thumbs,
        outliers=thumbs,
        class_counts={EVIL: np.array([1, 2])},
        settings={EVIL: EVIL},
        command=EVIL,
        metrics=(MetricRow(EVIL, Score(0.5, 0.4, 0.6, EVIL), EVIL),),
        notes=(EVIL,),
        feature_map=replace(
            record.feature_map,
            ids=np.array([EVIL] * 60, dtype=object),
            domains=np.array([EVIL, "b"] * 30, dtype=object),
            method=EVIL,
        ),
        sizes=replace(record.sizes, label=EVIL),
    )
    texts = ("per_class", "reliability", "curves", "domains", "cost", "findings", "guesses")
    return replace(renamed, **{name: tuple(map(evil_texts, getattr(record, name))) for name in texts})


def evil_texts(part):
    changes = {f.name: EVIL for f in fields(part) if isinstance(getattr(part, f.name), str)}
    return replace(part, **changes)


def test_nothing_a_user_wrote_becomes_markup(record, tmp_path):
    plain, evil = collected(page_markup(record)), collected(page_markup(evil_record(record)))
    assert "script" not in evil.tags
    assert not [name for _, name, _ in evil.attributes if name.startswith("on")]
    assert set(evil.tags) <= set(plain.tags)
    assert page_markup(evil_record(record)).count("&lt;script&gt;") > 40
    write_page(evil_record(record), tmp_path / "report.html")
    tree_of((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_page_loads_nothing_from_outside(record):
    markup = page_markup(record)
    assert not re.search(r"https?://|@import|url\(", markup)
    page = collected(markup)
    assert not {"script", "iframe", "object", "embed", "base"} & set(page.tags)
    for tag, name, value in page.attributes:
        if name in {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}:
            assert value.startswith(("data:", "#")), (tag, name, value)
    assert any(value.startswith("default-src 'none'") for _, name, value in page.attributes if name == "content")


def test_write_page_replaces_whole_and_leaves_nothing_behind(record, tmp_path):
    path = tmp_path / "new" / "report.html"
    write_page(record, path)
    write_page(replace(record, title="again"), path)
    assert "again" in path.read_text(encoding="utf-8")
    assert os.listdir(path.parent) == ["report.html"]


def test_write_page_keeps_the_old_page_when_the_disk_fails(record, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="got a full disk"):
        write_page(record, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_file_in_the_way_of_the_folder_is_a_storage_error(record, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(StorageError, match="needs a folder it can write to"):
        write_page(record, tmp_path / "file" / "report.html")


def test_same_record_same_page(record):
    assert page_markup(record) == page_markup(record)


def test_thumbnail_is_small_and_none_where_there_is_no_picture(tmp_path):
    import base64
    from io import BytesIO

    from PIL import Image

    tall = np.random.default_rng(0).integers(0, 255, (900, 300, 3), dtype=np.uint8)
    uri = data_uri(tall)
    with Image.open(BytesIO(base64.b64decode(uri.split(",", 1)[1]))) as picture:
        assert max(picture.size) == 128
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert [data_uri(image) for image in (None, broken, "/nowhere.png", b"", np.zeros((3,)))] == [None] * 5


def test_an_unreadable_picture_becomes_a_tile(record):
    markup = page_markup(replace(record, errors=(Thumb("/nowhere.png", "gone.png", "a", "b", 0.9),)))
    assert "nothing to show" in markup
    assert "gone.png" in markup


def test_record_refuses_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="verdict_kind"):
        bare(verdict_kind="great")
    with pytest.raises(ValueError, match="confusion of shape"):
        bare(classes=("a", "b"), confusion=np.eye(3, dtype=int))


def test_rival_stands_on_the_other_side_of_the_verdict(record):
    assert record.rival.name == "HOG + trees"
    flipped = tuple(replace(row, is_winner=row.kind == "untransferred") for row in record.leaderboard)
    assert replace(record, leaderboard=flipped).rival.name == "ResNet + logistic"
    assert bare().rival is None


def test_numbers_of_every_figure_stand_on_the_page(record):
    markup = page_markup(record)
    for number in ("0.850", "0.810 – 0.880", "128", "0.087", "1,441", "2 min 11 s"):
        assert number in markup, number
