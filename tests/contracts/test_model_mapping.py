"""scikit-learn's checks over the estimators that map a source model to a target."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.strategies.parameter.regular_transfer_lc import RegularTransferLC
from headstart.strategies.parameter.regular_transfer_logistic import RegularTransferLogistic
from headstart.strategies.parameter.regular_transfer_lr import RegularTransferLR

LEFT_OUT = "the pull is chosen by leaving rows out one by one or in folds, so a row of weight 2 is not two rows"
CHOOSING = {
    "check_sample_weight_equivalence_on_dense_data": LEFT_OUT,
    "check_sample_weight_equivalence_on_sparse_data": LEFT_OUT,
}
MEMBERS = [
    RegularTransferLR(),
    RegularTransferLR(alpha=1.0),
    RegularTransferLR(alpha=1.0, ties_intercept=True),
    RegularTransferLC(),
    RegularTransferLC(alpha=1.0),
    RegularTransferLogistic(),
    RegularTransferLogistic(C=1.0),
]


def _expected(estimator):
    is_choosing = getattr(estimator, "alpha", 1) is None or getattr(estimator, "C", 1) is None
    return CHOOSING if is_choosing else {}


@parametrize_with_checks(MEMBERS, expected_failed_checks=_expected)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
