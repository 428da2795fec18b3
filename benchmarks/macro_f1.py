"""Macro-F1 of headstart's route against frozen features + LogisticRegression as commonly written, paired over seeds.

    python benchmarks/macro_f1.py
    python benchmarks/macro_f1.py --small

Ours: for every seed the splits, folds, contenders, choice and refit of ``headstart fit`` with the embedded backbones.
Theirs: EfficientNet-Lite0 features (ours: the same numbers) and scikit-learn's ``LogisticRegression(max_iter=1000)``,
on the raw features and behind a ``StandardScaler``. Features are computed once for all; ``fit_seconds`` are the heads'.
"""

from __future__ import annotations

import warnings

import numpy as np

from _seeds import METRIC, Judgement, is_no_worse, seeded_sets, shown
from _sides import arguments, middle, rounded, row, scratch, show, timed

PEER_BACKBONE = "efficientnet_lite0"
QUICK_HEADS = ("prototypes", "logistic")
"""Ours with --small; otherwise all that ``headstart fit`` can afford."""


def library_of(data):
    """Features of all rows, by any backbone, each once."""
    from headstart.features.library import FeatureLibrary

    return FeatureLibrary(data.dataset, data.splits[0].digests)


def recipes():
    """What ``headstart fit`` tries without a budget."""
    from headstart.backbones.registry import is_ready, list_cards
    from headstart.selection.recipe import default_recipes

    return default_recipes([card for card in list_cards("image") if card.input is not None and is_ready(card)])


def our_side(split, library, seed, heads):
    """Choose among all recipes and heads on the training rows, refit, and predict the test rows."""
    from headstart.selection.tournament import Field, best_of, contend

    classes = split.dataset.classes
    field = Field(
        library=library,
        rows=split.parts.train,
        y=split.train_y,
        classes=classes,
        folds=split.folds,
        groups=split.train_groups,
        metric=METRIC,
        heads=heads,
        random_state=seed,
    )
    winner = best_of([contend(field, recipe) for recipe in recipes()])
    head = winner.choice.refit(field.features(winner.recipe), field.y)
    features = library.features(winner.recipe.backbones, split.parts.test)
    return head.proba_by_code(features, len(classes)), winner.name


def their_side(split, library, *, is_scaled):
    """(n_test, n_classes) of the model that most tutorials show."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = library.features([PEER_BACKBONE])
    steps = [StandardScaler()] if is_scaled else []
    model = make_pipeline(*steps, LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features[split.parts.train], split.train_y)
    proba = np.zeros((len(split.parts.test), len(split.dataset.classes)))
    proba[:, model.classes_] = model.predict_proba(features[split.parts.test])
    return proba, "LogisticRegression"


def compare(data, heads):
    """One set: scores, differences and seconds of the three sides, by turns for every seed."""
    library = library_of(data)
    for recipe in recipes():
        library.features(recipe.backbones)
    sides = {
        "ours": lambda split, seed: our_side(split, library, seed, heads),
        "plain": lambda split, seed: their_side(split, library, is_scaled=False),
        "scaled": lambda split, seed: their_side(split, library, is_scaled=True),
    }
    proba, seconds, names = ({name: [] for name in sides} for _ in range(3))
    for seed, split in enumerate(data.splits):
        for name in list(sides)[:: -1 if seed % 2 else 1]:
            took, (rows, told) = timed(lambda name=name, split=split, seed=seed: sides[name](split, seed))
            proba[name].append(rows)
            seconds[name].append(took)
            names[name].append(told)
    judged = Judgement(data, proba)
    return {
        "rows": len(data.dataset),
        "test_rows": len(data.splits[0].parts.test),
        "seeds": len(data.splits),
        "macro_f1": {name: [rounded(score) for score in judged.scores(name)] for name in sides},
        "ours_minus_plain": judged.difference("ours", "plain"),
        "ours_minus_scaled": judged.difference("ours", "scaled"),
        "fit_seconds": {name: middle(took) for name, took in seconds.items()},
        "encode_seconds": {name: rounded(took) for name, took in library.seconds.items()},
        "chosen": names["ours"],
    }


def lines(name, found):
    """The lines of BENCHMARKS.md."""
    means = {side: sum(scores) / len(scores) for side, scores in found["macro_f1"].items()}
    peers = {"plain": "LogisticRegression(max_iter=1000)", "scaled": "StandardScaler + LogisticRegression"}
    for side, peer in peers.items():
        gained = found[f"ours_minus_{side}"]
        yield row(
            f"macro-F1, {name}, {found['seeds']} seeds, against {peer}",
            f"{means['ours']:.4f}; {shown(gained)}; {found['fit_seconds']['ours']:.3g} s to fit",
            f"{means[side]:.4f}; {found['fit_seconds'][side]:.3g} s to fit",
            "better or tied",
            ratio=means["ours"] / means[side],
            is_met=is_no_worse(gained),
        )


def main():
    """Measure every set and print."""
    args = arguments(__doc__, rounds=1)
    sets, absent = seeded_sets(is_small=args.small)
    with scratch():
        found = {data.name: compare(data, QUICK_HEADS if args.small else None) for data in sets}
    rows = [line for name, figures in found.items() for line in lines(name, figures)]
    show({"sets": found, "absent": absent, "rows": rows})


if __name__ == "__main__":
    main()
