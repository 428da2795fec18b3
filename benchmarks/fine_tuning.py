"""Ways to fine-tune, the one that validation chooses, the tutorial's full fine-tuning and our probe, over seeds.

    python benchmarks/fine_tuning.py
    python benchmarks/fine_tuning.py --sets hymenoptera,emoji --n-seeds 5 --most-rows 200
    python benchmarks/fine_tuning.py --saved
    python benchmarks/fine_tuning.py --small

A run is a set, a seed and a method. Every run is kept in benchmarks/out/fine_tuning.jsonl as soon as it is done, so
this may be stopped and gone on with at any time; ``--saved`` only prints what there is, and deleting the file begins
anew. Every method has the same training rows, at most 200, and holds the same 15 % of them out, which choose among
epochs and, by their loss, among methods; test rows are predicted once. What is kept names the state of the code that
it was made with. The peer is the tutorial's loop with all weights free, its own transforms, batches of 4, SGD and 25
epochs, of which those 15 % choose the best.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from _sets import AbsentError
from _sides import middle, row, show, told
from _tuning_runs import TUTORIAL, RunFile, code_state, estimate, methods_of, run
from _tuning_sets import TUNING_SETS

OUT = Path(__file__).parent / "out"
PROBE, CHOSEN = "probe", "chosen"
MOST_ROWS, N_SEEDS = 200, 5
"""Training rows and seeds by default: a set of photographs takes an hour of a core."""
SMALL = {"most_rows": 90, "n_seeds": 1, "epochs": 1}
METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [tuning_set.name for tuning_set in TUNING_SETS]
    parser.add_argument("--sets", default=",".join(names), help="names with commas between them")
    parser.add_argument("--n-seeds", type=int, default=N_SEEDS)
    parser.add_argument("--most-rows", type=int, default=MOST_ROWS, help="training rows at most, 0 for all")
    parser.add_argument("--saved", action="store_true", help="run nothing, only print what was kept")
    parser.add_argument("--small", action="store_true", help="a quick look: its figures prove nothing")
    args = parser.parse_args()
    args.sets = args.sets.split(",")
    if unknown := sorted(set(args.sets) - set(names)):
        parser.error(f"no such set: {', '.join(unknown)}; there are {', '.join(names)}")
    args.epochs = None
    if args.small:
        args.most_rows, args.n_seeds, args.epochs = SMALL["most_rows"], SMALL["n_seeds"], SMALL["epochs"]
    args.file = RunFile((OUT / "small" if args.small else OUT) / "fine_tuning.jsonl")
    return args


def key(found):
    """What tells two runs apart."""
    return found["set"], found["most_rows"], found["seed"], found["method"]


def measure(args):
    """Run what is not kept yet; names of sets that are not here, or runs that failed, and why."""
    from headstart.errors import HeadstartError

    absent, kept, code = {}, {key(found) for found in args.file.runs()}, code_state()
    for tuning_set in TUNING_SETS:
        if tuning_set.name not in args.sets:
            continue
        methods, is_told = methods_of(tuning_set), False
        try:
            for seed, trial in enumerate(tuning_set.trials(args.most_rows or None, args.n_seeds)):
                names = [(tuning_set.name, args.most_rows, seed, method) for method in methods]
                left = [name[-1] for name in names if name not in kept]
                if left and not is_told:
                    say_estimate(tuning_set, trial, methods, args, [key for key in kept if key[0] == tuning_set.name])
                    is_told = True
                for method in left:
                    try:
                        found = run(tuning_set, trial, method, seed, epochs=args.epochs)
                    except HeadstartError as error:
                        absent[f"{tuning_set.name} {seed} {method}"] = str(error)
                        continue
                    said = {"set": tuning_set.name, "most_rows": args.most_rows, "seed": seed, "method": method}
                    parts = {"n_train": len(trial.train), "code": code, **truths(trial)}
                    args.file.add(said | parts | found)
                    print(f"{tuning_set.name} {seed} {method}: {found['cpu_seconds']:.4g} CPU s", file=sys.stderr)
        except AbsentError as reason:
            absent[tuning_set.name] = str(reason)
    return absent


def truths(trial):
    """Codes and groups of the test parts."""
    tests = trial.tests.items()
    return {
        "codes": {name: trial.codes[rows].tolist() for name, rows in tests},
        "groups": {name: [str(group) for group in trial.groups[rows]] for name, rows in tests},
    }


def say_estimate(tuning_set, trial, methods, args, kept):
    """Print what the runs of a set may take at most; they end sooner where validation stops them."""
    each = estimate(tuning_set, trial, methods, epochs=args.epochs)
    n_done = {method: sum(k[1] == args.most_rows and k[3] == method for k in kept) for method in methods}
    total = sum(seconds * max(0, args.n_seeds - n_done[name]) for name, seconds in each.items())
    print(f"{tuning_set.name}: at most {total:.0f} CPU s of this machine: {each} a seed", file=sys.stderr, flush=True)


def chosen_of(runs):
    """The run that validation chooses: the probe's loss is that of the start from which the others moved."""
    ours = {found["method"]: found for found in runs if found["method"] != TUTORIAL}
    starts = [found["start_loss"] for name, found in ours.items() if name not in (PROBE, "scratch")]
    losses = {name: found["valid_loss"] for name, found in ours.items() if name != PROBE}
    losses = {PROBE: next((loss for loss in starts if loss is not None), None)} | losses
    losses = {name: loss for name, loss in losses.items() if loss is not None and name in ours}
    return ours[min(losses, key=losses.get)] if losses else ours[PROBE]


def table(runs, args):
    """The lines of BENCHMARKS.md, of the seeds that every method has done."""
    lines = []
    for tuning_set in TUNING_SETS:
        methods = methods_of(tuning_set)
        own = [f for f in runs if f["set"] == tuning_set.name and f["most_rows"] == args.most_rows]
        seeds = [s for s in range(args.n_seeds) if {f["method"] for f in own if f["seed"] == s} >= set(methods)]
        if tuning_set.name not in args.sets or not seeds:
            continue
        by = {m: [next(f for f in own if (f["seed"], f["method"]) == (s, m)) for s in seeds] for m in methods}
        by[CHOSEN] = [chosen_of([by[method][place] for method in methods]) for place in range(len(seeds))]
        for test in by[PROBE][0]["codes"]:
            lines += lines_of(tuning_set.name, test, by, len(seeds))
    return lines


def lines_of(name, test, by, n_seeds):
    """One test part: every method beside the probe, then the chosen one against the tutorial and against the probe."""
    first = by[PROBE][0]
    where = name if test == "test" else f"{name}, {test}"
    where = f"{where}, {first['n_train']} training rows, {n_seeds} {'seed' if n_seeds == 1 else 'seeds'}"
    probe = scores(by[PROBE], test)
    for method in by:
        if method not in (PROBE, CHOSEN):
            gained = told(difference(by[method], by[PROBE], test, "accuracy"))
            ours = f"{scores(by[method], test)}; accuracy {gained}"
            yield row(f"fine-tuning, {where}: {method}", ours, f"{probe} (probe)", "for information")
    picks = ", ".join(found["method"] for found in by[CHOSEN])
    for peer, target in ((TUTORIAL, "beats it: interval above 0"), (PROBE, "never below it by more than the interval")):
        if peer not in by:
            continue
        gained = {metric: difference(by[CHOSEN], by[peer], test, metric) for metric in METRICS}
        is_met = gained["accuracy"].low > 0 if peer == TUTORIAL else gained["accuracy"].high >= 0
        shown = "; ".join(f"{METRICS[metric]} {told(gained[metric])}" for metric in METRICS)
        yield row(
            f"fine-tuning, {where}: what validation chooses ({picks}) against {peer}",
            f"{scores(by[CHOSEN], test)}; {shown}",
            scores(by[peer], test),
            target,
            is_met=is_met,
        )


def _pooled(runs, test):
    codes = np.concatenate([found["codes"][test] for found in runs])
    groups = np.concatenate([found["groups"][test] for found in runs])
    return codes, groups, np.concatenate([found["proba"][test] for found in runs])


def scores(runs, test):
    """Both metrics with intervals over the rows of all seeds, and the median of the seconds."""
    from headstart.evaluation.intervals import bootstrap

    codes, groups, proba = _pooled(runs, test)
    found = {metric: bootstrap(metric, codes, proba, groups=groups) for metric in METRICS}
    said = [f"{METRICS[m]} {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]" for m, score in found.items()]
    return f"{', '.join(said)}; {middle([run['cpu_seconds'] for run in runs]):.3g} CPU s"


def difference(first, second, test, metric):
    """First less second over the rows of all seeds; a row is drawn with its group, in every seed it was in."""
    from headstart.evaluation.intervals import paired_difference

    codes, groups, ours = _pooled(first, test)
    return paired_difference(metric, codes, ours, _pooled(second, test)[2], groups=groups)


def main():
    """Measure and print."""
    args = arguments()
    absent = {} if args.saved else measure(args)
    runs = args.file.runs()
    names = ("set", "seed", "method", "code", "cpu_seconds", "seconds")
    figures = [{name: found.get(name) for name in names} for found in runs]
    show({"absent": absent, "runs": figures, "rows": table(runs, args)})


if __name__ == "__main__":
    main()
