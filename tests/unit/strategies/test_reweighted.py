"""``Reweighted``: what it multiplies, clips, refuses, tells and draws; its place in pipelines and searches."""

import warnings

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headstart.errors import InputError
from headstart.strategies.instance._weight_summary import bounded, effective_sample_size, summarise
from headstart.strategies.instance._weighting import Weighting
from headstart.strategies.instance.balanced import Balanced
from headstart.strategies.instance.discriminative import Discriminative
from headstart.strategies.instance.kmm import KMM
from headstart.strategies.instance.nearest_neighbours import NearestNeighbours
from headstart.strategies.instance.reweighted import Reweighted, WeightsCollapsedWarning
from headstart.strategies.unlabelled import Unlabelled


class Ramp(Weighting):
    """Weights 1, 2, 3, ... in the order of the first column."""

    def _ratio(self, pair):
        return 1.0 + np.argsort(np.argsort(pair.source[:, 0]))


class Spike(Weighting):
    def _ratio(self, pair):
        return (np.arange(pair.n_source) == 3) + 1e-6


def _domains(n=60, m=50, seed=0):
    rng = np.random.default_rng(seed)
    S, T = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) + 0.5
    return S, (S[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int), T


def test_weights_multiply_sample_weight():
    S, y, T = _domains()
    given = np.random.default_rng(1).uniform(0.2, 3, len(S))
    ramp = 1.0 + np.argsort(np.argsort(S[:, 0]))
    fitted = Reweighted(LinearRegression(), Ramp()).fit(S, y, X_target=T, sample_weight=given)
    expected = LinearRegression().fit(S, y, sample_weight=given * ramp)
    np.testing.assert_allclose(fitted.estimator_.coef_, expected.coef_, rtol=1e-9)
    assert fitted.adapted_
    assert fitted.effective_sample_size_ == pytest.approx(effective_sample_size(ramp))


def test_labelled_target_rows_are_learnt_from():
    S, y, T = _domains()
    few = np.array([None] * 50, dtype=object)
    few[:6] = [0, 1, 1, 0, 1, 1]
    fitted = Reweighted(Ridge(), Balanced(0.5)).fit(S, y, X_target=T, y_target=few)
    weights = np.concatenate([np.ones(60), np.full(6, 10.0)])
    expected = Ridge().fit(np.vstack([S, T[:6]]), np.concatenate([y, few[:6].astype(int)]), sample_weight=weights)
    np.testing.assert_allclose(fitted.estimator_.coef_, expected.coef_, rtol=1e-9)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=40), st.floats(1.01, 50))
@settings(max_examples=200, deadline=None)
def test_bounded_weights_keep_their_mean_and_order(values, most):
    weights = np.array(values)
    if weights.sum() < 1e-3:
        weights = weights + 1
    weights = weights / weights.mean()
    cut, n_clipped = bounded(weights, most)
    assert cut.max() <= most * (1 + 1e-9)
    assert cut.min() >= 0
    assert cut.mean() == pytest.approx(1, rel=1e-9)
    order = np.argsort(weights, kind="stable")
    assert (np.diff(cut[order]) >= -1e-9).all()
    assert n_clipped == np.count_nonzero(cut >= most * (1 - 1e-12)) or weights.max() <= most * (1 + 1e-9)
    assert effective_sample_size(cut) >= effective_sample_size(weights) * (1 - 1e-9)


def test_clipping_is_told():
    S, y, T = _domains()
    fitted = Reweighted(Ridge(), NearestNeighbours(), max_weight=1.5).fit(S, y, X_target=T)
    assert fitted.weights_.max() == pytest.approx(1.5)
    assert fitted.summary_.n_clipped == np.count_nonzero(fitted.weights_ >= 1.5 - 1e-9) > 0
    assert fitted.summary_.counts.sum() == 60
    assert "clipped" in str(fitted.summary_)
    with pytest.raises(InputError, match="max_weight above 1"):
        Reweighted(Ridge(), Ramp(), max_weight=1.0).fit(S, y, X_target=T)


def test_weights_that_collapse_are_warned_of():
    S, y, T = _domains(n=200)
    with pytest.warns(WeightsCollapsedWarning, match="200 rows worth 1.0"):
        Reweighted(Ridge(), Spike()).fit(S, y, X_target=T)
    assert not summarise(np.ones(5)).is_collapsed


def test_an_estimator_without_weights_is_refused_by_name_unless_rows_are_drawn():
    S, y, T = _domains()
    with pytest.raises(InputError, match="sample_weight, got KNeighborsClassifier. Pass resample=True"):
        Reweighted(KNeighborsClassifier(), KMM()).fit(S, y, X_target=T)
    fitted = Reweighted(KNeighborsClassifier(), KMM(), resample=True).fit(S, y, X_target=T)
    assert set(fitted.predict(T)) <= {0, 1}
    Reweighted(KNeighborsClassifier(), KMM()).fit(S, y)  # the plain estimator needs none


def test_rows_are_drawn_in_proportion_and_every_class_stays():
    model = Reweighted(LogisticRegression(), Ramp(), resample=True)
    weights = np.array([0.0, 0.5, 1.0, 2.5, 0.0, 2.0])
    counts = np.zeros(6)
    for seed in range(400):
        model.random_state = seed
        drawn = np.bincount(model._drawn(weights, np.zeros(6)), minlength=6)
        assert (np.abs(drawn - weights) < 1).all()
        counts += drawn
    np.testing.assert_allclose(counts / 400, weights, atol=0.1)
    rows = model._drawn(np.array([1.0, 1.0, 1.0, 1e-12]), np.array([0, 0, 0, 1]))
    assert 3 in rows


def test_a_pipeline_passes_weights_to_its_last_step():
    S, y, T = _domains()
    fitted = Reweighted(make_pipeline(StandardScaler(), LogisticRegression()), Ramp()).fit(S, y, X_target=T)
    ramp = 1.0 + np.argsort(np.argsort(S[:, 0]))
    expected = make_pipeline(StandardScaler(), LogisticRegression())
    expected.fit(S, y, logisticregression__sample_weight=ramp / ramp.mean())
    np.testing.assert_allclose(fitted.predict_proba(T), expected.predict_proba(T), rtol=1e-9)
    with pytest.raises(InputError, match="got Pipeline"):
        Reweighted(make_pipeline(StandardScaler(), KNeighborsClassifier()), Ramp()).fit(S, y, X_target=T)


def test_inside_a_pipeline_the_target_goes_through_the_same_scaler():
    S, y, T = _domains()
    scale = np.array([1.0, 100.0, 0.01])
    with sklearn.config_context(enable_metadata_routing=True):
        last = Reweighted(LogisticRegression(), KMM()).set_fit_request(X_target=True)
        piped = make_pipeline(StandardScaler(), last, transform_input=["X_target"])
        piped.fit(S * scale, y, X_target=T * scale)
    scaler = StandardScaler().fit(S * scale)
    expected = KMM().fit(scaler.transform(S * scale), scaler.transform(T * scale))
    np.testing.assert_allclose(piped[-1].weights_, expected.weights_, rtol=1e-9)


@pytest.mark.parametrize("m", [60, 50])
def test_a_search_slices_no_target_rows(m):
    S, y, T = _domains(m=m)  # as many target as source rows: scikit-learn would slice a plain array
    search = GridSearchCV(Reweighted(LogisticRegression(), KMM()), {"estimator__C": [0.1, 1.0]}, cv=3)
    search.fit(S, y, X_target=Unlabelled(T))
    expected = Reweighted(LogisticRegression(C=search.best_params_["estimator__C"]), KMM()).fit(S, y, X_target=T)
    np.testing.assert_array_equal(search.best_estimator_.weights_, expected.weights_)


def test_several_labels_a_row():
    S, y, T = _domains()
    Y = np.column_stack([y, 1 - y, (S[:, 1] > 0).astype(int)])
    fitted = Reweighted(MultiOutputClassifier(LogisticRegression()), KMM()).fit(S, Y, X_target=T)
    assert fitted.predict(T).shape == (50, 3)


def test_sources_are_told_apart_in_the_weights():
    S, y, T = _domains()
    S[:30] += 6
    domains = np.repeat(["far", "near"], 30)
    fitted = Reweighted(Ridge(), NearestNeighbours()).fit(S, y, X_target=T, sample_domain=domains)
    assert fitted.domain_weights_["far"] < fitted.domain_weights_["near"]
    assert fitted.domain_weights_["near"] == pytest.approx(fitted.weights_[30:].mean())
    with pytest.raises(InputError, match="sample_domain of 60 names"):
        Reweighted(Ridge(), KMM()).fit(S, y, X_target=T, sample_domain=["a"])


def test_float32_weights_and_sparse_rows_for_a_classifier_that_takes_them():
    from scipy.sparse import csr_matrix

    S, y, T = _domains()
    S, T = (np.where(np.abs(X) > 0.5, X, 0).astype(np.float32) for X in (S, T))
    weighting = Discriminative(LogisticRegression())
    sparse = Reweighted(LogisticRegression(), weighting).fit(csr_matrix(S), y, X_target=csr_matrix(T))
    dense = Reweighted(LogisticRegression(), clone(weighting)).fit(S, y, X_target=T)
    assert sparse.weights_.dtype == np.float32
    np.testing.assert_allclose(sparse.weights_, dense.weights_, rtol=1e-3)


def test_sparse_rows_too_many_to_make_dense_are_refused(monkeypatch):
    from scipy.sparse import csr_matrix

    from headstart.strategies.instance import _pair

    monkeypatch.setattr(_pair, "LARGEST_DENSE", 100)
    S, y, T = _domains()
    with pytest.raises(InputError, match="sparse X_source of 60 x 3, too large to make dense. Take Discriminative"):
        KMM().fit(csr_matrix(S), csr_matrix(T))


@pytest.mark.parametrize(
    ("weighting", "what"),
    [
        (KMM(bound=0.5), "bound of at least 1"),
        (KMM(solver="fast"), "solver 'auto', 'dense' or 'nystrom'"),
        (KMM(gamma="mean"), "'median'"),
        (Balanced(gamma=1.0), "gamma from 0 to below 1"),
        (NearestNeighbours(smoothing=-1), "smoothing of at least 0"),
    ],
)
def test_settings_that_cannot_be_are_one_line(weighting, what):
    S, y, T = _domains()
    with pytest.raises(InputError, match=what):
        weighting.fit(S, T, y_target=np.array([1] * 50, dtype=object))


def test_nothing_is_warned_of_in_an_ordinary_fit():
    S, y, T = _domains()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Reweighted(LogisticRegression(), KMM()).fit(S, y, X_target=T)
