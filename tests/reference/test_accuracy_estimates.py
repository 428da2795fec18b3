"""Each estimate of accuracy against a brute or independent computation."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from headstart.evaluation._cross_fitting import spread_parts, target_probabilities
from headstart.evaluation.accuracy_estimate import FALL, estimate_accuracy
from headstart.evaluation.accuracy_estimates.registry import ACCURACY_ESTIMATES


def _case(n=120, m=90, k=4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    source = softmax(rng.standard_normal((n, k)) + 2.5 * np.eye(k)[y], axis=1)
    target = softmax(rng.standard_normal((m, k)) * 1.2 + 1.2 * np.eye(k)[rng.integers(0, k, m)], axis=1)
    return source, y, target


def _tempered(source, y, *others):
    """Probabilities at the temperature that scipy's search over its logarithm finds."""
    loss = lambda t: -log_softmax(np.log(source) / np.exp(t), axis=1)[np.arange(len(y)), y].mean()  # noqa: E731
    t = np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x)
    return [softmax(np.log(p) / t, axis=1) for p in (source, *others)]


def _estimate(name, source, y, target, **settings):
    return ACCURACY_ESTIMATES.make(name, **settings).fit(source, y).estimate(target)


@pytest.mark.parametrize("seed", range(4))
def test_confidences_are_those_of_the_tempered_probabilities(seed):
    source, y, target = _case(seed=seed)
    P, Q = _tempered(source, y, target)
    own = np.mean(source.argmax(axis=1) == y)
    assert _estimate("average_confidence", source, y, target) == pytest.approx(Q.max(axis=1).mean(), abs=1e-6)
    fall = P.max(axis=1).mean() - Q.max(axis=1).mean()
    assert _estimate("difference_of_confidences", source, y, target) == pytest.approx(own - fall, abs=1e-6)
    raw = _estimate("difference_of_confidences", source, y, target, is_calibrated=False)
    assert raw == pytest.approx(own - source.max(axis=1).mean() + target.max(axis=1).mean(), abs=1e-12)


@pytest.mark.parametrize("score", ["max_confidence", "negative_entropy"])
@pytest.mark.parametrize("seed", range(4))
def test_atc_is_the_threshold_that_brute_search_finds(score, seed):
    source, y, target = _case(seed=seed)
    P, Q = _tempered(source, y, target)
    scored = [p.max(axis=1) if score == "max_confidence" else np.sum(p * np.log(p), axis=1) for p in (P, Q)]
    n_wrong = int(np.sum(source.argmax(axis=1) != y))
    exact = [t for t in scored[0] if np.sum(scored[0] < t) == n_wrong]
    found = _estimate("atc", source, y, target, score=score)
    assert found == pytest.approx(np.mean(scored[1] >= exact[0]), abs=1.5 / len(target))


def test_atc_gives_the_sources_own_accuracy_back_in_spite_of_ties():
    rng = np.random.default_rng(0)
    tops = rng.choice([0.5, 0.7, 0.9], 200)
    proba, y = np.column_stack([tops, 1 - tops]), (rng.random(200) > tops).astype(int)
    assert _estimate("atc", proba, y, proba) == pytest.approx(np.mean(proba.argmax(axis=1) == y), abs=1e-12)
    assert _estimate("atc", proba, np.zeros(200, int), proba) == pytest.approx(1.0)
    assert _estimate("atc", proba, np.ones(200, int), proba, is_calibrated=False) == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(4))
def test_confidence_transport_is_the_best_assignment_to_copies_of_the_classes(seed):
    source, y, target = _case(n=400, m=80, k=3, seed=seed)
    rows = np.concatenate([np.flatnonzero(y == c)[:n] for c, n in enumerate((15, 30, 15))])
    source, y = source[rows], y[rows]
    slots = np.repeat([0, 1, 2], [20, 40, 20])  # as many places as rows, in the source's shares
    _, Q = _tempered(source, y, target)
    costs = 1 - Q[:, slots]
    best = costs[linear_sum_assignment(costs)].mean()
    assert _estimate("confidence_transport", source, y, target) == pytest.approx(1 - best, abs=1e-6)


def test_importance_weighting_is_the_weighted_mean_by_refitted_odds():
    source, y, target = _case()
    rng = np.random.default_rng(1)
    S, T = rng.standard_normal((120, 3)), rng.standard_normal((90, 3)) + 0.5
    method = ACCURACY_ESTIMATES.make("importance_weighting", classifier=LogisticRegression(), n_folds=4)
    found = method.fit(source, y, source_features=S, target_features=T).estimate(target)
    X, codes = np.concatenate([S, T]), np.repeat([0, 1], [120, 90])
    part, weights = spread_parts(codes, 4, 0), np.empty(120)
    for fold in range(4):
        model = LogisticRegression().fit(X[part != fold], codes[part != fold])
        rows = np.flatnonzero(part[:120] == fold)
        weights[rows] = np.exp(X[rows] @ model.coef_[0] + model.intercept_[0])
        weights[rows] *= np.sum(codes[part != fold] == 0) / np.sum(codes[part != fold] == 1)
    is_right = source.argmax(axis=1) == y
    assert found == pytest.approx(np.sum(weights * is_right) / weights.sum(), rel=1e-9)
    assert method.effective_sample_size_ == pytest.approx(weights.sum() ** 2 / np.sum(weights**2), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_the_ratio_of_the_shares_on_which_two_models_say_the_same(seed):
    source, y, target = _case(seed=seed)
    rng = np.random.default_rng(seed)
    S, T = rng.standard_normal((120, 4)) + np.eye(4)[y], rng.standard_normal((90, 4)) + 0.5
    method = ACCURACY_ESTIMATES.make("agreement", estimator=LogisticRegression(), n_folds=3)
    found = method.fit(source, y, source_features=S, target_features=T).estimate(target)
    part, said = spread_parts(y, 3, 0), np.empty(120, int)
    for fold in range(3):
        said[part == fold] = LogisticRegression().fit(S[part != fold], y[part != fold]).predict(S[part == fold])
    shares = (
        np.mean(said == source.argmax(axis=1)),
        np.mean(LogisticRegression().fit(S, y).predict(T) == target.argmax(axis=1)),
    )
    own = np.mean(source.argmax(axis=1) == y)
    assert found == pytest.approx(min(1, own * shares[1] / shares[0]), abs=1e-12)
    assert (method.source_agreement_, method.target_agreement_) == pytest.approx(shares, abs=1e-12)


def test_parts_are_even_and_domains_alike_give_a_half():
    codes = np.repeat([0, 1], [23, 41])
    part = spread_parts(codes, 5, 0)
    counts = np.array([[np.sum((part == p) & (codes == c)) for p in range(5)] for c in (0, 1)])
    assert np.ptp(counts, axis=1).max() <= 1
    rng = np.random.default_rng(0)
    of_source, of_target = target_probabilities(rng.standard_normal((900, 2)), rng.standard_normal((300, 2)))
    assert np.concatenate([of_source, of_target]).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_is_the_formula_that_its_docstring_states(seed):
    source, y, target = _case(seed=seed)
    own = np.mean(source.argmax(axis=1) == y)
    said = [_estimate(n, source, y, target) for n in ("atc", "confidence_transport", "difference_of_confidences")]
    found = estimate_accuracy(source, y, target)
    value = own - FALL.slope * (own - (said[1] + min(said)) / 2)
    assert found.value == pytest.approx(max(value, 1 / 4), abs=1e-12)
    apart = max(own, *said) - min(own, *said)
    square = FALL.spread**2 * (FALL.least**2 + apart**2)
    square += 4 * found.value * (1 - found.value) / 90 + 4 * own * (1 - own) / 120
    assert found.high == pytest.approx(min(1, found.value + np.sqrt(square)), abs=1e-12)
    assert found.low == pytest.approx(max(0, found.value - np.sqrt(square)), abs=1e-12)


def test_class_weighting_is_the_recall_by_the_solved_shares():
    source, y, target = _case(n=400)
    C = np.array([[np.mean(source[:, i] * (y == j)) for j in range(4)] for i in range(4)])
    shares = np.maximum(np.linalg.solve(C, target.mean(axis=0)), 0) * np.bincount(y) / 400
    recall = [np.mean(source[y == c].argmax(axis=1) == c) for c in range(4)]
    assert _estimate("class_weighting", source, y, target) == pytest.approx(shares @ recall / shares.sum(), rel=1e-9)
