"""Sources that mislead are left out, and none where all help."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from headstart.strategies.source_selection import SourceSelection

N_SEEDS = 12


def _drawn(seed, is_misleading, n_each=80, n_target=150):
    rng = np.random.default_rng(seed)
    centres = 1.5 * np.random.default_rng(5).standard_normal((3, 6))
    rows, labels, names = [], [], []
    for name in ("near", "close", "odd", "odder"):
        y = np.arange(n_each) % 3
        is_odd = is_misleading and name.startswith("odd")
        rows.append(centres[y] + rng.standard_normal((n_each, 6)))
        labels.append((y + 1) % 3 if is_odd else y)
        names += [name] * n_each
    z = np.arange(n_target) % 3
    target = centres[z] + rng.standard_normal((n_target, 6))
    return np.concatenate(rows), np.concatenate(labels), np.array(names), target, z


def test_misleading_sources_are_left_out():
    gains, chosen = [], []
    for seed in range(N_SEEDS):
        X, y, names, target, z = _drawn(seed, True)
        few = np.array([v if place < 40 else None for place, v in enumerate(z)], dtype=object)
        model = SourceSelection(LogisticRegression(max_iter=1000))
        model.fit(X, y, X_target=target, y_target=few, sample_domain=names)
        chosen.append(set(model.selected_))
        rest = target[40:], z[40:]
        gains.append(model.score(*rest) - model.source_model_.score(*rest))
    assert sum(not any("odd" in name for name in names) for names in chosen) >= N_SEEDS - 2
    assert np.mean(gains) > 3 * np.std(gains, ddof=1) / np.sqrt(N_SEEDS)


@pytest.mark.parametrize("n_labels", [0, 40])
def test_where_all_sources_help_all_are_kept(n_labels):
    gains, kept = [], 0
    for seed in range(N_SEEDS):
        X, y, names, target, z = _drawn(seed, False)
        few = np.array([v if place < n_labels else None for place, v in enumerate(z)], dtype=object)
        model = SourceSelection(LogisticRegression(max_iter=1000))
        model.fit(X, y, X_target=target, y_target=few, sample_domain=names)
        kept += not model.adapted_
        gains.append(model.score(target, z) - model.source_model_.score(target, z))
    assert kept >= N_SEEDS - 1
    assert min(gains) > -0.02


def test_without_labels_no_choice_does_harm():
    gains = []
    for seed in range(N_SEEDS):
        X, y, names, target, z = _drawn(seed, True)
        X = np.where((names == "odder")[:, None], X + 3, X)
        y = np.where(names == "odd", (y - 1) % 3, y)  # one source misleads, and lies elsewhere
        model = SourceSelection(LogisticRegression(max_iter=1000)).fit(X, y, X_target=target, sample_domain=names)
        gains.append(model.score(target, z) - model.source_model_.score(target, z))
    assert min(gains) > -0.03


def test_numbers_with_a_few_labels():
    gains = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        X, names = rng.standard_normal((180, 3)), np.repeat(["a", "b", "odd"], 60)
        y = X[:, 0] * np.where(names == "odd", -1, 1) + X[:, 1] + 0.1 * rng.standard_normal(180)
        target = rng.standard_normal((120, 3))
        z = target[:, 0] + target[:, 1]
        few = [v if place < 25 else None for place, v in enumerate(z)]
        model = SourceSelection(Ridge()).fit(X, y, X_target=target, y_target=few, sample_domain=names)
        gains.append(model.score(target[25:], z[25:]) - model.source_model_.score(target[25:], z[25:]))
        assert "odd" not in model.selected_
    assert min(gains) > 0
