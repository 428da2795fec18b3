"""Where a model compares rows, in an order that only their content decides."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headstart.errors import InputError
from headstart.evaluation import own_features as module
from headstart.evaluation._row_order import content_order
from headstart.evaluation.model_outputs import predictions, probabilities
from headstart.evaluation.own_features import own_features, own_head
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.easytl import EasyTL
from headstart.strategies.instance.discriminative import Discriminative
from headstart.strategies.instance.reweighted import Reweighted
from headstart.testing.two_domains import two_domains

DATA = two_domains()
X, Y, TARGET = DATA.source, DATA.y_source, DATA.target
ALIGNED = Aligned(LogisticRegression(), Coral())


def _features(model):
    return own_features(model, X, is_target=False), own_features(model, TARGET, is_target=True)


def test_of_a_plain_model_they_are_the_rows():
    found = _features(LogisticRegression().fit(X, Y))
    assert np.array_equal(found[0], X)
    assert np.array_equal(found[1], TARGET)


def test_of_an_aligned_model_they_are_its_images():
    model = ALIGNED.fit(X, Y, X_target=TARGET)
    source, target = _features(model)
    assert np.array_equal(source, model.alignment_.transform_source(X))
    assert np.array_equal(target, model.alignment_.transform_target(TARGET))
    assert not np.allclose(source, own_features(model, X, is_target=True))


def test_of_an_aligned_model_without_a_target_they_are_the_rows():
    assert np.array_equal(_features(ALIGNED.fit(X, Y))[1], TARGET)


def test_of_a_pipeline_within_a_search_they_are_what_its_last_step_sees():
    scaled = StandardScaler().fit(X)
    model = make_pipeline(StandardScaler(), Aligned(LogisticRegression(), Coral()))
    search = GridSearchCV(model, {"aligned__estimator__C": [0.1, 1.0]}, cv=2).fit(X, Y)
    np.testing.assert_allclose(_features(search)[1], scaled.transform(TARGET))
    assert isinstance(own_head(search, X, is_target=True)[0], LogisticRegression)


def test_of_weighted_and_nested_models_they_are_those_of_the_inner_one():
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    model = Reweighted(LogisticRegression(), Discriminative()).fit(X, Y, X_target=TARGET)
    assert np.array_equal(_features(model)[0], X)
    nested = Aligned(inner, Coral()).fit(X, Y, X_target=TARGET)
    wanted = nested.estimator_[0].transform(nested.alignment_.transform_target(TARGET))
    np.testing.assert_array_equal(_features(nested)[1], wanted)


def test_of_a_method_that_adapts_by_itself_they_are_its_decisions():
    model = EasyTL().fit(X, Y, X_target=TARGET)
    source, target = _features(model)
    assert np.array_equal(target, model.decision_function(TARGET))
    assert np.array_equal(source, model.decision_function(X, sample_domain=["source"] * len(X)))


def test_sparse_rows_are_made_dense_up_to_a_size(monkeypatch):
    model = LogisticRegression().fit(csr_array(X), Y)
    assert np.array_equal(own_features(model, csr_array(X), is_target=False), X)
    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(InputError, match="dense features, got a sparse matrix of 60 x 4"):
        own_features(model, csr_array(X), is_target=False)


def test_examples_without_an_encoder_are_refused():
    with pytest.raises(InputError, match="own_features needs numbers before LogisticRegression"):
        own_features(LogisticRegression(), ["a", "b"], is_target=True)
    with pytest.raises(InputError, match=r"got shape \(2,\)"):
        own_features(LogisticRegression(), np.zeros(2), is_target=True)


def test_outputs_of_each_domain_are_those_of_the_model():
    model = ALIGNED.fit(X, Y, X_target=TARGET, sample_domain=np.where(np.arange(len(X)) % 2, "p", "q"))
    named = ["p"] * len(X)
    assert np.array_equal(probabilities(model, TARGET, is_target=True), model.predict_proba(TARGET))
    wanted = model.predict_proba(X, sample_domain=named)
    assert np.array_equal(probabilities(model, X, is_target=False), wanted)
    assert np.array_equal(probabilities(model, X, is_target=False, sample_domain=named), wanted)
    assert np.array_equal(predictions(model, X, is_target=False), model.predict(X, sample_domain=named))


def test_a_model_without_probabilities_is_told():
    with pytest.raises(InputError, match="needs an estimator with predict_proba, got RidgeClassifier"):
        probabilities(RidgeClassifier().fit(X, Y), X, is_target=True)


@pytest.mark.parametrize("kind", [np.array, csr_array, np.float32, lambda rows: [tuple(row) for row in rows.tolist()]])
def test_the_order_follows_the_rows(kind):
    rng = np.random.default_rng(0)
    rows = rng.integers(-3, 3, size=(80, 5)).astype(float)
    turn = rng.permutation(80)
    first, second = rows[content_order(kind(rows), 1)], rows[turn][content_order(kind(rows[turn]), 1)]
    assert np.array_equal(first, second)
    assert not np.array_equal(first, rows[content_order(kind(rows), 2)])


def test_the_order_has_nothing_to_do_with_the_values():
    for rows in (np.arange(20_000.0)[:, None], np.random.default_rng(0).standard_normal((20_000, 3))):
        order = content_order(rows, 0)
        assert sorted(order.tolist()) == list(range(20_000))
        assert abs(np.corrcoef(np.arange(20_000), rows[order, 0])[0, 1]) < 0.03
        assert abs(np.corrcoef(rows[order, 0][1:], rows[order, 0][:-1])[0, 1]) < 0.03
