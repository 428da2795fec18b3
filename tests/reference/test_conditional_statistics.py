"""Conditional statistics against rows and classes taken one by one."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from headstart.errors import InputError
from headstart.strategies.feature.conditional_statistics import ConditionalStatistics, class_statistics
from headstart.testing.alignment_checks import planted


def _by_rows(rows, shares, n_prior, epsilon):
    """Weighted means and variances of each class, prior rows written out as the rows of the domain themselves."""
    means, deviations = [], []
    for share in shares.T:
        weights = np.concatenate([share, np.full(len(rows), n_prior / len(rows))])
        both = np.concatenate([rows, rows])
        mean = np.average(both, axis=0, weights=weights)
        means.append(mean)
        deviations.append(np.sqrt(np.average((both - mean) ** 2, axis=0, weights=weights) + epsilon))
    return np.array(means), np.array(deviations)


@pytest.mark.parametrize("n_prior", [0.0, 3.0, 50.0])
def test_a_classs_statistics_are_weighted_means_with_the_priors_rows_written_out(n_prior):
    rng = np.random.default_rng(0)
    rows, shares = rng.normal(5, 2, (40, 3)), rng.dirichlet(np.ones(4), 40)
    found = class_statistics(rows, shares, n_prior, 1e-3)
    for ours, theirs in zip(found, _by_rows(rows, shares, n_prior, 1e-3), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_class_without_rows_has_the_domains_statistics():
    rows = np.random.default_rng(0).standard_normal((30, 2))
    mean, deviation = class_statistics(rows, np.c_[np.ones(30), np.zeros(30)], 0.0, 0.0)
    np.testing.assert_allclose(mean[1], rows.mean(axis=0))
    np.testing.assert_allclose(deviation[1], rows.std(axis=0))


@pytest.mark.parametrize("with_labels", [False, True])
def test_the_map_is_the_rounds_written_out_row_by_row(with_labels):
    source, y, target, z = planted()
    few = [v if with_labels and place % 4 == 0 else None for place, v in enumerate(z)]
    model = ConditionalStatistics(n_rounds=3, n_prior=4.0, classifier=LogisticRegression(max_iter=2000))
    model.fit(source, target, y_source=y, y_target=few)
    guesser = LogisticRegression(max_iter=2000).fit(source, y)
    level = (source.var(axis=0).mean() + target.var(axis=0).mean()) / 2
    ours = _by_rows(source, np.eye(3)[y], 4.0, 1e-6 * level)

    def normed(x, share, before, after):
        return sum(w * (after[0][k] + after[1][k] * (x - before[0][k]) / before[1][k]) for k, w in enumerate(share))

    whole = [_by_rows(rows, np.ones((len(rows), 1)), 0.0, 1e-6 * level) for rows in (source, target)]
    first = np.array([normed(x, [1.0], whole[1], whole[0]) for x in target])
    image = first
    for _ in range(3):
        shares = guesser.predict_proba(image)
        for place, label in enumerate(few):
            if label is not None:
                shares[place] = np.eye(3)[label]
        theirs = _by_rows(target, shares, 4.0, 1e-6 * level)
        image = np.array([normed(x, share, theirs, ours) for x, share in zip(target, shares, strict=True)])
    np.testing.assert_allclose(model.shares_, shares, atol=1e-9)
    image = first
    for _ in range(2):
        image = [normed(x, s, theirs, ours) for x, s in zip(target, guesser.predict_proba(image), strict=True)]
    np.testing.assert_allclose(model.transform_target(target), image, atol=1e-8)
    assert np.array_equal(model.transform_source(source), source)


def test_with_true_labels_each_class_gets_the_sources_mean_and_deviation():
    source, y, target, z = planted()
    model = ConditionalStatistics(n_rounds=1, n_prior=0.0).fit(source, target, y_source=y, y_target=list(z))
    for k in range(3):
        scale = model.source_[1][k] / model.target_[1][k]
        image = model.source_[0][k] + scale * (target[z == k] - model.target_[0][k])
        np.testing.assert_allclose(image.mean(axis=0), source[y == k].mean(axis=0), atol=1e-8)
        np.testing.assert_allclose(image.std(axis=0), source[y == k].std(axis=0), rtol=1e-3)


def test_wrong_settings_are_refused():
    source, y, target, _ = planted()
    with pytest.raises(InputError, match="n_rounds"):
        ConditionalStatistics(n_rounds=0).fit(source, target, y_source=y)
    with pytest.raises(InputError, match="n_prior"):
        ConditionalStatistics(n_prior=-1).fit(source, target, y_source=y)
    with pytest.raises(InputError, match="LinearSVC"):
        ConditionalStatistics(classifier=LinearSVC()).fit(source, target, y_source=y)
