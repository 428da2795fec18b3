"""Macro-F1 with bf16 features against exact ones: same splits, same head, paired; EfficientNet-Lite0 on OpenVINO.

    python benchmarks/bf16_scores.py
    python benchmarks/bf16_scores.py --small

The head is the logistic path with cross-validation. Both runtimes are driven directly, because the encoder refuses
bf16 where it strays too far, and what it refuses is to be measured too.
"""

from __future__ import annotations

from _seeds import METRIC, Judgement, is_no_worse, seeded_sets, shown
from _sides import arguments, by_turns, middle, rounded, row, scratch, show, timed

BACKBONE = "efficientnet_lite0"
BITS = {"exact": "fp32", "bf16": "bf16"}
N_SPEED = 512


def encoders():
    """Precision -> an encoder whose runtime is ready."""
    from headstart.backbones.registry import open_backbone
    from headstart.features.direct import DirectEncoder
    from headstart.features.settings import EncoderSettings

    backbone = open_backbone(BACKBONE)
    return {
        name: DirectEncoder(backbone, EncoderSettings(precision=name), "openvino", bits) for name, bits in BITS.items()
    }


def probabilities(data, features):
    """(n_test, n_classes) of each seed."""
    from headstart.selection.choose_head import choose_head

    found = []
    for seed, split in enumerate(data.splits):
        rows, codes, classes = features[split.parts.train], split.train_y, split.dataset.classes
        kept = {"heads": ["logistic"], "metric": METRIC, "groups": split.train_groups, "random_state": seed}
        head = choose_head(rows, codes, classes, split.folds, **kept).refit(rows, codes)
        found.append(head.proba_by_code(features[split.parts.test], len(classes)))
    return found


def compare(data, ready, rounds):
    """One set: the difference, the deviation of the features, and how much faster bf16 is."""
    from headstart.features.choose_runtime import centred_deviation

    examples = data.dataset.inputs
    features = {name: encoder.encode(examples)[0] for name, encoder in ready.items()}
    few = [examples[i] for i in range(min(N_SPEED, len(examples)))]
    sides = {name: lambda encoder=encoder: timed(lambda: encoder.encode(few))[0] for name, encoder in ready.items()}
    seconds = {name: middle(took) for name, took in by_turns(sides, rounds).items()}
    judged = Judgement(data, {name: probabilities(data, rows) for name, rows in features.items()})
    return {
        "rows": len(data.dataset),
        "seeds": len(data.splits),
        "macro_f1": {name: [rounded(score) for score in judged.scores(name)] for name in BITS},
        "bf16_minus_exact": judged.difference("bf16", "exact"),
        "deviation": rounded(centred_deviation(features["bf16"], features["exact"])),
        "images_a_second": {name: rounded(len(few) / took) for name, took in seconds.items()},
        "speed_ratio": rounded(seconds["exact"] / seconds["bf16"]),
    }


def line(name, found):
    """The line of BENCHMARKS.md; a fall is allowed, since exact features are the default."""
    means = {side: sum(scores) / len(scores) for side, scores in found["macro_f1"].items()}
    lost = found["bf16_minus_exact"]
    speed = f"{found['speed_ratio']:.3g}x as fast, strays {found['deviation']:.1%}"
    return row(
        f"macro-F1 with bf16 against exact features, {name}, {found['seeds']} seeds",
        f"{means['bf16']:.4f} bf16; {shown(lost)}; {speed}",
        f"{means['exact']:.4f} exact",
        "no loss, or exact is the default (it is)" + ("" if is_no_worse(lost) else "; bf16 loses here"),
        ratio=means["bf16"] / means["exact"],
        is_met=is_no_worse(lost) or _is_exact_default(),
    )


def _is_exact_default():
    import headstart as hs

    return hs.Encoder().precision == "exact"


def main():
    """Measure every set and print."""
    args = arguments(__doc__, rounds=5, small_rounds=2)
    sets, absent = seeded_sets(is_small=args.small)
    with scratch():
        ready = encoders()
        for encoder in ready.values():
            encoder.encode([sets[0].dataset.inputs[0]])
        found = {data.name: compare(data, ready, args.rounds) for data in sets}
    show({"sets": found, "absent": absent, "rows": [line(name, figures) for name, figures in found.items()]})


if __name__ == "__main__":
    main()
