"""scikit-learn's own checks, and ours, over every head that is found."""

import json

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.heads.registry import head_class, make, names, trusted_types

RESAMPLED = "rows are drawn or split by position, so a row of weight 2 is not two rows"
LEFT_OUT = "leaving out a row of weight 2 is not leaving out one of two rows"
EXPECTED_FAILURES = {
    name: {
        "check_sample_weight_equivalence_on_dense_data": RESAMPLED,
        "check_sample_weight_equivalence_on_sparse_data": RESAMPLED,
    }
    for name in ("linear_svm", "rbf_svm", "mlp")
}


def _members():
    plain = [make(name) for name in names() if name != "logistic"]
    return [*plain, make("logistic", tol=1e-18)]


def _expected(head):
    if head.name == "ridge":
        return {"check_sample_weight_equivalence_on_dense_data": LEFT_OUT}
    return EXPECTED_FAILURES.get(head.name, {})


@parametrize_with_checks(_members(), expected_failed_checks=_expected)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
