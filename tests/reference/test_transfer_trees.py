"""Trees moved to a target against scikit-learn's own answers, an exhaustive search, and the definitions."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from headstart.strategies._open_set import UnseenClassWarning
from headstart.strategies.instance._tree_nodes import Node, expanded_and_reduced, new_threshold, nodes_of, restructured
from headstart.strategies.instance.transfer_forest import TransferForest
from headstart.strategies.instance.transfer_tree import TransferTree


def _data(seed, n=200, m=40, shift=0.5):
    rng = np.random.default_rng(seed)
    S, T = rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(m + 300, 3)).astype(np.float32)
    y = (S[:, 0] > 0).astype(int) + (S[:, 1] > 0.8)
    z = (T[:, 0] > shift).astype(int) + (T[:, 1] > 0.8 + shift)
    return S, y, T[:m], z[:m], T[m:], z[m:]


@pytest.mark.parametrize("seed", range(3))
def test_the_nodes_answer_as_scikit_learn_s_tree(seed):
    S, y, _, _, T, _ = _data(seed)
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(S, y, sample_weight=np.arange(1, 201))
    np.testing.assert_allclose(nodes_of(model, 3).shares(T), model.predict_proba(T), rtol=1e-12)


def _leaves(node):
    return [node] if node.left is None else _leaves(node.left) + _leaves(node.right)


def _inner(node, X, codes):
    """(node, rows that reach it, their classes) of every inner node."""
    if node.left is None:
        return []
    left = X[:, node.feature] <= node.threshold
    below = _inner(node.left, X[left], codes[left]) + _inner(node.right, X[~left], codes[~left])
    return [(node, X, codes), *below]


@pytest.mark.parametrize("seed", range(4))
def test_ser_makes_no_error_on_the_target_and_splits_none_in_vain(seed):
    S, y, F, f, _, _ = _data(seed)
    grow = lambda rows, codes: nodes_of(DecisionTreeClassifier(random_state=0).fit(rows, codes), 3)  # noqa: E731
    root = nodes_of(DecisionTreeClassifier(max_depth=5, random_state=0).fit(S, y), 3)
    moved = expanded_and_reduced(root, F, f, grow)
    assert moved.n_errors(F, f) == 0  # full trees below the leaves
    for node, X, codes in _inner(moved, F, f):
        if len(codes):
            assert len(codes) - np.bincount(codes).max() > node.n_errors(X, codes)


def test_ser_leaves_alone_what_no_target_row_reaches():
    leaf = [Node(np.array([1.0, 0.0])), Node(np.array([0.0, 1.0]))]
    unseen = Node(np.array([2.0, 2.0]), 1, 0.0, leaf[0], leaf[1])
    root = Node(np.array([4.0, 3.0]), 0, 0.0, unseen, Node(np.array([1.0, 2.0])))
    X, codes = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([0, 0])
    moved = expanded_and_reduced(root, X, codes, lambda rows, labels: leaf[0])
    assert moved.left is None  # both target rows are of one class: one leaf suffices
    X, codes = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), np.array([0, 1, 0])
    grown = nodes_of(DecisionTreeClassifier().fit(X, codes), 2)
    moved = expanded_and_reduced(root, X, codes, lambda rows, labels: grown)
    assert moved.left is unseen
    assert moved.right is grown


@pytest.mark.parametrize("seed", range(8))
def test_the_new_threshold_is_the_best_of_an_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    values, codes = np.round(rng.normal(size=30), 1), rng.integers(0, 3, 30)
    a, b = rng.dirichlet(np.ones(3)) * 7, rng.dirichlet(np.ones(3)) * 5
    node = Node(a + b, 0, 0.1, Node(a), Node(b))
    cuts = np.unique(values)
    cuts = (cuts[1:] + cuts[:-1]) / 2

    def shares(mask):
        return np.bincount(codes[mask], minlength=3) / mask.sum()

    gains = [
        -sum((side.mean()) * entropy(shares(side), base=2) for side in (values <= cut, values > cut)) for cut in cuts
    ]
    best = (-np.inf, None, None)
    for place, cut in enumerate(cuts):
        around = gains[max(0, place - 1) : place + 2]
        if gains[place] < max(around) - 1e-12:
            continue
        for is_swapped, (p, q) in enumerate([(a, b), (b, a)]):
            left = values <= cut
            like = 1 - left.mean() * jensenshannon(shares(left), p, base=2) ** 2
            like -= (1 - left.mean()) * jensenshannon(shares(~left), q, base=2) ** 2
            if like > best[0] + 1e-12:
                best = (like, cut, bool(is_swapped))
    threshold, is_swapped = new_threshold(node, values, codes)
    assert threshold == pytest.approx(best[1], abs=1e-12)
    assert is_swapped is best[2]


def test_strut_follows_a_threshold_that_moved_and_a_feature_that_turned():
    rng = np.random.default_rng(0)
    S, F = rng.uniform(-1, 1, (300, 1)), rng.uniform(-1, 1, (200, 1))
    root = nodes_of(DecisionTreeClassifier(max_depth=1).fit(S, (S[:, 0] > 0).astype(int)), 2)
    moved = restructured(root, F, (F[:, 0] > 0.4).astype(int))
    assert moved.threshold == pytest.approx(0.4, abs=0.03)
    turned = restructured(root, F, (F[:, 0] < -0.3).astype(int))
    assert turned.threshold == pytest.approx(-0.3, abs=0.03)
    assert turned.n_errors(F, (F[:, 0] < -0.3).astype(int)) == 0


def _few(labels):
    return np.array(labels.tolist(), dtype=object)


@pytest.mark.parametrize(
    "model",
    [
        TransferTree(DecisionTreeClassifier(max_depth=4, random_state=0), method="ser"),
        TransferTree(DecisionTreeClassifier(max_depth=4, random_state=0), method="strut"),
        TransferForest(RandomForestClassifier(20, random_state=0)),
    ],
    ids=["ser", "strut", "forest"],
)
def test_where_thresholds_moved_it_beats_the_source_and_a_forest_the_few_labels_too(model):
    over_source, over_few = [], []
    for seed in range(12):
        S, y, F, f, T, z = _data(seed, m=25)
        source, few = (type(model.estimator)(**model.estimator.get_params()) for _ in range(2))
        moved = model.fit(S, y, X_target=F, y_target=_few(f)).score(T, z)
        over_source.append(moved - source.fit(S, y).score(T, z))
        over_few.append(moved - few.fit(F, f).score(T, z))
    assert np.mean(over_source) > 3 * np.std(over_source, ddof=1) / np.sqrt(12)
    if isinstance(model, TransferForest):
        assert np.mean(over_few) > 3 * np.std(over_few, ddof=1) / np.sqrt(12)


def test_a_class_that_only_the_target_has_is_learnt():
    rng = np.random.default_rng(0)
    S, T = rng.normal(size=(200, 2)), rng.normal(size=(260, 2))
    z = (T[:, 0] > 0).astype(int) + (T[:, 1] > 0)
    model = TransferForest(RandomForestClassifier(10, random_state=0))
    with pytest.warns(UnseenClassWarning, match=r"\[2\]"):
        model.fit(S, (S[:, 0] > 0).astype(int), X_target=T[:60], y_target=_few(z[:60]))
    assert model.classes_.tolist() == [0, 1, 2]
    assert (model.predict(T[60:])[z[60:] == 2] == 2).mean() > 0.5
