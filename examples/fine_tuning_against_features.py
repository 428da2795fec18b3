"""A network fine-tuned, against features extracted from it and a linear head: accuracy and F1 side by side.

    python examples/fine_tuning_against_features.py
    python examples/fine_tuning_against_features.py flowers-102 --backbone torchvision/resnet50

Flowers-102 may lie there as published, or as one folder a class; without a folder: photographs of solar cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pictures import pictures
from side_by_side import fit_and_judge, or_random, print_table, print_verdict

import headstart as hs


def main() -> None:
    """Fit both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--backbone", default="efficientnet_lite0", help="e.g. torchvision/resnet50")
    parser.add_argument("--small", action="store_true", help="few, small pictures: its figures prove nothing")
    args = parser.parse_args()
    data = pictures(args.folder, most=80 if args.small else None)
    backbone = or_random(args.backbone)
    settings = {"epochs": 1, "resolution": 64} if args.small else {}
    models = {
        "feature extraction": hs.FineTune(backbone, trainable="linear_probe", **settings),
        "fine-tuning": hs.FineTune(backbone, trainable="layer_decay", **settings),
    }
    frozen, tuned = (
        fit_and_judge(name, model, data.X, data.y, data.X_test, data.classes) for name, model in models.items()
    )
    print_table([frozen, tuned], data.y_test, data.classes)
    print_verdict(tuned, frozen, data.y_test, data.classes)
    if not models["fine-tuning"].is_tuned_:
        print("No gain on the pictures that were held out: the network was kept as it was.")


if __name__ == "__main__":
    main()
