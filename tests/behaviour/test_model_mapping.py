"""A source as prior beats the source alone and the target alone where tasks are related, and does no harm elsewhere."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from headstart.strategies.parameter.label_mapping import LabelMapping
from headstart.strategies.parameter.regular_transfer_lc import RegularTransferLC
from headstart.strategies.parameter.regular_transfer_logistic import RegularTransferLogistic
from headstart.strategies.parameter.regular_transfer_lr import RegularTransferLR
from headstart.strategies.parameter.stacked_source import StackedSource

SEEDS = range(12)
D = 20


def numbers(seed, n, related):
    """Weights of a source, and of a target that are near or have nothing to do with them."""
    draw = np.random.default_rng(seed)
    source = draw.normal(size=D)
    target = source + 0.3 * draw.normal(size=D) if related else 3 * draw.normal(size=D)
    X, S, test = draw.normal(size=(n, D)), draw.normal(size=(400, D)), draw.normal(size=(2000, D))
    y = X @ target + draw.normal(size=n)
    return LinearRegression().fit(S, S @ source + draw.normal(size=400)), X, y, test, test @ target


def number_errors(seed, n, related):
    source, X, y, test, truth = numbers(seed, n, related)
    models = {"prior": RegularTransferLR(source).fit(X, y), "target": RegularTransferLR().fit(X, y), "source": source}
    return {name: float(((model.predict(test) - truth) ** 2).mean()) for name, model in models.items()}


def classes(seed, n, related):
    """Three classes by linear scores; the source has a fourth, the target one that the source has not."""
    draw = np.random.default_rng(seed)
    source = 1.5 * draw.normal(size=(4, D))
    target = source[:3] + 0.5 * draw.normal(size=(3, D)) if related else 1.5 * draw.normal(size=(3, D))
    X, S, test = draw.normal(size=(n, D)), draw.normal(size=(800, D)), draw.normal(size=(2000, D))
    names = np.array(["a", "b", "c", "d"])

    def told(rows, weights):
        noise = draw.gumbel(size=(len(rows), len(weights)))
        return names[(rows @ weights.T + noise).argmax(axis=1)]

    return S, told(S, source), X, told(X, target), test, names[(test @ target.T).argmax(axis=1)]


def accuracies(seed, n, related, kind, plain):
    S, y_source, X, y, test, truth = classes(seed, n, related)
    source = plain.fit(S, y_source)
    source_only = (
        LabelMapping(source, method="name")
        if hasattr(source, "predict_proba")
        else RegularTransferLC(source, alpha=np.inf, ties_intercept=True)
    )
    models = {"prior": kind(source), "target": kind(), "source": source_only}
    return {name: float((model.fit(X, y).predict(test) == truth).mean()) for name, model in models.items()}


def means(found):
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


@pytest.mark.parametrize("n", [8, 15])
def test_with_few_rows_of_a_related_task_the_prior_beats_both_ends_in_numbers(n):
    found = [number_errors(seed, n, True) for seed in SEEDS]
    mean = means(found)
    assert mean["prior"] < mean["source"]
    assert mean["prior"] < 0.5 * mean["target"]


def test_with_many_rows_or_an_unrelated_task_the_prior_does_no_harm_in_numbers():
    for n, related in ((2000, True), (2000, False), (60, False)):
        mean = means([number_errors(seed, n, related) for seed in SEEDS])
        assert mean["prior"] < 1.05 * mean["target"] + 1e-3


KINDS = [(RegularTransferLogistic, LogisticRegression(max_iter=1000)), (RegularTransferLC, RidgeClassifier())]


@pytest.mark.parametrize(("kind", "plain"), KINDS, ids=["logistic", "lc"])
def test_with_few_rows_of_a_related_task_the_prior_beats_both_ends_in_classes(kind, plain):
    mean = means([accuracies(seed, 40, True, kind, plain) for seed in range(8)])
    assert mean["prior"] > mean["source"]
    assert mean["prior"] > mean["target"] + 0.03


@pytest.mark.parametrize(("kind", "plain"), KINDS, ids=["logistic", "lc"])
def test_with_many_rows_or_an_unrelated_task_the_prior_does_no_harm_in_classes(kind, plain):
    for n, related in ((400, True), (100, False)):
        mean = means([accuracies(seed, n, related, kind, plain) for seed in range(4)])
        assert mean["prior"] > mean["target"] - 0.01


def test_stacking_a_source_of_other_classes_beats_the_target_alone():
    """The source knows a bent boundary that a linear model cannot draw, under other names."""
    gains = []
    for seed in SEEDS:
        draw = np.random.default_rng(seed)
        S, X, test = (draw.normal(size=(n, 6)) for n in (2000, 30, 2000))
        radius = [(rows[:, :2] ** 2).sum(axis=1) for rows in (S, X, test)]
        forest = RandomForestClassifier(30, random_state=0, min_samples_leaf=5)
        source = FrozenEstimator(forest.fit(S, np.digitize(radius[0], [0.5, 1.2, 2.5])))
        y, truth = (np.where(r > 1.2, "far", "near") for r in radius[1:])
        plain = LogisticRegression().fit(X, y).score(test, truth)
        beside = StackedSource(LogisticRegression(), source).fit(X, y).score(test, truth)
        alone = StackedSource(LogisticRegression(), source, keeps_inputs=False).fit(X, y).score(test, truth)
        counted = LabelMapping(source, method="bayesian").fit(X, y).score(test, truth)
        expected = LabelMapping(source, method="expected").fit(X, y).score(test, truth)
        gains.append([beside - plain, alone - plain, counted - plain, expected - plain])
    assert (np.mean(gains, axis=0) > 0.1).all()


def test_leep_ranks_sources_as_their_maps_score():
    """Sources that know more and more of the task."""
    for seed in range(4):
        draw = np.random.default_rng(seed)
        X, test = draw.normal(size=(200, 4)), draw.normal(size=(2000, 4))
        y, truth = X[:, 0] > 0, test[:, 0] > 0
        told = []
        for knows in (0.0, 0.5, 1.0):
            w = np.array([knows, 1 - knows, 0, 0])
            S = draw.normal(size=(1000, 4))
            model = LabelMapping(LogisticRegression().fit(S, S @ w > 0), method="expected").fit(X, y)
            told.append((model.leep_, model.score(test, truth)))
        assert told == sorted(told)
