"""One disease, four hospitals: trained on one, tested on each other, by boosted trees and by a carried-over encoder.

    python benchmarks/hospitals.py
    python benchmarks/hospitals.py --small

The encoder is pre-trained on the rows of the source and of the target, without any label, then fine-tuned with the
labels of the source; labels of the target are read for the score alone. "From scratch" is the same network without
pre-training. Nothing is chosen on the target: all settings are the defaults.
"""

from __future__ import annotations

import numpy as np

from _sets import AbsentError, shared_folder
from _sides import arguments, row, show, told

HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
LABEL = "disease"


def read_hospitals():
    """Name -> rows and codes (1: disease)."""
    import pandas as pd

    folder = shared_folder("tabular") / "heart"
    frames = {name: pd.read_csv(folder / f"{name}.csv") for name in HOSPITALS}
    return {name: (f.drop(columns=LABEL), (f[LABEL] == "yes").to_numpy(dtype=np.int64)) for name, f in frames.items()}


def boosted_trees(X, codes, X_target):
    """Probabilities of the target's rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=0).fit(X, codes).predict_proba(X_target)


def carried_over(X, codes, X_target, *, epochs=None):
    """Probabilities of the target's rows; ``epochs`` of pre-training, or its default."""
    from headstart.strategies.parameter.table_transfer import TableTransfer
    from headstart.training.table.encoder import TableEncoder

    encoder = TableEncoder() if epochs is None else TableEncoder(epochs=epochs)
    return TableTransfer(encoder).fit(X, codes, X_target=X_target).predict_proba(X_target)


def line(source, what, codes, ours, theirs):
    """The row of one source and one kind of network; targets by name."""
    from headstart.evaluation.intervals import bootstrap, paired_difference

    def scores(side):
        found = {name: bootstrap("accuracy", codes[name], side[name]) for name in codes}
        return "; ".join(f"{name} {s.value:.3f} [{s.low:.3f}, {s.high:.3f}]" for name, s in found.items())

    together = [np.concatenate([part[name] for name in codes]) for part in (codes, ours, theirs)]
    gained = paired_difference("accuracy", *together)
    verdict = "helped" if gained.low > 0 else "hurt" if gained.high < 0 else "tie"
    accuracy = [float(np.mean(side.argmax(axis=1) == together[0])) for side in together[1:]]
    return row(
        f"accuracy, heart, trained on {source}, tested on the others, {what}",
        f"{scores(ours)}; all together {told(gained)}: {verdict}",
        f"{scores(theirs)} (boosted trees)",
        "for information",
        ratio=accuracy[0] / accuracy[1],
    )


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=1)
    try:
        hospitals = read_hospitals()
    except AbsentError as reason:
        show({"absent": {"hospitals": str(reason)}, "rows": []})
        return
    rows = []
    for source in HOSPITALS[:1] if args.small else HOSPITALS:
        X, codes = hospitals[source]
        targets = {name: hospitals[name] for name in HOSPITALS if name != source}
        wanted = {name: found for name, (_, found) in targets.items()}
        trees = {name: boosted_trees(X, codes, frame) for name, (frame, _) in targets.items()}
        for what, epochs in (("table encoder carried over", 2 if args.small else None), ("from scratch", 0)):
            ours = {name: carried_over(X, codes, frame, epochs=epochs) for name, (frame, _) in targets.items()}
            rows.append(line(source, what, wanted, ours, trees))
    show({"rows": rows})


if __name__ == "__main__":
    main()
