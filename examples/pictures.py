"""Pictures with labels, from a folder given by path or from the photographs of the demo, in two parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from solar_cells import photographs

from headstart.data.read import read
from headstart.data.split import split

DEMO_PICTURES = 600
"""Of the demo's photographs so many are taken: tuning is done sooner."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Paths and labels to learn from and to test on; ``classes`` is sorted."""

    X: list[str]
    y: NDArray[np.str_]
    X_test: list[str]
    y_test: NDArray[np.str_]

    @property
    def classes(self) -> NDArray[np.str_]:
        """(n_classes,) names."""
        return np.unique(np.concatenate([self.y, self.y_test]))


def pictures(folder: Path | None, *, most: int | None = None) -> Pictures:
    """Those of a folder, or the demo's.

    Args:
        folder: one folder a class, perhaps below train/ and test/; or Flowers-102 as it comes, with ``imagelabels.mat``
            and ``setid.mat`` beside ``jpg/``, whose published parts are kept; or None for the demo.
        most: takes so many at most.
    """
    if folder is None:
        paths, labels, parts = _solar_cells()
        most = min(most or DEMO_PICTURES, DEMO_PICTURES)
    elif (folder / "imagelabels.mat").is_file():
        paths, labels, parts = _flowers(folder)
    else:
        dataset = read(folder).dataset
        paths, labels, parts = list(dataset.inputs), [str(label) for label in dataset.targets], dataset.split
    rows = np.random.default_rng(0).permutation(len(paths))[:most]
    dataset = read([paths[row] for row in rows], [labels[row] for row in rows]).dataset
    if parts is None or not (np.asarray(parts) == "test").any():
        cut = split(dataset)
        train, test = cut.train, cut.test
    else:
        train, test = (np.flatnonzero(is_test) for is_test in _told(np.asarray(parts)[rows]))
    y = np.array([str(label) for label in dataset.targets])
    return Pictures([dataset.inputs[row] for row in train], y[train], [dataset.inputs[row] for row in test], y[test])


def _told(parts: NDArray[np.str_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return parts != "test", parts == "test"


def _solar_cells() -> tuple[list[str], list[str], None]:
    folder = photographs()
    lines = [line.split() for line in (folder / "labels.csv").read_text().splitlines()]
    labels = ["defective" if float(probability) >= 0.5 else "sound" for _, probability, _ in lines]
    return [str(folder / name) for name, _, _ in lines], labels, None


def _flowers(folder: Path) -> tuple[list[str], list[str], NDArray[np.str_]]:
    """Flowers-102 in the layout in which Oxford publishes it."""
    codes = loadmat(folder / "imagelabels.mat")["labels"].ravel()
    sets = loadmat(folder / "setid.mat")
    parts = np.full(len(codes), "train", dtype="<U5")
    parts[sets["tstid"].ravel() - 1] = "test"
    paths = [str(folder / "jpg" / f"image_{number:05}.jpg") for number in range(1, len(codes) + 1)]
    return paths, [f"flower {code:03}" for code in codes], parts
