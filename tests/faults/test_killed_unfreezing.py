"""Killed at random moments and begun again, a network that is unfrozen block by block ends the same, bit for bit."""

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
from safetensors.torch import save_file
from headstart.testing.moving_networks import convolutional
from headstart.training.batch_norm import statistics_callbacks
from headstart.training.batches import Batch, Batches
from headstart.training.checkpoint import Checkpoint
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.moving.gradual_unfreeze import GradualUnfreeze
from headstart.training.settings import TrainSettings

torch.set_num_threads(1)
case, pause = convolutional(), float(sys.argv[2])

def load(rows, epoch):
    time.sleep(pause)
    return Batch((case.inputs[0][rows],), (case.targets[rows],), rows)

moves, batches = GradualUnfreeze(epochs_each=2).apply(case.network, case.blocks), Batches(load, 22, 4)
print("ready", flush=True)
settings = TrainSettings(epochs=10, learning_rate=0.01, weight_decay=0.3, ema_decay=0.9, checkpoint_seconds=0.0)
history = train(
    case.network, batches, CrossEntropy(), settings=settings, checkpoint=Checkpoint(Path(sys.argv[1]) / "checkpoint"),
    callbacks=(*moves.callbacks, *statistics_callbacks("re-estimated", case.network, batches)),
    rate_of=moves.rate_of,
)
save_file(case.network.state_dict(), str(Path(sys.argv[1]) / "final.safetensors"))
print(history.n_steps)
"""


def start(folder, pause):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder), str(pause)], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_at_random_moments_the_weights_are_bit_identical(tmp_path):
    calm = start(tmp_path / "calm", 0)
    assert calm.communicate(timeout=120)[0].split() == ["ready", "60"]
    moments, n_killed = random.Random(0), 0
    for attempt in range(20):
        process = start(tmp_path / "killed", 0.01 if attempt < 4 else 0)
        process.stdout.readline()
        if attempt < 4:
            time.sleep(moments.uniform(0.1, 0.3))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                n_killed += 1
        process.wait(timeout=120)
        process.stdout.close()
        if (tmp_path / "killed" / "final.safetensors").exists():
            break
    assert n_killed >= 2
    (tmp_path / "killed" / "final.safetensors").rename(tmp_path / "first.safetensors")
    start(tmp_path / "killed", 0).communicate(timeout=120)  # taken up after its end
    expected = load_file(tmp_path / "calm" / "final.safetensors")
    for path in (tmp_path / "first.safetensors", tmp_path / "killed" / "final.safetensors"):
        found = load_file(path)
        assert expected.keys() == found.keys()
        for name, array in expected.items():
            assert array.tobytes() == found[name].tobytes(), name
