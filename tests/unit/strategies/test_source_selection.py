"""What SourceSelection tries, chooses and tells."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.errors import InputError
from headstart.strategies._mathematics.domain_distance import proxy_a_distance
from headstart.strategies.source_selection import SourceSelection


def _sources(seed=0, n=60, bad=("far",)):
    """Labels of a bad source are drawn by lot, and its rows lie elsewhere."""
    rng = np.random.default_rng(seed)
    rows, labels, names = [], [], []
    for name in ("a", "b", "far"):
        X = rng.standard_normal((n, 4)) + (3.0 if name in bad else 0.0)
        y = (X[:, 0] + X[:, 1] > 0).astype(int) if name not in bad else rng.integers(0, 2, n)
        rows.append(X)
        labels.append(y)
        names += [name] * n
    target = rng.standard_normal((100, 4))
    return np.concatenate(rows), np.concatenate(labels), np.array(names), target, (target[:, :2].sum(axis=1) > 0) * 1


def test_the_greedy_choice_is_the_best_of_all_choices_where_they_are_few():
    X, y, names, target, z = _sources()
    model = SourceSelection(LogisticRegression()).fit(X, y, X_target=target, y_target=list(z), sample_domain=names)
    scores = {}
    for size in (1, 2, 3):
        for choice in combinations(("a", "b", "far"), size):
            rows = np.isin(names, choice)
            scores[choice] = LogisticRegression().fit(X[rows], y[rows]).score(target, z) - 1
    assert all(scores[choice_of(names)] == pytest.approx(score) for names, score in model.path_)
    assert max(score for _, score in model.path_) == pytest.approx(max(scores.values()))
    assert scores[choice_of(model.selected_)] == pytest.approx(max(scores.values()))


def choice_of(names):
    return tuple(sorted(names))


def test_distances_are_the_proxy_a_distances():
    X, y, names, target, _ = _sources()
    model = SourceSelection(LogisticRegression()).fit(X, y, X_target=target, sample_domain=names)
    for name, found in model.distances_.items():
        assert found == pytest.approx(proxy_a_distance(X[names == name], target))
    assert max(model.distances_, key=model.distances_.get) == "far"
    assert model.selected_[-1] == "far" or "far" not in model.selected_


def test_what_cannot_be_compared_is_said_and_all_sources_are_kept():
    X, y, names, target, _ = _sources()
    plain = LogisticRegression().fit(X, y)
    one = SourceSelection(LogisticRegression()).fit(X, y, X_target=target)
    assert (one.chosen_, one.reason_) == ("source_only", "there is one source alone")
    numbers = SourceSelection(Ridge()).fit(X, y.astype(float), X_target=target, sample_domain=names)
    assert "labels" in numbers.reason_
    assert numbers.selected_ == tuple(sorted(numbers.distances_, key=numbers.distances_.get))
    none = SourceSelection(LogisticRegression()).fit(X, y, sample_domain=names)
    assert np.array_equal(none.predict_proba(target), plain.predict_proba(target))


def test_a_source_of_one_class_is_borne():
    X, y, names, target, z = _sources()
    y = np.where(names == "far", 0, y)
    model = SourceSelection(LogisticRegression()).fit(X, y, X_target=target, y_target=list(z), sample_domain=names)
    assert "far" not in model.selected_


def test_domains_that_do_not_fit_and_wrong_settings_are_refused():
    X, y, names, target, _ = _sources()
    with pytest.raises(InputError, match="domain for each"):
        SourceSelection(LogisticRegression()).fit(X, y, X_target=target, sample_domain=names[:3])
    with pytest.raises(InputError, match="level"):
        SourceSelection(LogisticRegression(), level=2).fit(X, y)
