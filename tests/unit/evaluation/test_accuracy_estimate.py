import numpy as np
import pytest
from scipy.special import softmax

from headstart.errors import InputError, UnknownNameError
from headstart.evaluation.accuracy_estimate import estimate_accuracy
from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES
from headstart.evaluation.accuracy_evidence import BY_FEATURES, BY_PROBABILITIES, accuracy_evidence

METHODS = ("combined", *ACCURACY_ESTIMATES.names())


def _case(n=150, m=120, k=3, seed=0):
    rng = np.random.default_rng(seed)
    y, z = rng.integers(0, k, n), rng.integers(0, k, m)
    proba = [softmax(rng.standard_normal((len(c), k)) + 2 * np.eye(k)[c], axis=1) for c in (y, z)]
    features = [rng.standard_normal((len(c), 4)) + np.eye(4)[c] for c in (y, z)]
    return proba[0], y, proba[1], {"source_features": features[0], "target_features": features[1]}


def test_the_members_are_known():
    assert {*BY_PROBABILITIES, BY_FEATURES} < set(ACCURACY_ESTIMATES.names())
    assert {"importance_weighting", "average_confidence"} < set(ACCURACY_ESTIMATES.names())


def test_agreement_is_asked_only_where_there_are_features():
    source, y, target, features = _case()
    assert set(accuracy_evidence(source, y, target).said) == set(BY_PROBABILITIES)
    assert set(accuracy_evidence(source, y, target, **features).said) == {*BY_PROBABILITIES, BY_FEATURES}


@pytest.mark.parametrize("method", METHODS)
def test_a_score_lies_in_its_interval_and_inputs_stay(method):
    source, y, target, features = _case()
    before = [array.copy() for array in (source, y, target, *features.values())]
    found = estimate_accuracy(source, y, target, method=method, **features)
    assert 0 <= found.low < found.value < found.high <= 1
    assert method in found.rule
    assert found == estimate_accuracy(source, y, target, method=method, **features)
    for array, kept in zip((source, y, target, *features.values()), before, strict=True):
        assert np.array_equal(array, kept)


@pytest.mark.parametrize("method", METHODS)
def test_rows_without_probabilities_are_left_out_on_both_sides(method):
    source, y, target, features = _case()
    source[::7], target[::5] = np.nan, np.nan
    kept = {"source_features": features["source_features"][np.arange(150) % 7 > 0]}
    kept["target_features"] = features["target_features"]
    holes = estimate_accuracy(
        source, y, target, method=method, **kept | {"source_features": features["source_features"]}
    )
    rows = np.arange(150) % 7 > 0
    assert holes == estimate_accuracy(source[rows], y[rows], target, method=method, **kept)


@pytest.mark.parametrize("method", ["combined", "average_confidence", *BY_PROBABILITIES])
def test_the_order_of_rows_and_the_names_of_classes_do_not_matter(method):
    source, y, target, _ = _case()
    found = estimate_accuracy(source, y, target, method=method)
    turned = np.array([2, 0, 1])  # column j holds what column turned[j] held
    codes = np.argsort(turned)[y]
    other = estimate_accuracy(source[::-1][:, turned], codes[::-1], target[::-1][:, turned], method=method)
    assert other.value == pytest.approx(found.value, abs=1e-9)


def test_importance_weighting_without_features_tells_domains_by_their_probabilities():
    source, y, target, _ = _case()
    plain = estimate_accuracy(source, y, target, method="importance_weighting").value
    own = np.mean(source.argmax(axis=1) == y)
    assert plain == pytest.approx(own, abs=0.1)
    assert plain != own


def test_bad_input_is_one_line():
    source, y, target, features = _case()
    with pytest.raises(UnknownNameError, match="accuracy estimate needs a known name, got 'act'. Did you mean 'atc'"):
        estimate_accuracy(source, y, target, method="act")
    with pytest.raises(InputError, match="as many classes as in the source, got shape"):
        estimate_accuracy(source, y, target[:, :2])
    with pytest.raises(InputError, match="needs target rows, got none"):
        estimate_accuracy(source, y, target[:0])
    with pytest.raises(InputError, match="needs source rows, got none"):
        estimate_accuracy(np.full_like(source, np.nan), y, target)
    with pytest.raises(InputError, match="probabilities of 2 classes or more"):
        estimate_accuracy(source[:, :1], y, target)
    with pytest.raises(InputError, match="codes from 0 to 2"):
        estimate_accuracy(source, y + 1, target)
    weighted = {"method": "importance_weighting"}
    with pytest.raises(InputError, match="Agreement needs features of both sides, got none"):
        estimate_accuracy(source, y, target, method="agreement")
    with pytest.raises(InputError, match="Agreement needs features of both sides"):
        estimate_accuracy(source, y, target, source_features=features["source_features"], **weighted)
    with pytest.raises(InputError, match="features of both sides or of none, got one"):
        ACCURACY_ESTIMATES.make("importance_weighting").fit(source, y, source_features=features["source_features"])
    with pytest.raises(InputError, match="one row of target_features a row of probabilities, got 120 for 50"):
        estimate_accuracy(source, y, target[:50], **features)
    with pytest.raises(InputError, match="Give one row a row"):
        estimate_accuracy(source, y, target, **features | {"source_features": np.ones((3, 4))}, **weighted)
    with pytest.raises(InputError, match="as many columns in target_features"):
        estimate_accuracy(source, y, target, **features | {"target_features": np.ones((120, 2))}, **weighted)
    with pytest.raises(InputError, match="finite numbers in target_features"):
        estimate_accuracy(source, y, target, **features | {"target_features": np.full((120, 4), np.nan)}, **weighted)
    with pytest.raises(InputError, match="score out of"):
        ACCURACY_ESTIMATES.make("atc", score="margin")
