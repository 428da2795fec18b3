"""Our side of ``border_cache.py``, in a process of its own: prints one JSON object.

python benchmarks/_border_side.py stage JOB.json --seed 0
python benchmarks/_border_side.py head JOB.json --seed 0
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np


def stage(job, seed):
    """Train what lies above the border from its activations, each computed once."""
    import torch

    from headstart.training.border.cache import BorderCache
    from headstart.training.border.inputs import inputs_of
    from headstart.training.forward import outputs_of
    from headstart.training.loop import train
    from headstart.training.losses.cross_entropy import CrossEntropy
    from headstart.training.settings import TrainSettings
    from headstart.training.split import split_at
    from headstart.training.trunk import open_trunk
    from headstart.training.tuned import Tuned

    clock = Clock()
    torch.manual_seed(seed)
    trunk = open_trunk(job["backbone"])
    network = Tuned(trunk.module, torch.nn.Linear(trunk.card.dim, job["n_classes"]))
    for name in job["below"]:
        trunk.blocks[name].requires_grad_(False)
    parts, n = (job["train"], job["valid"]), len(job["train"]["paths"])
    sample = trunk.loader(job["train"]["paths"][:2])(np.arange(2), 0)
    lower, upper = split_at(network, trunk.blocks, job["block"], sample=sample)
    inputs = inputs_of(trunk, [path for part in parts for path in part["paths"]], augmentation="crop_flip")
    codes = torch.tensor([code for part in parts for code in part["codes"]])
    cache = BorderCache(lower, inputs, block=job["block"])
    fitting, valid, views = np.arange(n), np.arange(n, len(codes)), range(1, job["n_views"] + 1)
    clock.stop("opening")
    plan = str(cache.plan(views, rows=fitting))
    computed = cache.fill(views, rows=fitting) + cache.fill(rows=valid)
    clock.stop("activations")
    settings = TrainSettings(
        epochs=job["epochs"], learning_rate=job["learning_rate"], weight_decay=job["weight_decay"], random_state=seed
    )
    batches = cache.batches((codes[:n],), size=job["size"], views=views, rows=fitting, random_state=seed)
    train(upper, batches, CrossEntropy(), settings=settings)
    clock.stop("training")
    predicted = outputs_of(upper, cache.batches((codes[n:],), size=job["size"], rows=valid)).argmax(1).numpy()
    clock.stop("predicting")
    return {"plan": plan, "computed": computed, **judged(predicted, job), "stages": clock.stages}


def head(job, seed):
    """Encode once, and solve for the head."""
    import headstart as hs
    from headstart.heads.logistic import LogisticRegressionPath

    clock = Clock()
    paths = job["train"]["paths"] + job["valid"]["paths"]
    rows = hs.Encoder(job["backbone"]).transform(paths)
    clock.stop("encoding")
    n = len(job["train"]["paths"])
    fitted = LogisticRegressionPath(random_state=seed).fit(rows[:n], job["train"]["codes"])
    clock.stop("head")
    return judged(fitted.predict(rows[n:]), job) | {"stages": clock.stages}


def judged(predicted, job):
    """The predictions and their accuracy."""
    return {"predicted": predicted.tolist(), "accuracy": float(np.mean(predicted == job["valid"]["codes"]))}


class Clock:
    """Seconds of one stage after the other."""

    def __init__(self):
        self.stages, self.began = {}, time.perf_counter()

    def stop(self, stage):
        """Book what passed since the last stage."""
        now = time.perf_counter()
        self.stages[stage], self.began = round(now - self.began, 3), now


def main():
    """Run one side and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("stage", "head"))
    parser.add_argument("job", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    job = json.loads(args.job.read_text())
    print(json.dumps((stage if args.what == "stage" else head)(job, args.seed)))


if __name__ == "__main__":
    main()
