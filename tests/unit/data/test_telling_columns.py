"""Columns that are another writing of the label go, by the labels of training rows alone."""

import numpy as np
import pytest

from headstart.data.telling_columns import without_telling_columns
from headstart.types import Dataset

N = 40
TRAIN = np.arange(30)


def _table(labels, **columns):
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return Dataset(rows, targets=labels, classes=("x", "y"), modality="table")


def _left(dataset):
    kept, findings = without_telling_columns(dataset, TRAIN)
    return set(kept.inputs[0]), findings


def test_another_writing_of_the_label_is_left_out_and_named():
    labels = ["xy"[i % 2] for i in range(N)]
    dataset = _table(labels, copy=[f"class {i % 2}" for i in range(N)], fair=[i % 3 for i in range(N)])
    names, (finding,) = _left(dataset)
    assert names == {"fair"}
    assert "'copy' tells the label by itself in the training rows" in finding.text
    assert set(dataset.inputs[0]) == {"copy", "fair"}  # the input is left alone


@pytest.mark.parametrize("with_copy", [True, False])
def test_labels_of_other_rows_cannot_matter(with_copy):
    column = [f"class {i % 2}" if with_copy else i % 3 for i in range(N)]
    labels = ["xy"[i % 2] for i in range(N)]
    changed = [*labels[:30], *("yx"[i % 2] for i in range(30, N))]
    assert _left(_table(labels, a=column, b=range(N))) == _left(_table(changed, a=column, b=range(N)))


def test_numbers_that_rise_with_the_number_tell_it_and_others_do_not():
    y = np.random.default_rng(0).permutation(N).astype(float)
    dataset = _table(y.astype(object), double=2 * y + 1, other=np.random.default_rng(1).permutation(N))
    assert _left(dataset)[0] == {"other"}


def test_few_rows_and_finer_columns_say_nothing():
    labels = ["xy"[i % 2] for i in range(N)]
    assert _left(_table(labels, finer=[i % 4 for i in range(N)]))[0] == {"finer"}
    few = _table(labels, copy=[i % 2 for i in range(N)])
    assert without_telling_columns(few, np.arange(10)) == (few, ())


def test_of_mixed_rows_the_cells_are_looked_at_and_pictures_stay():
    labels = ["xy"[i % 2] for i in range(N)]
    rows = [{"text": f"t{i}", "table": None if i % 5 == 4 else {"copy": i % 2, "fair": i % 3}} for i in range(N)]
    kept, findings = without_telling_columns(Dataset(rows, targets=labels, modality="mixed"), TRAIN)
    assert kept.inputs[0] == {"text": "t0", "table": {"fair": 0}}
    assert kept.inputs[4] == {"text": "t4", "table": None}
    assert len(findings) == 1
    pictures = Dataset([np.zeros((2, 2), np.uint8)] * N, targets=labels)
    assert without_telling_columns(pictures, TRAIN) == (pictures, ())
