"""Texts in tables, in folders and in lists."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headstart.data.audit import audit
from headstart.data.read import read
from headstart.data.text_file import MAX_CHARACTERS, UnreadableTextError, text_of
from headstart.errors import InputError

SENTENCES = [f"this is a sentence about thing number {n}" for n in range(12)]
LABELS = ["a", "b", "c"] * 4


def test_a_table_of_texts_in_every_spelling(tmp_path):
    frame = pd.DataFrame({"sentence": SENTENCES, "type": LABELS})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    lines = [json.dumps(record) for record in frame.to_dict("records")]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    for source in (frame, *(tmp_path / f"t.{kind}" for kind in ("csv", "parquet", "jsonl"))):
        found = read(source)
        assert found.dataset.modality == "text"
        assert list(found.dataset.inputs) == SENTENCES
        assert found.dataset.targets.tolist() == LABELS
        assert {guess.what: guess.value for guess in found.guesses}["text"] == "sentence"


def test_the_column_of_texts_is_known_by_content_and_can_be_named():
    frame = pd.DataFrame({"a": LABELS, "b": SENTENCES, "c": [text.upper() for text in SENTENCES]})
    found = read(frame)
    assert list(found.dataset.inputs) == SENTENCES
    assert found.dataset.targets.tolist() == LABELS
    assert list(read(frame, text="c").dataset.inputs)[0] == SENTENCES[0].upper()
    chinese = pd.DataFrame({"x": [f"这家餐厅的菜非常好吃第{n}次来" for n in range(12)], "y": LABELS})
    assert read(chinese).dataset.modality == "text"


def test_pictures_beside_captions_are_pictures_unless_said(photos):
    paths = sorted(str(path) for path in photos.glob("*/*.png"))[:6]
    frame = pd.DataFrame({"image": paths, "caption": SENTENCES[:6], "label": LABELS[:6]})
    assert read(frame).dataset.modality == "image"
    assert list(read(frame, text="caption").dataset.inputs) == SENTENCES[:6]
    assert list(read(frame, modality="text").dataset.inputs) == SENTENCES[:6]


def test_folders_of_documents(tmp_path):
    for number, sentence in enumerate(SENTENCES):
        path = tmp_path / LABELS[number] / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(sentence)
    found = read(tmp_path)
    assert found.dataset.modality == "text"
    assert all(isinstance(source, Path) for source in found.dataset.inputs)
    assert sorted(text_of(source) for source in found.dataset.inputs) == sorted(SENTENCES)
    assert found.dataset.classes == ("a", "b", "c")


def test_lists_of_texts(tmp_path):
    found = read(SENTENCES, LABELS)
    assert found.dataset.modality == "text"
    assert found.dataset.ids[0] == "row 1"
    assert read(["good.", "see a.png"], ["x", "y"], modality="text").dataset.modality == "text"


def test_documents_in_other_encodings(tmp_path):
    written = {"utf-16": "naïve", "gb18030": "中文文本", "cp1252": "café au lait", "utf-8-sig": "ü"}
    for encoding, text in written.items():
        path = tmp_path / encoding
        path.write_bytes(text.encode(encoding))
        assert text_of(path) == text


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is blank"), (b" \n", "is blank"), (bytes(range(256)) * 4, "binary")]
)
def test_documents_that_are_none(tmp_path, content, reason):
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(UnreadableTextError, match=reason):
        text_of(path)
    with pytest.raises(UnreadableTextError, match="does not exist"):
        text_of(tmp_path / "nothing.txt")


def test_ten_megabytes_are_read_by_their_beginning_and_told(tmp_path):
    long = "word " * 2_000_000
    pd.DataFrame({"text": [long, *SENTENCES], "label": ["a", *LABELS]}).to_csv(tmp_path / "t.csv", index=False)
    data = read(tmp_path / "t.csv").dataset
    assert len(text_of(data.inputs[0])) == MAX_CHARACTERS
    told = {finding.kind: finding for finding in audit(data).findings()}
    assert told["long"].rows == (0,)


def test_the_audit_of_texts_finds_blanks_copies_and_their_likes():
    texts = ["One two three.", "one  two three", "One two three.", "", "four five six"]
    seen = audit(read(texts, ["a", "a", "b", "a", "b"], modality="text").dataset)
    assert seen.problem[3] == "is blank"
    assert seen.duplicate_of.tolist() == [-1, -1, 0, -1, -1]
    assert seen.near_group[0] == seen.near_group[1] == seen.near_group[2] != seen.near_group[4]
    assert seen.measures["words"].tolist() == [3, 3, 3, 0, 3]
    kinds = {finding.kind for finding in seen.findings()}
    assert {"unreadable", "exact_duplicates", "near_duplicates", "conflicting_labels", "sizes"} <= kinds
    np.testing.assert_array_equal(seen.readable, [True, True, True, False, True])


@pytest.mark.parametrize(
    ("line", "reason"),
    [("{", "damage in line 2"), ("[1]", "got list in line 2"), ('{"text": ["a"]}', "got list under 'text'")],
)
def test_damaged_json_lines(tmp_path, line, reason):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a b c"}\n' + line)
    with pytest.raises(InputError, match=reason):
        read(path)
