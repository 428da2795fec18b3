"""The classic Keras recipe: ResNet50, global average pooling, Dense(1024) and softmax; frozen, then tuned.

    python examples/keras_resnet50.py
    python examples/keras_resnet50.py photos

Published weights are taken where they are (`headstart backbones pull keras/ResNet50`), else random ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pictures import pictures
from side_by_side import fit_and_judge, or_random, print_table, print_verdict

import headstart as hs
from headstart.training.moving.last_blocks import LastBlocks


def main() -> None:
    """Fit both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--backbone", default="keras/ResNet50")
    parser.add_argument("--blocks", type=int, default=3, help="how many of the last residual blocks are tuned")
    parser.add_argument("--small", action="store_true", help="few, small pictures: its figures prove nothing")
    args = parser.parse_args()
    data = pictures(args.folder, most=60 if args.small else None)
    backbone = or_random(args.backbone)
    settings = {"head": "dense", **({"epochs": 1, "resolution": 64} if args.small else {})}
    models = {
        "frozen": hs.FineTune(backbone, trainable="linear_probe", **settings),
        "last blocks tuned": hs.FineTune(backbone, trainable=LastBlocks(args.blocks), **settings),
    }
    frozen, tuned = (
        fit_and_judge(name, model, data.X, data.y, data.X_test, data.classes) for name, model in models.items()
    )
    print_table([frozen, tuned], data.y_test, data.classes)
    print_verdict(tuned, frozen, data.y_test, data.classes)
    hidden = models["frozen"].network_.head.hidden
    print(f"The head: {hidden.in_features} pooled features, Dense({hidden.out_features}), {len(data.classes)} classes.")


if __name__ == "__main__":
    main()
