import numpy as np
import pandas as pd
import pytest
from PIL import Image

from headstart.data.read import read
from headstart.errors import InputError, MissingPathError, UnknownNameError


@pytest.fixture
def folder(tmp_path):
    for name in "abc":
        Image.new("L", (4, 4)).save(tmp_path / f"{name}.png")
    return tmp_path


def refused(message, *args, **settings):
    with pytest.raises(InputError, match=message) as caught:
        read(*args, **settings)
    assert "\n" not in str(caught.value)


def table(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_missing_path(folder):
    with pytest.raises(MissingPathError, match="needs a path that exists, got .*phot"):
        read(folder / "phot")
    table(folder, "path,label\na.png,x\n", "photos.csv")
    with pytest.raises(MissingPathError, match=r"Did you mean 'photos\.csv'"):
        read(folder / "photo.csv")


def test_folders_without_pictures(tmp_path):
    refused("an empty folder", tmp_path)
    (tmp_path / "notes.md").write_text("x")
    refused(r"no readable file.*1 other files \(\.md 1\)", tmp_path)
    (tmp_path / "notes.zip").write_text("x")
    refused("needs a folder, a picture or a table", tmp_path / "notes.zip")


def test_a_column_that_is_not_there(folder):
    path = table(folder, "path,label\na.png,x\nb.png,y\n")
    refused(
        r"label column 'lable' in 't\.csv', got the columns 'path', 'label'\. Did you mean 'label'", path, label="lable"
    )
    refused("domain column 'zzz'.*Give domain=", path, domain="zzz")
    refused("columns to learn from .* got the columns 'u', 'v'", table(folder, "u,v\n1,2\n"))
    refused("which has no columns", [np.zeros((4, 4), np.uint8)], label="x")
    refused("which has no columns", folder, label="x")


def test_no_file_exists(folder):
    refused("no readable file.*the first is looked for at", table(folder, "path,label\nq.png,x\nr.png,y\n"))
    refused("no readable file", ["q.png", "r.png"], ["x", "y"])


def test_all_labels_missing(folder):
    refused("all labels are missing", table(folder, "path,label\na.png,\nb.png,NaN\n"), label="label")
    refused("all labels are missing", [str(folder / "a.png")], [None])


def test_lengths_that_do_not_match(folder):
    refused("one label a row, got 1 for 2 rows", [folder / "a.png", folder / "b.png"], ["x"])
    refused("one group a row, got 1 for 3 rows", folder, group=["x"])


def test_repeated_columns(folder):
    refused("'label' more than once", table(folder, "path,label,label\na.png,x,y\n"))
    frame = pd.DataFrame([["a.png", "x", "y"]], columns=["path", "label", "label"])
    refused("'label' more than once in DataFrame", frame)


def test_ragged_and_damaged_tables(folder):
    refused(
        r"2 columns in every row of 't\.csv', got 3 in row 3 \(line 3\)",
        table(folder, "path,label\na.png,x\nb.png,y,z\n"),
    )
    refused("got 1 in row 2", table(folder, "path,label\na.png\n"))
    refused("damaged at line", table(folder, 'path,label\na.png,"x\n'))
    refused("is empty", table(folder, ""))
    refused("only blank lines", table(folder, "\n\n"))
    refused("only a header", table(folder, "path,label\n"))
    refused("needs a whole Parquet file", table(folder, b"PAR1 nothing", "t.parquet"))
    refused("rows, got 0 rows", pd.DataFrame({"path": []}))


def test_nul_bytes_do_no_harm(folder):
    with pytest.raises(InputError, match="NUL|no readable file|needs"):
        read(table(folder, b"path,label\na\x00.png,x\n"))


def test_formulas_and_code_stay_text(folder):
    path = table(folder, "path,label\na.png,=cmd()\nb.png,__import__('os').abort()\n")
    assert read(path).dataset.classes == ("=cmd()", "__import__('os').abort()")


def test_odd_values(folder):
    path = table(folder, "path,label,when,part\na.png,x,soon,left\nb.png,y,,train\n")
    refused("got 1 missing values", path, time="when")
    refused("train, val or test in the split column, got 'left'", path, split="part")
    with pytest.raises(UnknownNameError, match="got 'smell'"):
        read(path, modality="smell")
    refused("layout 'folders' or 'manifest', got 'x'", path, layout="x")
    refused("one manifest", folder, layout="manifest")
    refused("got the text 'label'. Name a column with label='label'", path, "label")
    refused("text in the path column", pd.DataFrame({"path": [1, 2], "label": ["x", "y"]}))


def test_odd_sequences():
    refused("an empty list", [])
    refused(r"got shape \(3, 4\)", np.zeros((3, 4)))
    refused("got int at position 1", [np.zeros((4, 4), np.uint8), 3])
    refused("got int. Put one example into a list", 3)
    refused("got bytes", b"abc")


def test_two_encodings_in_one_file_are_named_by_line(folder):
    path = folder / "two.csv"
    path.write_bytes("text,label\nun très bon café,a\n".encode() + "une bière légère,b\n".encode("cp1252"))
    refused(r"one encoding in 'two\.csv', got UTF-8 in line 2 and another one in line 3", path)
    for encoding in ("gb18030", "cp1252"):
        words = "这个产品非常好用" if encoding == "gb18030" else "une bière légère à côté"
        lines = "\n".join(f"{words} {i},{'ab'[i % 2]}" for i in range(12))
        (folder / "one.csv").write_bytes(f"text,label\n{lines}\n".encode(encoding))
        assert read(folder / "one.csv").dataset.inputs[0] == f"{words} 0"
