"""A model judged out of fold."""

import numpy as np

from headstart.selection.strategy_choice import STRATEGY_RANK, try_strategy


class Threshold:
    """Remembers what it was fitted to."""

    fits = 0

    def fit(self, X, y):
        Threshold.fits += 1
        self.seen = set(X[:, 0])
        self.cut = (X[y == 1, 0].min() + X[y == 0, 0].max()) / 2

    def outputs(self, X, n_outputs):
        assert not self.seen & set(X[:, 0])
        share = (X[:, 0] > self.cut).astype(float)
        return np.column_stack([1 - share, share, np.zeros((len(X), n_outputs - 2))])


def _tried():
    X = np.arange(12.0)[:, None]
    y = (X[:, 0] > 5).astype(np.int64)
    rows = np.arange(12)
    folds = [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)]
    return X, y, try_strategy("cut", {"a": 1}, Threshold, X, y, n_outputs=3, folds=folds, metric="accuracy")


def test_every_row_is_predicted_by_a_model_that_never_saw_it():
    _, y, choice = _tried()
    assert choice.probabilities.shape == (12, 3)
    assert (choice.probabilities.argmax(axis=1) == y).mean() > 0.8
    assert choice.winner.cost_rank == STRATEGY_RANK
    assert choice.winner.settings == {"a": 1}
    assert len(choice.winner.fold_scores) == 3


def test_the_same_rows_are_fitted_once():
    X, y, choice = _tried()
    before = Threshold.fits
    first = choice.refit(X, y)
    assert choice.refit(X, y) is first
    assert Threshold.fits == before + 1
    assert choice.refit(X[:8], y[:8]) is not first
