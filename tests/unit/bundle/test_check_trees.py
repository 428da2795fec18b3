"""Trees of a file that lead outside of themselves are refused before their compiled code follows them."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeRegressor

from headstart.bundle.check_trees import check_trees
from headstart.bundle.head_file import load_head, save_head
from headstart.errors import IntegrityError
from headstart.heads.boosting import Boosting

RNG = np.random.default_rng(0)
X = np.c_[RNG.random((120, 4)), RNG.integers(0, 6, 120)]
Y = (X[:, 0] + (X[:, 4] > 3) > 0.7).astype(int)


def _tree():
    return DecisionTreeRegressor(random_state=0).fit(X, Y)


def _boosted():
    return HistGradientBoostingClassifier(max_iter=2, categorical_features=[4], random_state=0).fit(X, Y)


def _with(tree, **changed):
    """The tree with other numbers in the nodes; what its compiled code would follow."""
    state = tree.__getstate__()
    for name, value in changed.items():
        inner = state["nodes"]["left_child"] != -1
        state["nodes"][name][np.flatnonzero(inner)[0]] = value
    tree.__setstate__(state)


@pytest.mark.parametrize("make", [_tree, _boosted, lambda: RandomForestClassifier(3, random_state=0).fit(X, Y)])
def test_what_was_fitted_is_sound(make):
    model = make()
    check_trees(model, "here")
    check_trees({"models": [(model,)], "others": np.array([model, None], dtype=object)}, "here")


@pytest.mark.parametrize("changed", [{"left_child": 10**6}, {"right_child": 0}, {"feature": 5}, {"feature": -3}])
def test_a_tree_that_leads_elsewhere_is_refused(changed):
    model = _tree()
    _with(model.tree_, **changed)
    with pytest.raises(IntegrityError, match="Do not trust it"):
        check_trees([model], "here")


@pytest.mark.parametrize("changed", [{"left": 10**6}, {"right": 0}, {"feature_idx": 5}, {"bitset_idx": 9}])
def test_a_boosted_tree_that_leads_elsewhere_is_refused(changed):
    model = _boosted()
    nodes = model._predictors[0][0].nodes
    place = np.flatnonzero((nodes["is_leaf"] == 0) & (nodes["is_categorical"] == ("bitset_idx" in changed)))[0]
    for name, value in changed.items():
        nodes[name][place] = value
    with pytest.raises(IntegrityError, match="Do not trust it"):
        check_trees(model, "here")


def test_loading_a_head_looks_at_its_trees(tmp_path):
    head = Boosting(random_state=0).fit(X, Y)
    described = save_head(head, tmp_path)
    assert np.array_equal(load_head(described, tmp_path).predict(X), head.predict(X))
    boosted = next(part for part in vars(head).values() if isinstance(part, HistGradientBoostingClassifier))
    boosted._predictors[0][0].nodes["left"][0] = 10**6
    described = save_head(head, tmp_path)
    with pytest.raises(IntegrityError, match="Do not trust it"):
        load_head(described, tmp_path)
