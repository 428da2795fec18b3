import numpy as np
import pandas as pd
import pytest
from PIL import Image

from headstart.data.check_trainable import check_trainable
from headstart.data.labels import as_text, label_notes
from headstart.data.natural_order import natural_order
from headstart.data.read import read
from headstart.errors import InputError
from headstart.types import Dataset


def put(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg"):
            Image.new("L", (4, 4)).save(path)
        else:
            path.write_text("x")
    return root


def guess(result, what):
    return next((g.value for g in result.guesses if g.what == what), None)


def test_class_folders_in_natural_order(tmp_path):
    put(
        tmp_path,
        "b 蜜蜂/10.png",
        "b 蜜蜂/9.png",
        "a/deep er/x.jpg",
        "a/1.png",
        "a/.hidden.png",
        ".git/y.png",
        "a/notes.txt",
    )
    result = read(tmp_path)
    data = result.dataset
    assert data.classes == ("a", "b 蜜蜂")
    assert data.ids.tolist() == ["a/1.png", "a/deep er/x.jpg", "b 蜜蜂/9.png", "b 蜜蜂/10.png"]
    assert data.targets.tolist() == ["a", "a", "b 蜜蜂", "b 蜜蜂"]
    assert data.inputs[0] == str(tmp_path / "a/1.png")
    assert data.split is None
    assert any("1 files that are no pictures were left out (.txt 1)" in note for note in result.notes)
    assert guess(result, "label") == "folder name"
    assert all(g.override for g in result.guesses)


def test_split_folders_above_the_classes(tmp_path):
    put(tmp_path, "Train/ants/1.png", "Train/bees/2.png", "validation/ants/3.png", "testing/4.png")
    data = read(str(tmp_path)).dataset
    parts = {"testing/4.png": "test", "Train/ants/1.png": "train", "Train/bees/2.png": "train"}
    assert dict(zip(data.ids, data.split, strict=True)) == {**parts, "validation/ants/3.png": "val"}
    assert data.classes == ("ants", "bees")
    assert data.targets[data.ids == "testing/4.png"][0] is None


def test_classes_called_train_and_plane_are_classes(tmp_path):
    data = read(put(tmp_path, "train/1.png", "plane/2.png")).dataset
    assert data.classes == ("plane", "train")
    assert data.split is None


def test_a_flat_folder_and_one_picture_are_unlabelled(tmp_path):
    result = read(put(tmp_path, "10.png", "9.png"))
    assert result.dataset.targets is None
    assert result.dataset.ids.tolist() == ["9.png", "10.png"]
    assert any("unlabelled" in note for note in result.notes)
    assert read(tmp_path / "9.png").dataset.inputs == [str(tmp_path / "9.png")]


def test_labels_beside_a_folder(tmp_path):
    put(tmp_path, "1.png", "2.png")
    assert read(tmp_path, ["x", "y"], group=["g", None]).dataset.targets.tolist() == ["x", "y"]


def test_a_link_back_up_ends(tmp_path):
    put(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert len(read(tmp_path).dataset) == 2


ROWS = "图 像/1.png,cat,site A,1\n图 像/2.png,dog,site B,1\n图 像/3.png,cat,site A,2\n图 像/4.png,,site B,2\n"


@pytest.fixture
def pictures(tmp_path):
    return put(tmp_path, *(f"图 像/{i}.png" for i in range(1, 5)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize(("suffix", "mark"), [("csv", ","), ("csv", ";"), ("tsv", "\t"), ("csv", "|")])
def test_tables_in_many_spellings(pictures, encoding, suffix, mark):
    path = pictures / f"我的 表.{suffix}"
    path.write_text(("file,label,site,patient\n" + ROWS).replace(",", mark), encoding=encoding)
    result = read(path)
    data = result.dataset
    assert data.inputs[0] == str(pictures / "图 像/1.png")
    assert data.targets.tolist() == ["cat", "dog", "cat", None]
    assert data.domain.tolist() == ["site A", "site B"] * 2
    assert data.group.tolist() == ["1", "1", "2", "2"]
    assert (guess(result, "encoding") is None) == encoding.startswith("utf-8")
    assert any("1 of 4 rows carry no label" in note for note in result.notes)


def test_western_letters_are_not_taken_for_chinese(tmp_path):
    put(tmp_path, "café.png", "thé.png")
    (tmp_path / "t.csv").write_text("path,label\ncafé.png,zoé\nthé.png,noël\n", encoding="cp1252")
    assert read(tmp_path / "t.csv").dataset.classes == ("noël", "zoé")


def test_columns_are_guessed_by_content(tmp_path):
    put(tmp_path, *(f"p/{i}.png" for i in range(40)))
    frame = pd.DataFrame(
        {
            "n": np.linspace(0, 1, 40),
            "where": [f"p/{i}.png" for i in range(40)],
            "kind": ["x", "x", "y", "y"] * 10,
            "thing": [f"t{i // 2}" for i in range(40)],
            "use": ["training"] * 30 + ["test"] * 10,
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    result = read(tmp_path / "t.csv")
    values = {g.what: g.value for g in result.guesses}
    assert values == {"modality": "image", "path": "where", "label": "kind", "group": "thing", "split": "use"}
    assert result.dataset.split.tolist() == ["train"] * 30 + ["test"] * 10


def test_every_guess_can_be_overridden(pictures):
    (pictures / "t.csv").write_text(
        "file,label,alt,path,when\n" + "".join(f"图 像/{i}.png,a,b{i},no,2024-01-0{i}\n" for i in range(1, 5))
    )
    result = read(
        pictures / "t.csv", label="alt", path="file", domain="label", group="alt", time="when", split=["train"] * 4
    )
    data = result.dataset
    assert data.targets.tolist() == ["b1", "b2", "b3", "b4"]
    assert data.domain.tolist() == ["a"] * 4
    assert data.time[0] == np.datetime64("2024-01-01")
    assert data.split.tolist() == ["train"] * 4
    assert [g.what for g in result.guesses] == ["modality"]


def test_a_table_without_a_header(pictures):
    (pictures / "t.txt").write_text(
        "图片.png  1.0      mono\n".replace("图片.png", "a.png")
        + "b.png  0.0  poly\nc.png  0.0  poly\nd.png 1.0 mono\n"
    )
    put(pictures, "a.png", "b.png", "c.png", "d.png")
    data = read(pictures / "t.txt", label="column 2").dataset
    assert data.targets.tolist() == ["1", "0", "0", "1"]
    assert read(pictures / "t.txt").dataset.classes == ("mono", "poly")


def test_parquet_and_data_frame(pictures, monkeypatch):
    frame = pd.DataFrame(
        {"image": [f"图 像/{i}.png" for i in range(1, 5)], "y": [0, 1, 1.0, np.nan], "date": [1, 2, 3, 4]}
    )
    frame.to_parquet(pictures / "t.parquet")
    monkeypatch.chdir(pictures)
    for source in (pictures / "t.parquet", frame):
        data = read(source).dataset
        assert data.targets.tolist() == ["0", "1", "1", None]
        assert data.classes == ("0", "1")
        assert data.time.tolist() == [1, 2, 3, 4]
    assert read(frame.drop(columns="y"), ["u", "v", "u", "v"]).dataset.classes == ("u", "v")


def test_a_manifest_in_its_folder(pictures):
    (pictures / "manifest.csv").write_text("file,label\n图 像/1.png,a\n图 像/2.png,b\n")
    result = read(pictures)
    assert result.dataset.classes == ("a", "b")
    assert guess(result, "layout") == "manifest"
    assert read(pictures, layout="folders").dataset.classes == ("图 像",)
    (pictures / "manifest.csv").write_text("one,two\n1,2\n")
    result = read(pictures)
    assert result.dataset.classes == ("图 像",)
    assert any("manifest.csv stands in the folder and was not used" in note for note in result.notes)


def test_paths_made_on_windows(pictures):
    (pictures / "t.csv").write_text("file,label\n图 像\\1.png,a\n图 像\\2.png,b\n")
    assert read(pictures / "t.csv").dataset.inputs[0] == str(pictures / "图 像/1.png")


def test_lists_and_arrays(tmp_path, monkeypatch):
    put(tmp_path, "a.png", "b.png")
    monkeypatch.chdir(tmp_path)
    data = read(["a.png", tmp_path / "b.png"], pd.Series(["x", None])).dataset
    assert data.inputs == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert data.targets.tolist() == ["x", None]
    stack = np.zeros((3, 8, 6, 3), dtype=np.uint8)
    data = read(stack, np.array([1, 0, 1]), domain=["d", "e", None], time=[3, 2, 1]).dataset
    assert len(data) == 3
    assert data.inputs[0].shape == (8, 6, 3)
    assert data.classes == ("0", "1")
    assert data.domain.tolist() == ["d", "e", ""]
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0][0] = 1
    stack[0] = 1
    assert read([stack[0], stack[1]], [True, False]).dataset.classes == ("False", "True")


def test_rows_that_name_a_file_twice(pictures):
    (pictures / "t.csv").write_text("file,label\n图 像/1.png,a\n图 像/1.png,b\n图 像/2.png,a\n图 像/9.png,b\n")
    notes = " ".join(read(pictures / "t.csv").notes)
    assert "1 rows name a file that another row names too" in notes
    assert "1 files carry differing labels" in notes
    assert "1 of 4 files do not exist" in notes


def test_labels_as_text():
    assert as_text([0, 1.0, np.int64(2), np.float32(3), "4.0", "005", "1.5", True]) == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "005",
        "1.5",
        "True",
    ]
    assert as_text([None, float("nan"), "", " ", pd.NaT, pd.NA, "nan"]) == [None] * 7


def test_notes_on_labels():
    notes = " ".join(label_notes(["Cat", "cat ", "dog", "dog"]))
    assert "'Cat', 'cat ' differ only in case or spaces" in notes
    assert "2 of 3 classes have a single example" in notes
    assert any("a quantity" in note for note in label_notes([str(i / 7) for i in range(40)]))


def test_natural_order():
    assert sorted(["b10", "B2", "a", "b1"], key=natural_order) == ["a", "b1", "B2", "b10"]


def test_check_trainable():
    check_trainable(Dataset([1, 2, 3, 4, 5], ["a", "a", "b", "b", None], ("a", "b")))
    with pytest.raises(InputError, match="one class only: 'a'"):
        check_trainable(Dataset([1, 2, 3], ["a", "a", None], ("a",)))
    with pytest.raises(InputError, match="got 2 rows without a label"):
        check_trainable(Dataset([1, 2]))
    with pytest.raises(InputError, match="not enough rows to split"):
        check_trainable(Dataset([1, 2, 3], ["a", "a", "b"], ("a", "b")))
