"""One run of one method, and the file that keeps what each run gave."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from _sides import child_environment, rounded, scratch, timed
from tutorial import ARCHITECTURE, save_weights

PEER = Path(__file__).parent / "peers" / "tutorial_full.py"
TUTORIAL = "tutorial"
METHODS = {
    "scratch": {"trainable": "full", "head_first": False},
    "probe": {"trainable": "linear_probe"},
    "layer_decay": {"trainable": "layer_decay"},
    "lora": {"trainable": "lora"},
    "lp_ft": {"trainable": "full"},
}
"""Settings of ``FineTune``; LP-FT: the head first, then everything at one rate."""
HELD_OUT = 0.15
"""Share of the training rows that judges epochs and methods, as ``FineTune`` has it by default."""


class RunFile:
    """What runs gave, a line a run; a run that stands in it is not run again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self) -> list[dict]:
        """All of them; a line that was cut short is none."""
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def add(self, run: dict) -> None:
        """Keep one more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(run))
            file.flush()
            os.fsync(file.fileno())


def code_state() -> str:
    """What tells this state of the library's code from others."""
    import headstart

    folder, digest = Path(headstart.__file__).parent, hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def methods_of(tuning_set) -> list[str]:
    """Names of the methods that can be run on a set, the quick ones first."""
    ours = [name for name in METHODS if name != "scratch" or tuning_set.scratch]
    return [*ours, TUTORIAL] if tuning_set.is_picture else ours


def run(tuning_set, trial, method: str, seed: int, *, epochs: int | None) -> dict:
    """Train, with a cache of its own, and predict every test part."""
    with scratch() as folder:
        if method == TUTORIAL:
            found = _their_run(trial, seed, folder, epochs)
        else:
            found = _our_run(tuning_set, trial, method, seed, epochs)
    found["proba"] = {name: np.round(rows, 5).tolist() for name, rows in found["proba"].items()}
    return found


def _our_run(tuning_set, trial, method, seed, epochs) -> dict:
    import headstart as hs

    backbone = tuning_set.scratch if method == "scratch" else tuning_set.backbone
    model = hs.FineTune(
        backbone, **METHODS[method], epochs=epochs, validation_fraction=HELD_OUT, device="cpu", random_state=seed
    )
    before = time.process_time()
    seconds, _ = timed(lambda: model.fit([trial.examples[row] for row in trial.train], trial.codes[trial.train]))
    cpu_seconds = time.process_time() - before
    return {
        "seconds": rounded(seconds),
        "cpu_seconds": rounded(cpu_seconds),
        "epochs": 0 if model.history_ is None else len(model.history_.epochs),
        "is_tuned": model.is_tuned_,
        "start_loss": model.start_loss_,
        "valid_loss": model.valid_loss_,
        "proba": {name: _answers(model, trial, rows) for name, rows in trial.tests.items()},
    }


def _answers(model, trial, rows) -> np.ndarray:
    """(n, n_classes) probabilities; a class that training lacked has none."""
    proba = np.zeros((len(rows), len(trial.classes)))
    proba[:, model.classes_] = model.predict_proba([trial.examples[row] for row in rows])
    return proba


def _their_run(trial, seed, folder, epochs) -> dict:
    from headstart.training.held_out_rows import held_out_rows

    fitting, held = held_out_rows(trial.codes[trial.train], fraction=HELD_OUT, least=1, random_state=seed)

    def part(rows):
        return {"paths": [trial.examples[row] for row in rows], "codes": [int(code) for code in trial.codes[rows]]}

    job = {
        "architecture": ARCHITECTURE,
        "weights": str(save_weights(folder / "weights.safetensors")),
        "n_classes": len(trial.classes),
        "fitting": part(trial.train[fitting]),
        "valid": part(trial.train[held]),
        "tests": {name: part(rows) for name, rows in trial.tests.items()},
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    python = os.environ.get("HEADSTART_PEER_PYTHON") or sys.executable
    command = [python, str(PEER), str(path), "--seed", str(seed)] + (["--epochs", str(epochs)] if epochs else [])
    run = {"env": child_environment(folder / "cache"), "capture_output": True, "text": True}
    seconds, done = timed(lambda: subprocess.run(command, **run))
    if done.returncode:
        sys.exit(f"The peer failed with exit code {done.returncode}:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout)
    return {"seconds": rounded(seconds), "cpu_seconds": rounded(found["cpu_seconds"]), "proba": found["proba"]}


def estimate(tuning_set, trial, methods, *, epochs: int | None) -> dict[str, float]:
    """CPU seconds that each method would take if it used all its epochs, from two steps of the backbone."""
    import torch

    from headstart.training.rule import kind_of, plan
    from headstart.training.trunk import open_trunk

    rows = trial.train[:8]
    trunk = open_trunk(tuning_set.backbone)
    loader = trunk.loader([trial.examples[row] for row in rows], is_training=True)
    inputs = loader(np.arange(len(rows)), 0)

    def step():
        before = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.autograd.backward(trunk.module(*inputs).square().mean())
        return (time.process_time() - before) / len(rows)

    step()
    each, n = step(), (1 - HELD_OUT) * len(trial.train)
    rule = plan(int(n), kind=kind_of(trunk.module), dim=trunk.card.dim, trainable="full")
    tuned = each * n * (epochs or rule.epochs)
    shares = {
        "scratch": 0.1,
        "probe": 1 / (3 * (epochs or rule.epochs)),
        TUTORIAL: 1.3 * (1 if epochs else 25 / rule.epochs),
    }
    return {method: rounded(shares.get(method, 1.0) * tuned, 2) for method in methods}
