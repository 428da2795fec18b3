"""Each alignment beats doing nothing under the shift that it was made for, and does no harm without one."""

import numpy as np
import pytest
from scipy.stats import ttest_rel
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from headstart.heads.prototypes import Prototypes
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.easytl import EasyTL
from headstart.strategies.feature.meda import MEDA
from headstart.strategies.feature.registry import ALIGNMENTS

N_SEEDS = 8


def _classes(rng, n, d=10, n_classes=3, spread=2.5):
    centres = spread * np.random.default_rng(5).standard_normal((n_classes, d))
    y = np.arange(n) % n_classes
    return centres[y] + rng.standard_normal((n, d)), y


def _moved(rng):
    """Every target row moved by one vector and stretched."""
    source, y = _classes(rng, 200, spread=1.2)
    target, z = _classes(rng, 180, spread=1.2)
    return source, y, target * 1.3 + 4 * np.sign(np.arange(10) % 2 - 0.5), z


def _turned(rng):
    """The target seen through another linear map."""
    source, y = _classes(rng, 300, spread=1.2)
    target, z = _classes(rng, 280, spread=1.2)
    turn = 0.8 * np.random.default_rng(9).standard_normal((10, 10))
    return source, y, target @ (np.eye(10) + turn @ turn.T), z


def _moons(rng):
    """Two moons, the target turned by 20 degrees and moved."""
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    (source, y), (target, z) = (_two_moons(rng, n) for n in (200, 180))
    return source, y, target @ turn.T + [0.6, -0.4], z


def _two_moons(rng, n):
    y = np.arange(n) % 2
    angle = np.pi * rng.random(n)
    rows = np.where(y[:, None] == 0, np.c_[np.cos(angle), np.sin(angle)], np.c_[1 - np.cos(angle), 0.5 - np.sin(angle)])
    return rows - [0.5, 0.25] + 0.08 * rng.standard_normal((n, 2)), y


def _with_a_domain_axis(rng):
    """Two columns that tell the domain alone, and carry most of the variance."""
    source, y = _classes(rng, 200, spread=1.5)
    target, z = _classes(rng, 180, spread=1.5)
    source = np.c_[source, 8 + 3 * rng.standard_normal((200, 2))]
    return source, y, np.c_[target, -8 + 3 * rng.standard_normal((180, 2))], z


def _many_columns(rng):
    """Sixty columns, rows of unit length; all target rows moved by one vector, and each class by its own."""
    fixed = np.random.default_rng(5)
    centres, move = 0.45 * fixed.standard_normal((3, 60)), 0.8 * fixed.standard_normal(60)
    own = 0.3 * fixed.standard_normal((3, 60))
    y, z = np.arange(200) % 3, np.arange(180) % 3
    source = centres[y] + rng.standard_normal((200, 60))
    target = (centres + own)[z] + move + rng.standard_normal((180, 60))
    return _unit(source), y, _unit(target), z


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _gains(shift, model, plain):
    """(n_seeds,) accuracy above the plain classifier's."""
    gains = []
    for seed in range(N_SEEDS):
        source, y, target, z = shift(np.random.default_rng(seed))
        adapted = model.fit(source, y, X_target=target).score(target, z)
        gains.append(adapted - plain.fit(source, y).score(target, z))
    return np.array(gains)


MADE_FOR = {
    "standardise": (_moved, {}),
    "conditional_statistics": (_moved, {}),
    "coral": (_turned, {"regularization": 0.01}),
    "linear_monge": (_turned, {}),
    "subspace_alignment": (_moved, {}),
    "optimal_transport": (_moons, {}),
    "sinkhorn": (_moons, {"entropy": 0.02}),
    "class_transport": (_moons, {"entropy": 0.02}),
    "minibatch_transport": (_moons, {"entropy": 0.02}),
    "tca": (_with_a_domain_axis, {"n_components": 4, "regularization": 1e-3}),
    "jda": (_many_columns, {"n_components": 10}),
    "bda": (_many_columns, {"n_components": 10}),
    "tjm": (_with_a_domain_axis, {"n_components": 4, "regularization": 1e-3}),
    "mida": (_with_a_domain_axis, {"n_components": 4, "variance": 1e-2}),
}


@pytest.mark.parametrize("name", sorted(MADE_FOR))
def test_it_beats_the_plain_classifier_under_its_shift(name):
    shift, settings = MADE_FOR[name]
    gains = _gains(shift, Aligned(KNeighborsClassifier(5), ALIGNMENTS.make(name, **settings)), KNeighborsClassifier(5))
    assert gains.mean() > 0.03
    assert ttest_rel(gains, np.zeros(len(gains)), alternative="greater").pvalue < 0.01


@pytest.mark.parametrize("name", ["jda", "bda", "tca", "tjm"])
def test_more_rows_do_not_undo_the_gain(name):
    """Rows of any length: a penalty that fades with them lets joint methods remove the classes themselves."""
    few, many, plain = (np.zeros(N_SEEDS) for _ in range(3))
    for seed in range(N_SEEDS):
        target, z = _long_rows(np.random.default_rng([seed, 1]), 2000)[2:]
        for n, found in ((200, few), (4000, many)):
            source, y, others, _ = _long_rows(np.random.default_rng([seed, n]), n)
            model = Aligned(Prototypes(), ALIGNMENTS.make(name, n_components=10))
            found[seed] = model.fit(source, y, X_target=others).score(target, z)
        plain[seed] = Prototypes().fit(source, y).score(target, z)
    assert (many - few).mean() > 0
    assert ttest_rel(many, plain, alternative="greater").pvalue < 0.01


def _long_rows(rng, n):
    """``_many_columns`` in its own unit, and with classes that overlap: guesses are wrong now and then."""
    fixed = np.random.default_rng(5)
    centres, move = 0.27 * fixed.standard_normal((3, 60)), 0.8 * fixed.standard_normal(60)
    own = 0.18 * fixed.standard_normal((3, 60))
    y = np.arange(n) % 3
    source, target = (rng.standard_normal((n, 60)) for _ in range(2))
    return source + centres[y], y, target + (centres + own)[y] + move, y


def _same(rng):
    source, y = _classes(rng, 200)
    target, z = _classes(rng, 180)
    return source, y, target, z


@pytest.mark.parametrize("name", ALIGNMENTS.names())
def test_it_does_no_harm_without_a_shift(name):
    gains = _gains(
        _same, Aligned(LogisticRegression(max_iter=5000), ALIGNMENTS.make(name)), LogisticRegression(max_iter=5000)
    )
    assert gains.mean() > -0.02


@pytest.mark.parametrize("model", [EasyTL(), MEDA()], ids=["easytl", "meda"])
def test_methods_that_predict_beat_the_nearest_neighbours_where_the_domain_moves(model):
    gains = _gains(_moved, model, KNeighborsClassifier(5))
    assert gains.mean() > 0.03
    assert _gains(_same, model, KNeighborsClassifier(5)).mean() > -0.02


def test_few_target_labels_beside_augmented_columns_beat_the_source_alone():
    gains = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        source, y = _classes(rng, 300, spread=1.0)
        target, z = _classes(rng, 300, spread=1.0)
        z = (z + 1) % 3  # the same rows mean other classes
        given = np.full(300, None, dtype=object)
        given[:40] = z[:40]
        plain = LogisticRegression().fit(source, y).score(target[40:], z[40:])
        model = Aligned(LogisticRegression(), ALIGNMENTS.make("feature_augmentation"))
        gains.append(model.fit(source, y, X_target=target, y_target=given).score(target[40:], z[40:]) - plain)
    assert min(gains) > 0.1
