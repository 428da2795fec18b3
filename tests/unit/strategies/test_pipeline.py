"""A pipeline whose earlier steps see the target too."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as plain_pipeline
from sklearn.preprocessing import StandardScaler

import headstart as hs
from headstart.errors import InputError
from headstart.testing.two_domains import two_domains


def _data():
    data = two_domains(n_source=60, n_target=60, n_classes=2)
    stretch = np.array([1, 10, 100, 1000.0])
    return data.source * stretch, data.y_source, data.target * stretch, data.y_target


def _model():
    return hs.make_pipeline(StandardScaler(), hs.Aligned(LogisticRegression(max_iter=1000), hs.Coral()))


def test_a_scaler_before_it_scales_the_target_as_by_hand():
    source, y, target, few = _data()
    before = source.copy(), target.copy()
    model = _model().fit(source, y, X_target=target, y_target=few)
    scaler = StandardScaler().fit(source)
    by_hand = hs.Aligned(LogisticRegression(max_iter=1000), hs.Coral())
    by_hand.fit(scaler.transform(source), y, X_target=scaler.transform(target), y_target=few)
    assert np.array_equal(model.predict_proba(target), by_hand.predict_proba(scaler.transform(target)))
    assert np.array_equal(before[0], source)
    assert np.array_equal(before[1], target)
    names = np.full(len(source), "source")
    expected = by_hand.predict(scaler.transform(source), sample_domain=names)
    assert np.array_equal(model.predict(source, sample_domain=names), expected)


def test_a_target_that_is_passed_raw_past_a_scaler_is_caught():
    source, y, target, _ = _data()
    raw = plain_pipeline(StandardScaler(), hs.Aligned(LogisticRegression(max_iter=1000), hs.Coral()))
    raw.fit(source, y, aligned__X_target=target)  # scikit-learn lets it by
    right = _model().fit(source, y, X_target=target)
    assert not np.allclose(raw[-1].alignment_.coef_, right[-1].alignment_.coef_)
    with pytest.raises(InputError, match="past the steps"):
        _model().fit(source, y, aligned__X_target=target)
    with pytest.raises(InputError, match="X_targets"):
        _model().fit(source, y, X_targets=target)


@pytest.mark.parametrize("is_routed", [False, True])
def test_a_search_leaves_the_target_whole_with_routing_and_without(is_routed):
    source, y, target, _ = _data()
    with sklearn.config_context(enable_metadata_routing=is_routed):
        search = GridSearchCV(_model(), {"aligned__alignment__regularization": [0.1, 1.0]}, cv=3)
        search.fit(source, y, X_target=hs.Unlabelled(target))
    best = search.best_estimator_
    assert best[-1].adapted_
    by_hand = _model().set_params(**search.best_params_).fit(source, y, X_target=target)
    assert np.array_equal(search.predict_proba(target), by_hand.predict_proba(target))


def test_the_search_s_folds_all_see_the_whole_target():
    source, y, target, _ = _data()
    seen = []

    class Noting(hs.Aligned):
        def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
            seen.append(len(X_target))
            return super().fit(X, y, X_target=X_target)

    model = hs.make_pipeline(StandardScaler(), Noting(LogisticRegression(), hs.Coral()))
    cross_val_score(model, source, y, cv=3, params={"X_target": hs.Unlabelled(target)})
    assert seen == [60, 60, 60]


def test_it_is_a_pipeline_with_and_without_a_target():
    source, y, target, _ = _data()
    model = _model()
    assert isinstance(model, Pipeline)
    assert model.transform_input == ["X_target"]
    plain = clone(model).fit(source, y)
    by_hand = plain_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(source, y)
    assert np.array_equal(plain.predict_proba(target), by_hand.predict_proba(target))
    assert not plain[-1].adapted_
    alone = hs.make_pipeline(hs.Aligned(LogisticRegression(max_iter=1000), hs.Coral()))
    assert alone.fit(source, y, X_target=hs.Unlabelled(target))[-1].adapted_
    nested = hs.make_pipeline(
        StandardScaler(), hs.Reweighted(plain_pipeline(StandardScaler(), LogisticRegression()), hs.KMM())
    )
    assert nested.fit(source, y, X_target=target)[-1].adapted_


def test_a_last_step_without_a_target_is_refused():
    with pytest.raises(InputError, match="LogisticRegression"):
        hs.make_pipeline(StandardScaler(), LogisticRegression())
    with pytest.raises(InputError, match="none"):
        hs.make_pipeline()


def test_metadata_routing_stays_as_it_was():
    source, y, target, _ = _data()
    _model().fit(source, y, X_target=target)
    assert not sklearn.get_config()["enable_metadata_routing"]
    code = "import headstart as hs; hs.make_pipeline; import sklearn; "
    code += "assert not sklearn.get_config()['enable_metadata_routing']"
    subprocess.run([sys.executable, "-c", code], check=True)
