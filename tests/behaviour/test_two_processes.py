"""Two processes that torchrun starts train what one does, to rounding, and go on exactly where they were killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

LOOP = """
import json, os, sys, time
from pathlib import Path
import torch
from torch import nn
from safetensors.torch import save_file
from headstart.deadline import Deadline
from headstart.training.batches import Batch, Batches
from headstart.training.callback import Callback
from headstart.training.checkpoint import Checkpoint
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.processes import processes_of
from headstart.training.regularisers.l2_sp import L2SP
from headstart.training.settings import TrainSettings

torch.set_num_threads(1)
folder, asked = Path(sys.argv[1]), json.loads(sys.argv[2])
rank = int(os.environ.get("RANK", 0))
X = torch.randn(61, 6, generator=torch.Generator().manual_seed(0))
y = (X[:, 0] > 0).long()
weights = torch.linspace(0.0, 2.0, 61)
torch.manual_seed(rank if asked.get("own_seeds") else 0)  # the first process's weights count
loaded = []

def load(rows, epoch):
    loaded.append(rows.tolist())
    time.sleep(asked.get("pause", 0.0))
    bad = X[rows].clone()
    return Batch((bad,), (y[rows],), rows, weights[rows])

def loss(scores, wanted):
    found = CrossEntropy()(scores, wanted)
    if asked.get("explode_at") is not None and len(loaded) == asked["explode_at"] and rank == asked["rank"]:
        found = found * float("inf")
    return found

def validate(module):
    own = float(nn.functional.cross_entropy(module(X[:30]), y[:30]))
    return own + asked.get("biased", 0.0) * rank * len(loaded)

class Slow(Callback):
    def on_step_end(self, state):
        time.sleep(asked.get("slow", 0.0) * (1 + rank))

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.BatchNorm1d(16) if asked.get("norm") else nn.Identity()
        self.trunk, self.head = nn.Sequential(nn.Linear(6, 16), norm, nn.Tanh()), nn.Linear(16, 2)
        self.unused = nn.Linear(2, 2)
    def forward(self, x):
        return self.head(self.trunk(x))

network = Network()
penalty = None
if asked.get("penalty"):
    penalty = L2SP()
    penalty.begin(network, {}, Batches(load, 61, asked.get("size", 8)))
(folder / f"pid-{rank}").write_text(str(os.getpid()))
settings = TrainSettings(epochs=asked.get("epochs", 3), learning_rate=0.01, ema_decay=0.9, checkpoint_seconds=0.0,
                         patience=asked.get("patience"), micro_batch=asked.get("micro_batch"))
deadline = Deadline.after(asked["seconds"] * (1 + 5 * rank)) if "seconds" in asked else None
history = train(
    network, Batches(load, 61, asked.get("size", 8)), loss, settings=settings, validate=validate, penalty=penalty,
    callbacks=[Slow()], deadline=deadline,
    checkpoint=Checkpoint(folder / "checkpoint") if rank == 0 or not asked.get("own_disks") else
    Checkpoint(folder / f"elsewhere-{rank}"),
)
save_file(network.state_dict(), str(folder / f"weights-{rank}.safetensors"))
(folder / f"told-{rank}.json").write_text(json.dumps({
    "losses": [[e.train_loss, e.valid_loss] for e in history.epochs], "n_steps": history.n_steps,
    "stopped_by": history.stopped_by, "retries": [[r.step, r.why] for r in history.retries],
    "n_rows": sum(map(len, loaded)), "best": history.best_epoch,
}))
"""

TUNE = """
import os, sys
import numpy as np, torch
from pathlib import Path
from headstart.strategies.parameter.fine_tune import FineTune
draw = np.random.default_rng(0)
y = np.arange(90) % 2
X = [draw.integers(0, 200, (16, 16, 3), dtype=np.uint8) for _ in y]
for picture, code in zip(X, y):
    picture[..., code] += 20
torch.set_num_threads(1)
model = FineTune("two_convolutions", epochs=3, device="cpu", cache=False, validation_fraction=0.3).fit(X, y)
np.save(Path(sys.argv[1]) / f"proba-{os.environ.get('RANK', 0)}.npy", model.predict_proba(X))
(Path(sys.argv[1]) / f"tuned-{os.environ.get('RANK', 0)}").write_text(str(model.is_tuned_))
"""


def begin(folder, n, code=LOOP, **asked):
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(code)
    command = [str(folder / "script.py"), str(folder), json.dumps(asked)]
    if n > 1:
        launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(n), "--master-addr", "127.0.0.1"]
        command = [*launcher, "--master-port", str(free_port()), *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def run(folder, n, code=LOOP, **asked):
    process = begin(folder, n, code, **asked)
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 0, errors
    return [json.loads((folder / f"told-{rank}.json").read_text()) for rank in range(n)] if code is LOOP else None


def weights_of(folder, rank=0):
    return load_file(folder / f"weights-{rank}.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {"own_seeds": True, "size": 15},  # 61 rows: the last batch of 1 joins the one before, and parts are uneven
        {"penalty": True, "micro_batch": 3, "biased": 1e-3},
        {"size": 60, "epochs": 2, "explode_at": 2, "rank": 1},
        {"size": 1, "epochs": 1},  # fewer rows than processes
    ],
)
def test_two_processes_end_as_one(tmp_path, asked):
    """Weighted losses, averaged weights, a penalty, parts, and a run that diverged and was begun anew."""
    (one,) = run(tmp_path / "one", 1, **{**asked, "rank": 0, "biased": 0.0})
    two = run(tmp_path / "two", 2, **asked)
    expected, found, other = weights_of(tmp_path / "one"), weights_of(tmp_path / "two"), weights_of(tmp_path / "two", 1)
    for name, value in expected.items():
        assert np.allclose(found[name], value, atol=1e-5, rtol=1e-5), name
        assert found[name].tobytes() == other[name].tobytes(), name
    assert np.allclose(two[0]["losses"], one["losses"], atol=1e-5)
    for told in two:
        assert (told["n_steps"], told["stopped_by"], told["best"]) == (one["n_steps"], one["stopped_by"], one["best"])
        assert [step for step, _ in told["retries"]] == [step for step, _ in one["retries"]]
        assert told["losses"] == two[0]["losses"]
        if "penalty" not in asked and asked["size"] > 1:
            assert 0.4 * one["n_rows"] < told["n_rows"] < 0.6 * one["n_rows"]
    assert two[0]["retries"] == two[1]["retries"]
    assert len(two[0]["retries"]) == ("explode_at" in asked)


@pytest.mark.slow
def test_statistics_of_batch_norms_are_alike_in_both(tmp_path):
    told = run(tmp_path, 2, norm=True, epochs=2)
    first, second = weights_of(tmp_path), weights_of(tmp_path, 1)
    assert first["trunk.1.running_var"].std() > 0
    assert all(second[name].tobytes() == value.tobytes() for name, value in first.items())
    assert told[0]["losses"] == told[1]["losses"]


@pytest.mark.slow
def test_the_first_process_decides_when_time_is_over(tmp_path):
    told = run(tmp_path, 2, epochs=2000, seconds=4.0, slow=0.02)
    assert told[0]["stopped_by"] == told[1]["stopped_by"] == "deadline"
    assert told[0]["n_steps"] == told[1]["n_steps"] < 16_000


@pytest.mark.slow
def test_killed_two_processes_go_on_exactly_though_one_has_the_checkpoint(tmp_path):
    asked = {"epochs": 4, "own_disks": True}
    run(tmp_path / "calm", 2, **asked)
    killed = begin(tmp_path / "killed", 2, **asked, pause=0.1)
    index = tmp_path / "killed" / "checkpoint" / "checkpoint.json"
    ends = time.monotonic() + 120
    while not (index.is_file() and json.loads(index.read_text())["facts"]["step"] >= 10):
        assert time.monotonic() < ends
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.05)
    os.kill(int((tmp_path / "killed" / "pid-0").read_text()), signal.SIGKILL)
    killed.communicate(timeout=120)
    assert killed.returncode != 0
    assert not (tmp_path / "killed" / "weights-0.safetensors").exists()
    told = run(tmp_path / "killed", 2, **asked)
    assert not (tmp_path / "killed" / "elsewhere-1").exists()
    assert told[0]["n_rows"] < 4 * 31
    for rank in (0, 1):
        expected, found = weights_of(tmp_path / "calm", rank), weights_of(tmp_path / "killed", rank)
        assert all(found[name].tobytes() == value.tobytes() for name, value in expected.items())


@pytest.mark.slow
def test_fine_tune_is_the_same_call(tmp_path):
    run(tmp_path / "one", 1, TUNE)
    run(tmp_path / "two", 2, TUNE)
    told = [(folder / f"tuned-{rank}").read_text() for folder, rank in places(tmp_path)]
    assert told == ["True"] * 3
    one, *two = [np.load(folder / f"proba-{rank}.npy") for folder, rank in places(tmp_path)]
    assert np.array_equal(*two)
    assert np.allclose(one, two[0], atol=1e-4)


def places(folder: Path):
    return [(folder / "one", 0), (folder / "two", 0), (folder / "two", 1)]
