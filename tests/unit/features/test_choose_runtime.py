import time

import numpy as np
import pytest

from headstart.errors import InputError
from headstart.features import choose_runtime as module
from headstart.features.choose_runtime import RuntimeChoice, RuntimeMemo, choose_runtime


class Fake:
    """A runtime of a given speed that strays by a given share."""

    batch_size = 4

    def __init__(self, name, precision, rows_a_second, deviation):
        self.name, self.precision, self.version = name, precision, "1"
        self._seconds, self._deviation = 4 / rows_a_second, deviation

    def run(self, batches, sink):
        for number, (batch,) in enumerate(batches):
            time.sleep(self._seconds)
            rows = reference(batch)
            sink(number, rows * (1 + self._deviation))


class FakeReady:
    """Four rows a batch of a given sample."""

    runtimes = ("openvino", "onnxruntime", "torch")

    def __init__(self, speeds):
        self._speeds = speeds

    def build(self, name, precision):
        return Fake(name, precision, *self._speeds[name, precision])

    def batches(self, sample, batch_size):
        return [(sample[begin : begin + batch_size],) for begin in range(0, len(sample), batch_size)]

    def reference(self, sample):
        return reference(sample)


def reference(pixels):
    return pixels.reshape(len(pixels), -1)[:, :6].astype(np.float32)


def choose(monkeypatch, speeds, precision="exact", **settings):
    monkeypatch.setattr(module, "is_installed", lambda name: any(name == key[0] for key in speeds))
    sample = np.random.default_rng(0).integers(0, 256, (8, 2, 2, 3), dtype=np.uint8)
    settings = {"n_rows": 10**6, **settings}
    return choose_runtime(FakeReady(speeds), sample, precision=precision, **settings)[1]


def test_the_fastest_that_agrees_is_taken(monkeypatch):
    speeds = {("openvino", "fp32"): (400, 1e-6), ("onnxruntime", "fp32"): (1600, 0.1), ("torch", "fp32"): (100, 0)}
    choice = choose(monkeypatch, speeds)
    assert (choice.runtime, choice.precision) == ("openvino", "fp32")
    assert choice.deviations["onnxruntime fp32"] == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize(
    ("rate", "deviation", "expected"),
    [(1600, 0.1, "bf16"), (1600, 0.2, "fp32"), (480, 0.1, "fp32")],
)
def test_bf16_must_be_half_as_fast_again_and_close(monkeypatch, rate, deviation, expected):
    speeds = {("openvino", "fp32"): (400, 0), ("openvino", "bf16"): (rate, deviation)}
    assert choose(monkeypatch, speeds, "auto").precision == expected
    assert choose(monkeypatch, speeds, "exact").precision == "fp32"


def test_a_slow_export_is_tried_only_for_much_work(monkeypatch):
    speeds = {("openvino", "fp32"): (400, 0), ("onnxruntime", "fp32"): (1600, 0)}
    assert choose(monkeypatch, speeds, n_rows=100).runtime == "openvino"
    assert choose(monkeypatch, speeds, n_rows=10**6).runtime == "onnxruntime"


def test_when_none_agrees_it_says_so(monkeypatch):
    with pytest.raises(InputError, match="agrees with PyTorch"):
        choose(monkeypatch, {("openvino", "fp32"): (400, 0.5)})


def test_the_memo_remembers_until_a_version_changes(tmp_path, monkeypatch):
    memo = RuntimeMemo(tmp_path / "new")
    choice = RuntimeChoice("openvino", "fp32", "1", {"openvino fp32": 3.0}, {}, "because")
    assert memo.get({"a": 1}) is None
    memo.put({"a": 1}, choice)
    assert RuntimeMemo(tmp_path / "new").get({"a": 1}) == choice
    assert memo.get({"a": 2}) is None
    monkeypatch.setattr(module, "_versions", lambda: {"openvino": "another"})
    assert memo.get({"a": 1}) is None


def test_a_torn_memo_is_forgotten(tmp_path):
    (tmp_path / "runtimes.json").write_text('{"x": ')
    assert RuntimeMemo(tmp_path).get({"a": 1}) is None
