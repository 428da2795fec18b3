"""The border cache under kill -9: what was computed is used."""

import signal
import subprocess
import sys

import numpy as np
import torch
from torch import nn

from headstart.features.cache import FeatureCache
from headstart.training.border.cache import BorderCache
from headstart.training.border.inputs import BorderInputs

N = 400
SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from test_killed_border import made
cache, _ = made(sys.argv[1], slowly=True)
print("ready", flush=True)
cache.fill((0, 1), progress=lambda what, done, total: print(done, flush=True))
"""


def made(root, *, slowly=False):
    """A border cache, and the rows that it has asked for, view by view."""
    import time

    torch.manual_seed(0)
    lower = nn.Conv2d(3, 8, 3).requires_grad_(False)
    x, calls = torch.randn(N, 3, 12, 12), []

    def load(rows, view):
        calls.extend((int(row), view) for row in rows)
        time.sleep(0.01 * slowly)
        return (x[torch.from_numpy(rows)] + view,)

    digests = [row.to_bytes(32, "big") for row in range(N)]
    inputs = BorderInputs(load, digests, {}, lambda view: view)
    return BorderCache(lower, inputs, block="b", cache=FeatureCache(root), precision="float32", batch_size=8), calls


def test_killed_in_the_middle_the_rest_is_computed_and_all_is_right(tmp_path):
    script = SCRIPT.format(folder=__file__.rpartition("/")[0])
    for least in (40, 240, 560):
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert next(lines) == "ready\n"
        before = 2 * N - _lacking(tmp_path)
        while int(next(lines)) < least - before:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert least <= 2 * N - _lacking(tmp_path) < 2 * N
    lacking = _lacking(tmp_path)
    cache, calls = made(tmp_path)
    assert cache.fill((0, 1)) == lacking
    assert len(calls) <= lacking + 8  # and a few for the shape
    whole, _ = made(tmp_path / "undisturbed")
    whole.fill((0, 1))
    for view in (0, 1):
        assert torch.equal(cache.read(np.arange(N), view)[0], whole.read(np.arange(N), view)[0])


def _lacking(root):
    cache, _ = made(root)
    plan = cache.plan((0, 1))
    return plan.new_bytes * 2 * N // plan.bytes
