import numpy as np
import pytest
from sklearn import metrics as reference

from headstart.evaluation.metrics import METRICS, metrics, score


def problem(seed, n_classes, n=300):
    rng = np.random.default_rng(seed)
    proba = np.round(rng.dirichlet(np.full(n_classes, 0.7), n), 2)  # rounded: many ties
    proba[proba.sum(1) == 0] = 1.0
    proba /= proba.sum(1, keepdims=True)
    return rng.integers(0, n_classes, n), proba


def expected(codes, proba):
    said = proba.argmax(1)
    areas = [reference.roc_auc_score(codes == c, proba[:, c]) for c in np.unique(codes)]
    return {
        "accuracy": reference.accuracy_score(codes, said),
        "balanced_accuracy": reference.recall_score(codes, said, labels=np.unique(codes), average="macro"),
        "macro_f1": reference.f1_score(codes, said, average="macro"),
        "neg_log_loss": -reference.log_loss(codes, proba, labels=range(proba.shape[1])),
        "roc_auc": np.mean(areas) if proba.shape[1] > 2 else areas[1],
    }


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("metric", METRICS)
def test_scores_are_those_of_scikit_learn(metric, n_classes):
    for seed in range(5):
        codes, proba = problem(seed, n_classes)
        assert score(metric, codes, proba) == pytest.approx(expected(codes, proba)[metric], abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_class_without_rows_is_treated_as_documented(metric):
    codes, proba = problem(0, 4)
    codes[codes == 2] = 3
    assert score(metric, codes, proba) == pytest.approx(expected(codes, proba)[metric], abs=1e-12)


def test_macro_f1_leaves_out_a_class_that_neither_occurs_nor_is_predicted():
    codes, proba = np.array([0, 1, 0, 1]), np.array([[0.8, 0.2, 0], [0.1, 0.9, 0], [0.3, 0.7, 0], [0.4, 0.6, 0]])
    said = proba.argmax(1)
    assert score("macro_f1", codes, proba) == pytest.approx(reference.f1_score(codes, said, average="macro"))
    assert np.isnan(metrics(codes, proba, ["a", "b", "c"])["f1[c]"])


@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_reported_figures_are_those_of_scikit_learn(n_classes):
    codes, proba = problem(3, n_classes)
    names = [f"k{i}" for i in range(n_classes)]
    found, wanted = metrics(codes, proba, names), expected(codes, proba)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc"):
        assert found[name] == pytest.approx(wanted[name], abs=1e-12)
    assert found["log_loss"] == pytest.approx(-wanted["neg_log_loss"], abs=1e-12)
    per_class = reference.f1_score(codes, proba.argmax(1), average=None)
    assert [found[f"f1[{name}]"] for name in names] == pytest.approx(per_class.tolist())
    if n_classes > 2:
        assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(codes, proba, multi_class="ovr"))


def test_a_probability_of_zero_costs_what_it_does_in_scikit_learn():
    codes, proba = np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert score("neg_log_loss", codes, proba) == pytest.approx(-reference.log_loss(codes, proba))
