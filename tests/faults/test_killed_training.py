"""Killed at random moments and begun again, training ends with the same weights, bit for bit."""

import random
import signal
import subprocess
import sys
import time

import pytest
from safetensors.numpy import load_file

RUN = """
import sys, time
from pathlib import Path
import torch
from torch import nn
from safetensors.torch import save_file
from headstart.training.batches import Batch, Batches
from headstart.training.checkpoint import Checkpoint
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.settings import TrainSettings

torch.set_num_threads(1)
X = torch.randn(90, 6, generator=torch.Generator().manual_seed(0))
y = (X[:, 0] > 0).long()
with torch.random.fork_rng(devices=[]):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 2))
pause = float(sys.argv[2])

def load(rows, epoch):
    time.sleep(pause)
    noise = torch.randn(len(rows), 6, generator=torch.Generator().manual_seed(epoch))
    return Batch((X[rows] + 0.1 * noise,), (y[rows],), rows)

def validate(module):
    return float(nn.functional.cross_entropy(module(X[:30]), y[:30]))

print("ready", flush=True)
settings = TrainSettings(epochs=12, learning_rate=0.01, ema_decay=0.9, patience=None, checkpoint_seconds=0.0)
history = train(
    module, Batches(load, 90, 8), CrossEntropy(smoothing=0.1), settings=settings, validate=validate,
    checkpoint=Checkpoint(Path(sys.argv[1]) / "checkpoint"),
)
records = torch.tensor([[r.train_loss, r.valid_loss, r.learning_rate] for r in history.epochs], dtype=torch.float64)
save_file({**module.state_dict(), "records": records}, str(Path(sys.argv[1]) / "final.safetensors"))
print(history.n_steps)
"""


def start(folder, pause):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder), str(pause)], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_at_random_moments_the_weights_are_bit_identical(tmp_path):
    calm = start(tmp_path / "calm", 0)
    assert calm.communicate(timeout=120)[0].split() == ["ready", "144"]
    moments, n_killed = random.Random(0), 0
    for attempt in range(40):
        process = start(tmp_path / "killed", 0.004 if attempt < 10 else 0)
        process.stdout.readline()
        if attempt < 10:
            time.sleep(moments.uniform(0.02, 0.35))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                n_killed += 1
        process.wait(timeout=120)
        process.stdout.close()
        if (tmp_path / "killed" / "final.safetensors").exists():
            break
    assert n_killed >= 2
    expected, found = (load_file(tmp_path / name / "final.safetensors") for name in ("calm", "killed"))
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        assert array.tobytes() == found[name].tobytes(), name
