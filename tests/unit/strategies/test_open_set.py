"""A class that only target labels have is told by every kind of strategy."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import headstart as hs
from headstart.strategies._open_set import UnseenClassWarning, tell_unseen_classes
from headstart.strategies.feature.meda import MEDA
from headstart.strategies.instance.tradaboost import TrAdaBoost
from headstart.testing.two_domains import two_domains

MODELS = {
    "aligned": hs.Aligned(LogisticRegression(max_iter=1000), hs.Coral()),
    "reweighted": hs.Reweighted(LogisticRegression(max_iter=1000), hs.KMM()),
    "meda": MEDA(),
    "tradaboost": TrAdaBoost(LogisticRegression(max_iter=1000)),
    "safe": hs.SafeTransfer(LogisticRegression(max_iter=1000), ["coral"]),
}


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("classes", [["a", "bb", "a new one"], [0, 1, 7]], ids=["text", "number"])
def test_it_is_told_once_and_seen_classes_are_not(name, classes):
    data = two_domains(n_classes=2)
    names = np.array(classes)
    labels = np.array([None if y is None else names[y] for y in data.y_target], dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnseenClassWarning)
        MODELS[name].fit(data.source, names[data.y_source], X_target=data.target, y_target=labels)
    labels[:6:3] = names[2]
    with pytest.warns(UnseenClassWarning, match=str(classes[2])) as told:
        MODELS[name].fit(data.source, names[data.y_source], X_target=data.target, y_target=labels)
    assert sum(issubclass(each.category, UnseenClassWarning) for each in told) == 1


def test_numbers_and_rows_of_several_labels_have_no_classes():
    data = two_domains()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnseenClassWarning)
        few = [0.5 if place < 5 else None for place in range(len(data.target))]
        model = hs.Aligned(Ridge(), hs.Coral())
        model.fit(data.source, data.y_source.astype(float), X_target=data.target, y_target=few)
        assert tell_unseen_classes("x", np.zeros((3, 2)), np.array([[0, 1]])) == []
