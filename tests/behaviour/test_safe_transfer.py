"""SafeTransfer hands over the source-only model where transfer harms, and an adapted one where it helps."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.strategies.safe_transfer import SafeTransfer

N_SEEDS = 12
STRATEGIES = ("coral", "standardise", "optimal_transport")


def _classes(rng, n, shares=None, d=10):
    centres = 1.2 * np.random.default_rng(5).standard_normal((3, d))
    y = rng.choice(3, n, p=shares)
    return centres[y] + rng.standard_normal((n, d)), y


def _negative(rng):
    """The target's classes come in other shares: aligning moments or masses moves rows of one class onto another."""
    return *_classes(rng, 200), *_classes(rng, 200, [0.85, 0.1, 0.05])


def _same(rng):
    return *_classes(rng, 200), *_classes(rng, 200)


def _noise(rng):
    """Columns that say nothing about overlapping classes: there are no clusters to find."""
    source, target = rng.standard_normal((200, 5)), rng.standard_normal((200, 5)) + [1, 0, 0, 0, 0]
    y, z = ((rows.sum(axis=1) / 2 + 0.5 * rng.standard_normal(200) > 0).astype(int) for rows in (source, target))
    return source, y, target, z


def _helpful(rng):
    source, y = _classes(rng, 200)
    target, z = _classes(rng, 200)
    return source, y, target * 1.3 + 4 * np.sign(np.arange(10) % 2 - 0.5), z


def _fits(shift, n_labels=0, strategies=STRATEGIES):
    for seed in range(N_SEEDS):
        source, y, target, z = shift(np.random.default_rng(seed))
        few = np.array([label if place < n_labels else None for place, label in enumerate(z)], dtype=object)
        model = SafeTransfer(LogisticRegression(max_iter=2000), strategies, calibrate=False)
        yield model.fit(source, y, X_target=target, y_target=few), target[n_labels:], z[n_labels:]


@pytest.mark.parametrize("n_labels", [0, 25])
@pytest.mark.parametrize("shift", [_negative, _same, _noise])
def test_where_transfer_harms_the_source_only_model_is_handed_over(shift, n_labels):
    fits = list(_fits(shift, n_labels))
    assert sum(model.chosen_ == "source_only" for model, _, _ in fits) >= N_SEEDS - 1
    if shift is _negative:  # the harm is real
        assert np.mean([model.score(target, z) for model, target, z in fits]) > 0.9
        assert np.mean([evidence.gain for model, _, _ in fits for evidence in model.evidence_]) < -0.2


@pytest.mark.parametrize("n_labels", [0, 40])
def test_where_transfer_helps_an_adapted_model_is_handed_over(n_labels):
    fits = list(_fits(_helpful, n_labels))
    in_need = [model.adapted_ for model, target, z in fits if model.source_model_.score(target, z) < 0.6]
    assert len(in_need) >= N_SEEDS // 2
    if n_labels:
        assert all(in_need)
    else:  # the further off the source-only model is, the less both agree on; the nearer, the better teacher it is too
        assert sum(model.adapted_ for model, _, _ in fits) >= N_SEEDS // 3
    gains = np.array([model.score(T, z) - model.source_model_.score(T, z) for model, T, z in fits])
    assert gains.min() >= 0
    assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(N_SEEDS)


def test_too_few_labels_to_prove_anything_can_still_object():
    for model, target, z in _fits(_helpful, 3):
        assert {each.rule for each in model.evidence_} <= {"judges", "carried back"}
        assert model.score(target, z) >= model.source_model_.score(target, z)


def _crowd(rng, shares=None, n=300):
    """Eight classes far apart."""
    y = rng.choice(8, n, p=shares)
    return 3 * np.random.default_rng(5).standard_normal((8, 6))[y] + rng.standard_normal((n, 6)), y


def test_other_shares_of_many_classes_do_not_pass_for_moved_rows():
    shares = np.r_[0.93, np.full(7, 0.01)]
    fits = list(_fits(lambda rng: (*_crowd(rng), *_crowd(rng, shares))))
    evidence = [each for model, _, _ in fits for each in model.evidence_]
    assert sum(each.rule == "carried back" for each in evidence) >= N_SEEDS  # the two models agree on next to nothing
    assert not any(model.adapted_ for model, _, _ in fits)
    assert np.mean([model.score(target, z) for model, target, z in fits]) > 0.9


def test_where_the_source_only_model_sees_one_class_the_better_teacher_is_handed_over():
    """Too strong a penalty for such small columns; principal components of both domains are larger."""

    def small(rng):
        centres = np.random.default_rng(5).standard_normal((2, 10))
        y, z = (rng.choice(2, 300, p=[0.6, 0.4]) for _ in range(2))
        source, target = (0.005 * (centres[codes] + 0.7 * rng.standard_normal((300, 10))) for codes in (y, z))
        return source, y, target, z

    fits = list(_fits(small, strategies=["tca", "coral"]))
    assert np.mean([model.source_model_.score(target, z) for model, target, z in fits]) < 0.65
    assert sum(model.adapted_ for model, _, _ in fits) >= N_SEEDS // 2
    assert {each.rule for model, _, _ in fits for each in model.evidence_} >= {"carried back"}
    assert np.mean([model.score(target, z) for model, target, z in fits if model.adapted_]) > 0.9


class ByCluster(LogisticRegression):
    """Gives every cluster of the target the class that the plain model says of most of its rows."""

    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        super().fit(X, y)
        self.clusters_ = KMeans(8, n_init=3, random_state=0).fit(X_target)
        counts = np.zeros((8, 2))
        np.add.at(counts, (self.clusters_.labels_, super().predict(X_target)), 1)
        self.words_ = counts.argmax(axis=1)
        return self

    def predict(self, X, *, sample_domain=None):
        return super().predict(X) if sample_domain is not None else self.words_[self.clusters_.predict(X)]


def _grouped(rng, n=300):
    """Eight clusters of both classes each, one a little more frequent; a single column tells the classes."""
    group = rng.integers(0, 8, n)
    y = (rng.random(n) < np.where(group % 2, 0.62, 0.38)).astype(int)
    rows = 4 * np.eye(8)[group] + 0.7 * rng.standard_normal((n, 8))
    return np.column_stack([rows, 2 * y - 1 + 0.8 * rng.standard_normal(n)]), y


def test_a_strategy_that_shares_the_judges_errors_is_refused():
    fits = list(_fits(lambda rng: (*_grouped(rng), *_grouped(rng)), strategies=[ByCluster(max_iter=2000)]))
    plain = np.mean([model.source_model_.score(target, z) for model, target, z in fits])
    by_cluster = ByCluster(max_iter=2000)
    rng = np.random.default_rng(0)
    (source, y), (target, z) = _grouped(rng), _grouped(rng)
    harm = by_cluster.fit(source, y, X_target=target).score(target, z)
    assert harm < plain - 0.2
    evidence = [model.evidence_[0] for model, _, _ in fits]
    fooled = [each for each in evidence if each.gain > 0.05 and each.p_value < 0.01]
    assert len(fooled) >= N_SEEDS // 2  # the judges of the target by themselves would hand it over
    assert all("read the source's labels worse" in each.against for each in fooled)
    assert not any(model.adapted_ for model, _, _ in fits)


def _numbers(seed, is_shifted):
    """A straight line fitted to a curve: where it should fit depends on where the target lies."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(400, 2))
    target = np.column_stack([rng.normal(1.0 * is_shifted, 1 - 0.5 * is_shifted, 300), rng.normal(size=300)])
    y, z = (0.5 * rows[:, 0] ** 2 + rows[:, 1] + 0.1 * rng.normal(size=len(rows)) for rows in (source, target))
    return source, y, target, z


def test_regressors_by_weighted_errors():
    gains, chosen = [], []
    for seed in range(N_SEEDS):
        source, y, target, z = _numbers(seed, True)
        model = SafeTransfer(Ridge(), ["discriminative", "coral"]).fit(source, y, X_target=target)
        chosen.append(model.chosen_)
        gains.append(model.score(target, z) - model.source_model_.score(target, z))
    assert chosen.count("discriminative") >= N_SEEDS // 2
    assert min(gains) > -0.02
    n_adapted = 0
    for seed in range(N_SEEDS):
        source, y, target, z = _numbers(seed, False)
        model = SafeTransfer(Ridge(), ["discriminative", "coral"]).fit(source, y, X_target=target)
        n_adapted += model.adapted_
        assert model.score(target, z) > model.source_model_.score(target, z) - 0.02
    assert n_adapted <= 2
