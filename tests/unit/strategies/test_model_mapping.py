"""Source weights, stacked sources and label maps: what they take, what they refuse."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from headstart.errors import InputError
from headstart.heads.logistic import LogisticRegressionPath
from headstart.heads.ridge_regression import RidgeRegression
from headstart.strategies.parameter.label_mapping import LabelMapping
from headstart.strategies.parameter.regular_transfer_lc import RegularTransferLC
from headstart.strategies.parameter.regular_transfer_logistic import RegularTransferLogistic
from headstart.strategies.parameter.regular_transfer_lr import RegularTransferLR
from headstart.strategies.parameter.stacked_source import StackedSource
from headstart.strategies.source_weights import SourceWeights


def rows(n=60, d=5, seed=0):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(n, d)) * [1, 2, 3, 0.5, 4] + 1
    return X, np.array(["ant", "bee", "cow"])[(X[:, 0] > 1).astype(int) + (X[:, 1] > 2)]


def scores(model, X):
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X)).reshape(len(X), -1)
    logs = np.log(model.predict_proba(X))
    return logs - logs.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "source",
    [
        LogisticRegression(),
        RidgeClassifier(),
        LinearSVC(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LogisticRegressionPath(C=1.0),
    ],
    ids=["logistic", "ridge", "svm", "scaled", "head"],
)
def test_the_weights_are_read_off_whatever_is_linear(source, n_classes):
    X, y = rows()
    kept = np.isin(y, ["ant", "bee", "cow"][:n_classes])
    fitted = clone(source).fit(X[kept], y[kept])
    found = SourceWeights.of("test", FrozenEstimator(fitted), 5)
    other = np.random.default_rng(1).normal(size=(20, 5))
    np.testing.assert_allclose(other @ found.coef.T + found.intercept, scores(fitted, other), rtol=1e-5, atol=1e-5)
    assert found.classes.tolist() == ["ant", "bee", "cow"][:n_classes]


def test_numbers_and_data_frames():
    import pandas as pd

    X, _ = rows()
    frame = pd.DataFrame(X, columns=list("abcde"))
    fitted = make_pipeline(StandardScaler(), LinearRegression()).fit(frame, X @ np.arange(5) + 2)
    found = SourceWeights.of("test", fitted, 5)
    np.testing.assert_allclose(found.coef, [np.arange(5)], atol=1e-9)
    np.testing.assert_allclose(found.intercept, [2], atol=1e-9)
    head = RidgeRegression().fit(X, X[:, 0])
    assert SourceWeights.of("test", head, 5).coef.shape == (1, 5)


def test_sources_that_do_not_fit_are_refused():
    X, y = rows()
    cases = [
        (LogisticRegression(), "a fitted source, got LogisticRegression that is none"),
        (RandomForestClassifier(5, random_state=0).fit(X, y), "linear in its inputs, got RandomForestClassifier"),
        (LogisticRegression().fit(X[:, :3], y), "a source of 5 features, got one of 3"),
        (SourceWeights(np.zeros((3, 4)), np.zeros(3), np.arange(3)), "source weights of 5 features, got 4"),
        (SourceWeights(np.full((3, 5), np.nan), np.zeros(3), np.arange(3)), "finite source weights"),
        (SourceWeights(np.zeros((3, 5)), np.zeros(3), np.arange(4)), "a row of source weights for each of 4 classes"),
        (SourceWeights(np.zeros((3, 5)), np.zeros(3), np.array(["x", "y", "z"])), "a class that source and target"),
        (Ridge().fit(X, X[:, 0]), "a source with classes"),
    ]
    for source, told in cases:
        for model in (RegularTransferLC(source), RegularTransferLogistic(source)):
            with pytest.raises(InputError, match=told):
                model.fit(X, y)
    with pytest.raises(InputError, match="a source of 1 numbers, got classes"):
        RegularTransferLR(LogisticRegression().fit(X, y)).fit(X, X[:, 0])
    for model, told in (
        (RegularTransferLR(alpha=-1), "alpha of at least 0"),
        (RegularTransferLC(alpha=-1), "alpha of at least 0"),
        (RegularTransferLogistic(C=0), "C above 0"),
        (RegularTransferLogistic(n_folds=1), "n_folds of at least 2"),
    ):
        with pytest.raises(InputError, match=told):
            model.fit(X, X[:, 0] if isinstance(model, RegularTransferLR) else y)


def test_in_cross_validation_a_frozen_source_stays_what_it_was():
    X, y = rows()
    source = FrozenEstimator(LogisticRegression().fit(X, y))
    few, labels = rows(24, seed=2)
    for model in (RegularTransferLC(source), RegularTransferLogistic(source), LabelMapping(source)):
        assert cross_val_score(model, few, labels, cv=3).mean() > 0.6
    stacked = StackedSource(LogisticRegression(), source)
    assert cross_val_score(stacked, few, labels, cv=3).mean() > 0.6
    with pytest.raises(InputError, match="FrozenEstimator"):
        clone(RegularTransferLC(source.estimator)).fit(few, labels)
    with pytest.raises(InputError, match="a fitted source in a FrozenEstimator, got LogisticRegression"):
        StackedSource(LogisticRegression(), source.estimator).fit(few, labels)


def test_an_unrelated_source_is_left_alone_and_a_true_one_is_not():
    draw = np.random.default_rng(0)
    X, w = draw.normal(size=(30, 8)), draw.normal(size=8)
    y = X @ w + 0.01 * draw.normal(size=30)
    true = SourceWeights(w[None], np.zeros(1))
    wrong = SourceWeights(-30 * w[None] + draw.normal(size=8), np.zeros(1))
    assert RegularTransferLR(true).fit(X[:6], y[:6]).adapted_
    assert not RegularTransferLR(wrong).fit(X, y).adapted_
    np.testing.assert_allclose(RegularTransferLR(true).fit(X[:1], y[:1]).coef_, w)
    kinds = np.where(y > 0, "up", "down")
    telling = SourceWeights(5 * w[None], np.zeros(1), np.array(["down", "up"]))
    assert RegularTransferLogistic(telling).fit(X[:8], kinds[:8]).adapted_
    turned = SourceWeights(-5 * w[None], np.zeros(1), np.array(["down", "up"]))
    assert not RegularTransferLogistic(turned).fit(X, kinds).adapted_


@pytest.mark.parametrize("kind", [RegularTransferLR, RegularTransferLC, RegularTransferLogistic])
def test_float32_stays_and_the_same_again(kind):
    X, y = rows()
    wanted = X[:, 0] if kind is RegularTransferLR else y
    first, again = (kind().fit(X.astype(np.float32), wanted.copy()) for _ in range(2))
    assert first.coef_.dtype == np.float32
    np.testing.assert_array_equal(first.coef_, again.coef_)
    assert (first.predict(X[:3].astype(np.float32)) == first.predict(X.astype(np.float32))[:3]).all()


def test_a_source_fitted_on_the_same_rows_is_asked_out_of_fold():
    """Nearest neighbours know their own rows by heart; random labels show whether any row was told by itself."""
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(200, 3)), draw.integers(0, 2, 200)
    model = StackedSource(LogisticRegression(), KNeighborsClassifier(1), keeps_inputs=False, form="plain").fit(X, y)
    told = model.training_predictions_
    assert told.shape == (200, 2)
    assert (told.argmax(axis=1) == y).mean() < 0.65
    assert (model.source_.predict(X) == y).all()
    assert model.estimator_.n_features_in_ == 2
    frozen = FrozenEstimator(KNeighborsClassifier(1).fit(X, y))
    known = StackedSource(LogisticRegression(), frozen, keeps_inputs=False, form="plain").fit(X, y)
    assert (known.training_predictions_.argmax(axis=1) == y).all()


def test_predictions_stand_beside_the_rows_and_other_classes_are_welcome():
    X, y = rows()
    source = FrozenEstimator(LogisticRegression().fit(X, y))
    value = X @ np.arange(5)
    model = StackedSource(Ridge(), source).fit(X, value)
    assert model.estimator_.n_features_in_ == 8
    logs = np.log(np.maximum(source.predict_proba(X), 1e-6))
    joined = np.column_stack([X, logs - logs.mean(axis=1, keepdims=True)])
    np.testing.assert_allclose(model.predict(X), Ridge().fit(joined, value).predict(joined))
    weights = np.random.default_rng(0).uniform(0.1, 1, 60)
    weighted = StackedSource(Ridge(), source).fit(X, value, sample_weight=weights)
    np.testing.assert_allclose(weighted.predict(X), Ridge().fit(joined, value, weights).predict(joined))
    sparse = StackedSource(LogisticRegression(), source).fit(csr_matrix(X), y)
    np.testing.assert_allclose(
        sparse.predict_proba(csr_matrix(X)), StackedSource(LogisticRegression(), source).fit(X, y).predict_proba(X)
    )
    assert not hasattr(model, "predict_proba")
    scored = StackedSource(KNeighborsClassifier(3), FrozenEstimator(LinearSVC().fit(X, y)))
    assert scored.fit(X, y).estimator_.n_features_in_ == 8
    with pytest.raises(InputError, match="an estimator that takes weights"):
        scored.fit(X, y, sample_weight=weights)
    with pytest.raises(InputError, match="at least 2 examples of each class, got 1 of 'dodo'"):
        StackedSource(LogisticRegression(), LogisticRegression()).fit(X, np.array([*y[:-1], "dodo"]))
    with pytest.raises(InputError, match="a form of log, plain"):
        StackedSource(Ridge(), source, form="odds").fit(X, value)


def test_label_maps_by_name_and_by_pairs_and_on_texts():
    texts = ["good fine", "bad poor", "great good", "awful bad", "fine", "poor"]
    source = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, ["Pos", "Neg"] * 3)
    y = ["neg", "pos", "neg", "pos", "neg", "pos"]  # another convention
    by_name = LabelMapping(source, method="name").fit(texts, y)
    np.testing.assert_allclose(by_name.predict_proba(texts), source.predict_proba(texts))
    assert by_name.classes_.tolist() == ["neg", "pos"]
    pairs = LabelMapping(source, method="pairs", pairs={"Pos": "neg", "Neg": "pos"}).fit(texts, y)
    assert pairs.predict(texts).tolist() == y
    counted = LabelMapping(source, method="frequent").fit(texts, y)
    assert counted.predict(texts).tolist() == y
    half = LabelMapping(source, method="pairs", pairs={"Pos": "neg"}).fit(texts, y)
    assert set(half.predict(texts)) == {"neg"}


def test_a_row_whose_source_classes_stand_for_nothing_gets_the_frequencies():
    X, y = rows()
    source = LogisticRegression().fit(np.eye(5)[[0, 1, 0, 1]] * 1e5, ["ant", "dog", "ant", "dog"])
    mapped = LabelMapping(source, method="name").fit(X, y)
    proba = mapped.predict_proba(np.eye(5)[[1]] * 1e6)
    np.testing.assert_allclose(proba[0], [(y == name).mean() for name in ("ant", "bee", "cow")])


def test_label_maps_refuse_what_makes_no_sense():
    X, y = rows()
    source = LogisticRegression().fit(X, y)
    cases = [
        (LabelMapping(LogisticRegression()), "a fitted source"),
        (LabelMapping(LinearSVC().fit(X, y)), "a classifier with predict_proba"),
        (LabelMapping(source, method="guess"), "a method of name, pairs"),
        (LabelMapping(source, method="pairs"), "pairs for 'pairs'"),
        (LabelMapping(source, method="pairs", pairs={"dodo": "ant"}), "pairs from classes of the source"),
        (LabelMapping(source, method="pairs", pairs={"ant": "dodo"}), "classes that find each other"),
        (LabelMapping(LogisticRegression().fit(X, y == "ant"), method="frequent"), "at least 3 classes for 'frequent'"),
    ]
    for model, told in cases:
        with pytest.raises(InputError, match=told):
            model.fit(X, y)
    texts = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(["a word", "another"], [0, 1])
    with pytest.raises(InputError, match="a label for each of 2 examples, got 1"):
        LabelMapping(texts).fit(["a word", "more"], [0])
