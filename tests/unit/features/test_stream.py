import numpy as np
import pytest

from headstart.errors import InputError
from headstart.features.stream import BatchStream


def load(row):
    if row == 5:
        raise InputError("row 5 is torn")
    return np.full((2,), row, dtype=np.uint8)


@pytest.mark.parametrize("n_threads", [1, 4])
def test_batches_come_in_order_and_the_last_is_filled_up(n_threads):
    stream = BatchStream(range(3, 12), load, (2,), np.uint8, 4, n_threads)
    batches = [batch for (batch,) in stream]
    assert len(batches) == len(stream) == 3
    assert [int(batch[0, 0]) for batch in batches] == [3, 7, 11]
    assert not batches[2][1:].any()
    assert stream.problems == {5: "row 5 is torn"}
    assert not batches[0][2].any()
    assert list(stream.batch_rows(2)) == [11]
    done = stream.finished(0, np.arange(8, dtype=np.float32).reshape(4, 2))
    assert [(row, features.tolist()) for row, features in done] == [(3, [0, 1]), (4, [2, 3]), (6, [6, 7])]


def test_only_a_few_batches_are_ahead():
    begun = []

    def noted(row):
        begun.append(row)
        return np.zeros(1, dtype=np.uint8)

    batches = iter(BatchStream(range(1000), noted, (1,), np.uint8, 1, 2))
    next(batches)
    assert len(begun) <= 8
    batches.close()


def test_an_unexpected_error_is_not_swallowed():
    def broken(row):
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(BatchStream(range(3), broken, (1,), np.uint8, 2))
