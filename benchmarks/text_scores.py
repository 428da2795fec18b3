"""Accuracy on texts: headstart's choice against sentence-transformers + LogisticRegression, with the classics beside.

    python benchmarks/text_scores.py
    python benchmarks/text_scores.py --small

TREC questions from the official training to the official test part, read once, the LSTM on word vectors beside; and one
of three domains to itself and to the other two for opinions (tweets, shop reviews, editorials), by a split of each
domain with a fixed seed. Heads are chosen by cross-validation on training rows only. The table across domains compares
frozen features, without adaptation.
"""

from __future__ import annotations

import csv
import warnings
from tempfile import TemporaryDirectory

import numpy as np

from _sets import AbsentError, shared_folder
from _sides import arguments, row, scratch, show, timed, told

ENCODER, CLASSIC, VECTORS = "all_minilm_l6_v2", "word_ngrams", "glove_50d"
HEADS = {CLASSIC: ("tfidf_linear",)}
LSTMS = {
    "drawn word vectors": (None, True),
    "GloVe, frozen": (VECTORS, False),
    "GloVe, tuned": (VECTORS, True),
    "own Word2Vec, tuned": ("own", True),
}


def read_csv(name):
    """The rows of one of the shared tables."""
    with (shared_folder("text") / name).open(newline="", encoding="utf-8") as file:
        return [line for line in csv.DictReader(file) if line["text"].strip()]


class Features:
    """Features of texts by name, each computed once."""

    def __init__(self, texts):
        self._texts, self._found = texts, {}

    def __call__(self, name):
        """(n, dim) rows."""
        from headstart.features.encoder import Encoder

        if name not in self._found:
            self._found[name] = Encoder(name).encode(self._texts).features
        return self._found[name]


def chosen(features, codes, n_classes, heads):
    """The head that cross-validation chooses on these rows, fitted to all of them, and its name."""
    from headstart.data.folds import folds
    from headstart.selection.choose_head import choose_head

    names = [str(code) for code in range(n_classes)]
    choice = choose_head(features, codes, names, folds(codes), heads=heads, metric="accuracy")
    return choice.refit(features, codes), choice.winner.head


def plain_logistic(features, codes):
    """What most examples of sentence-transformers show."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(max_iter=1000).fit(features, codes)


def trec(is_small):
    """Rows of the table for the questions."""
    from headstart.evaluation.intervals import bootstrap, paired_difference

    train, test = read_csv("questions_train.csv"), read_csv("questions_test.csv")
    train = train[:600] if is_small else train
    lines = train + test
    names = sorted({line["label"] for line in lines})
    codes = np.array([names.index(line["label"]) for line in lines])
    features, n = Features([line["text"] for line in lines]), len(train)
    peer = plain_logistic(features(ENCODER)[:n], codes[:n]).predict_proba(features(ENCODER)[n:])
    theirs = bootstrap("accuracy", codes[n:], peer)
    found = []
    for name in (ENCODER, CLASSIC, VECTORS):
        head, winner = chosen(features(name)[:n], codes[:n], len(names), HEADS.get(name))
        proba = head.proba_by_code(features(name)[n:], len(names))
        score = bootstrap("accuracy", codes[n:], proba)
        gained = paired_difference("accuracy", codes[n:], proba, peer)
        found.append(
            row(
                f"accuracy, TREC questions, official test part, {name} / {winner}",
                f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]; {told(gained)}",
                f"{theirs.value:.3f} [{theirs.low:.3f}, {theirs.high:.3f}] (the same encoder + LogisticRegression)",
                "no worse" if name == ENCODER else "for information",
                ratio=score.value / theirs.value,
                is_met=gained.high >= 0 if name == ENCODER else None,
            )
        )
    return found + lstm_rows([line["text"] for line in lines], codes, n, peer, is_small=is_small)


def lstm_rows(texts, codes, n, peer, *, is_small):
    """Rows of the table for the classic LSTM on word vectors; own vectors are trained on the training questions."""
    from headstart.backbones._word_vectors.train import train_word_vectors
    from headstart.evaluation.intervals import bootstrap, paired_difference
    from headstart.strategies.parameter.text_lstm import TextLSTM

    theirs, found = bootstrap("accuracy", codes[n:], peer), []
    with TemporaryDirectory() as folder:
        train_word_vectors(texts[:n]).save(folder)
        for name, (embedding, is_tuned) in LSTMS.items():
            source = folder if embedding == "own" else embedding
            model = TextLSTM(source, embedding_trainable=is_tuned, epochs=2 if is_small else 20)
            seconds, proba = timed(lambda m=model: m.fit(texts[:n], codes[:n]).predict_proba(texts[n:]))
            score, gained = (
                bootstrap("accuracy", codes[n:], proba),
                paired_difference("accuracy", codes[n:], proba, peer),
            )
            found.append(
                row(
                    f"accuracy, TREC questions, official test part, LSTM / {name}",
                    f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]; {told(gained)}; {seconds:.0f} s",
                    f"{theirs.value:.3f} [{theirs.low:.3f}, {theirs.high:.3f}] (sentence encoder + LogisticRegression)",
                    "for information",
                    ratio=score.value / theirs.value,
                )
            )
    return found


def opinions(is_small):
    """Rows of the table for three domains of opinions: within, and across."""
    from headstart.evaluation.intervals import bootstrap

    lines = read_csv("sentiment_three_domains.csv")
    lines = lines[:: 12 if is_small else 1]
    names, domains = sorted({line["label"] for line in lines}), sorted({line["domain"] for line in lines})
    codes = np.array([names.index(line["label"]) for line in lines])
    domain = np.array([line["domain"] for line in lines])
    is_test = np.random.default_rng(0).random(len(lines)) < 0.3
    features, found = Features([line["text"] for line in lines]), []
    for name in (ENCODER, CLASSIC):
        for source in domains:
            train = np.flatnonzero((domain == source) & ~is_test)
            head, _ = chosen(features(name)[train], codes[train], len(names), HEADS.get(name, ("logistic", "ridge")))
            each = []
            for target in domains:
                rows = np.flatnonzero((domain == target) & is_test)
                proba = head.proba_by_code(features(name)[rows], len(names))
                score = bootstrap("macro_f1", codes[rows], proba)
                each.append(f"{target} {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]")
            what = f"macro-F1, opinions, trained on {source} with {name}, tested on"
            found.append(row(what, "; ".join(each), "none", "for information"))
    return found


def main():
    """Measure and print."""
    args = arguments(__doc__, rounds=1)
    rows, absent = [], {}
    with scratch():
        for part in (trec, opinions):
            try:
                rows += part(args.small)
            except AbsentError as reason:
                absent[part.__name__] = str(reason)
    show({"absent": absent, "rows": rows})


if __name__ == "__main__":
    main()
