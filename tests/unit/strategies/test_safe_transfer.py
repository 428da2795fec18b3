"""What SafeTransfer takes, tells and refuses."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import binomtest, ttest_1samp
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

from headstart.errors import InputError, UnknownNameError
from headstart.strategies._evidence import Evidence, mean_test, sign_test
from headstart.strategies._judges import judged_evidence
from headstart.strategies._open_set import UnseenClassWarning
from headstart.strategies._read_back import objection, read_back, readings
from headstart.strategies.candidates import candidates
from headstart.strategies.feature.aligned import Aligned
from headstart.strategies.feature.coral import Coral
from headstart.strategies.feature.meda import MEDA
from headstart.strategies.instance.kmm import KMM
from headstart.strategies.instance.reweighted import Reweighted, WeightsCollapsedWarning
from headstart.strategies.instance.tradaboost import TrAdaBoost
from headstart.strategies.safe_transfer import SafeTransfer
from headstart.testing.two_domains import two_domains


def test_strategies_by_name_and_as_instances():
    plain = LogisticRegression()
    wrapped = Aligned(plain, Coral(0.1))
    found = candidates(plain, ["coral", "kmm", "meda", "tradaboost", Coral(0.1), KMM(), wrapped])
    assert list(found) == ["coral", "kmm", "meda", "tradaboost", "coral 2", "kmm 2", "coral 3"]
    kinds = [Aligned, Reweighted, MEDA, TrAdaBoost, Aligned, Reweighted, Aligned]
    assert [type(each) for each in found.values()] == kinds
    assert found["coral 3"] is wrapped
    assert not found["kmm"].resample
    assert candidates(KNeighborsClassifier(), ["kmm"])["kmm"].resample


@pytest.mark.parametrize(
    ("strategies", "error", "word"),
    [
        (["corla"], UnknownNameError, "coral"),
        ([], InputError, "at least one"),
        ("coral", InputError, "brackets"),
        ([Ridge()], InputError, "X_target"),
    ],
)
def test_what_is_no_strategy_is_refused(strategies, error, word):
    with pytest.raises(error, match=word):
        candidates(LogisticRegression(), strategies)


def test_wrong_settings_are_told_together():
    data = two_domains()
    model = SafeTransfer(LogisticRegression(), level=0, n_folds=1, calibrate="platt")
    with pytest.raises(InputError, match=r"calibrate.*level.*n_folds"):
        model.fit(data.source, data.y_source)


def test_the_sign_test_and_the_mean_test_are_the_textbooks():
    for won, lost in ((7, 1), (3, 3), (0, 4), (12, 5)):
        expected = binomtest(won, won + lost, alternative="greater").pvalue
        assert sign_test(won, lost) == pytest.approx(expected, abs=1e-12)
    gains = np.random.default_rng(0).normal(0.3, 1, 25)
    expected = ttest_1samp(gains, 0, alternative="greater").pvalue
    assert mean_test(gains) == pytest.approx(expected, rel=1e-9)
    assert mean_test(gains, np.full(25, 3.0)) == pytest.approx(expected, rel=1e-9)
    assert mean_test(gains, np.eye(25)[0]) == 1.0


def test_evidence_with_anything_against_it_does_not_convince():
    sound = Evidence("coral", "judges", 0.1, 0.001)
    assert sound.convinces(0.01)
    assert not sound.convinces(0.0001)
    assert not sound.but("it collapses").convinces(0.01)
    assert sound.but("").convinces(0.01)
    assert not Evidence("coral", "judges", float("nan"), 0.0).convinces(0.5)


def _blobs(seed=0, n=200):
    rng = np.random.default_rng(seed)
    z = np.arange(n) % 2
    return np.c_[6 * z - 3, np.zeros(n)] + rng.standard_normal((n, 2)), z


def test_judges_side_with_who_follows_the_targets_clusters_whichever_part_it_plays():
    target, z = _blobs()
    wrong = np.where(np.abs(target[:, 0]) > 4, 1 - z, z)  # cuts through both clusters
    assert judged_evidence("right", wrong, z, target).convinces(0.001)
    assert judged_evidence("wrong", z, wrong, target).gain < 0
    assert judged_evidence("same", z, z, target).gain == 0


def test_a_border_that_moves_is_one_question_however_many_rows_it_passes():
    target, z = _blobs()
    moved = np.where(target[:, 0] > 3, 0, z)  # what both call the second class lies all on one side
    assert np.mean(moved != z) > 0.2
    one_kind = judged_evidence("moved", moved, z, target)
    assert one_kind.gain > 0.2
    assert one_kind.p_value < 1e-9
    assert "one kind of change" in one_kind.against
    some = np.flatnonzero(target[:, 0] < -3)
    for n, is_enough in ((4, False), (5, True)):  # 1/16 and 1/32
        both_kinds = moved.copy()
        both_kinds[some[:n]] = 1
        assert judged_evidence("both", both_kinds, z, target).convinces(1e-6) == is_enough


def test_models_that_share_one_class_cannot_be_judged():
    target, z = _blobs()
    constant = np.zeros_like(z)
    assert np.isnan(judged_evidence("constant", z, constant, target).gain)
    wrong = np.where(target[:, 0] > 4, 0, z)
    assert judged_evidence("right", wrong, z, target, n_classes=4).gain > 0
    few = judged_evidence("right", wrong, z, target, n_classes=5)  # judges would know two of five
    assert np.isnan(few.gain)
    assert "2 of 5 classes" in few.against


def _read(said, names=("ant", "owl"), order=slice(None)):
    (target, _), (source, y), names = _blobs(), _blobs(1, n=150), np.array(names)
    return [each.sum() for each in read_back(names[said][order], target[order], 2 * source + 1, names[y])]


def test_what_is_said_of_the_target_is_read_back_by_the_sources_labels():
    target, z = _blobs()
    source, y = _blobs(1, n=150)
    wrong = np.where(target[:, 1] > 0, 1 - z, z)
    right, harmed = (readings(said, target, 2 * source + 1, y) for said in (z, wrong))
    assert "worse" in objection(right, harmed)
    assert objection(harmed, right) == ""
    assert objection(right, right) == ""
    assert [each.mean() for each in read_back(np.zeros_like(z), target, source, y)] == [0.5, 0.5]  # all one class


def test_reading_back_knows_neither_names_nor_the_order_of_rows():
    target, z = _blobs()
    said = np.where(np.random.default_rng(0).random(len(z)) < 0.4, 1 - z, z)
    plain = _read(said)
    assert _read(said, names=("owl", "ant")) == plain
    assert _read(said, order=np.random.default_rng(1).permutation(len(z))) == plain


class Forgetful(LogisticRegression):
    """Knows the target by heart, and half of the source the wrong way round."""

    def fit(self, X, y, *, X_target=None, y_target=None, sample_domain=None, sample_weight=None):
        return super().fit(X, y)

    def predict(self, X, *, sample_domain=None):
        said = super().predict(X)
        return said if sample_domain is None else np.where(np.arange(len(said)) % 2, 1 - said, said)


class Constant(Forgetful):
    """Says one class of nearly all target rows."""

    def predict(self, X, *, sample_domain=None):
        said = super().predict(X)
        return np.where(X[:, 1] > -1.5, 0, said) if sample_domain is None else LogisticRegression.predict(self, X)


@pytest.mark.parametrize(("strategy", "word"), [(Forgetful(), "floor"), (Constant(), "plausible")])
def test_a_strategy_that_has_collapsed_is_refused(strategy, word):
    source, y = _blobs()
    target, _ = _blobs(1)
    model = SafeTransfer(LogisticRegression(), [strategy]).fit(source, y, X_target=target)
    assert word in model.evidence_[0].against


def test_what_one_strategy_cannot_use_stands_in_the_evidence_alone():
    data = two_domains(n_classes=2)
    model = SafeTransfer(LogisticRegression(), ["tradaboost", "coral"]).fit(
        data.source, data.y_source, X_target=data.target
    )
    table = pd.DataFrame(model.evidence_)
    assert list(table["strategy"]) == ["tradaboost", "coral"]
    assert "target labels" in table["against"][0] or "labels of some target rows" in table["against"][0]
    assert not model.adapted_
    assert "proven" in model.reason_


def test_a_class_among_the_targets_labels_alone_is_told():
    data = two_domains(n_classes=2)
    labels = data.y_target.copy()
    labels[0] = 9
    with pytest.warns(UnseenClassWarning, match=r"\[9\]"):
        SafeTransfer(LogisticRegression(), ["coral"]).fit(
            data.source, data.y_source, X_target=data.target, y_target=labels
        )


def test_weights_that_collapse_are_no_evidence():
    rng = np.random.default_rng(0)
    source, target = rng.standard_normal((300, 3)), rng.standard_normal((60, 3)) * 0.05 + 2.5
    y = (source.sum(axis=1) > 0).astype(int)
    model = SafeTransfer(LogisticRegression(), [KMM(bound=1000, gamma=0.3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", WeightsCollapsedWarning)  # it is not handed over, so nobody need be warned
        model.fit(source, y, X_target=target)
    assert "collapse" in model.evidence_[0].against
    assert not model.adapted_


def test_probabilities_are_calibrated_and_the_classes_stay():
    rng = np.random.default_rng(0)
    source, target = rng.standard_normal((400, 20)), rng.standard_normal((300, 20)) + 0.3
    y = (source[:, 0] + rng.standard_normal(400) > 0).astype(int)
    model = SafeTransfer(LogisticRegression(C=1e4), ["coral"])
    plain = LogisticRegression(C=1e4).fit(source, y)
    for method in ("importance_weighted", "transcal", True):
        fitted = model.set_params(calibrate=method).fit(source, y, X_target=target)
        assert fitted.temperature_ > 1.05  # it learnt noise, and is too sure
        assert np.array_equal(fitted.predict(target), plain.predict(target))
        proba = fitted.predict_proba(target)
        np.testing.assert_allclose(proba.sum(axis=1), 1)
        assert np.array_equal(proba.argmax(axis=1), plain.predict(target))
    bare = model.set_params(calibrate=False).fit(source, y, X_target=target)
    assert bare.temperature_ == 1
    assert np.array_equal(bare.predict_proba(target), plain.predict_proba(target))


def test_several_outputs_regressors_and_models_without_probabilities():
    data = two_domains()
    both = np.stack([data.y_source % 2, data.y_source // 2], axis=1)
    model = SafeTransfer(KNeighborsClassifier(3), ["coral"]).fit(data.source, both, X_target=data.target)
    assert model.predict(data.target).shape == (len(data.target), 2)
    assert "labelled" in model.evidence_[0].against
    numbers = SafeTransfer(Ridge(), ["coral", "kmm"]).fit(data.source, data.source @ np.ones(4), X_target=data.target)
    assert [each.rule for each in numbers.evidence_] == ["weighted error"] * 2
    assert not hasattr(numbers, "predict_proba")


def test_validators_can_veto():
    from sklearn.base import clone

    rng = np.random.default_rng(0)
    centres = 1.2 * np.random.default_rng(5).standard_normal((3, 10))
    y = np.arange(240) % 3
    source, target = (centres[y] + rng.standard_normal((240, 10)) for _ in range(2))
    target = target * 1.2 + 2.5 * np.sign(np.arange(10) % 2 - 0.5)
    free = SafeTransfer(LogisticRegression(max_iter=1000), ["coral"])
    assert free.fit(source, y, X_target=target).adapted_
    by_name = clone(free).set_params(validators=["information_maximisation"]).fit(source, y, X_target=target)
    assert by_name.adapted_
    never = clone(free).set_params(validators=[lambda model, X, y: float(hasattr(model, "coef_"))])
    assert "validators" in never.fit(source, y, X_target=target).evidence_[0].against
    with pytest.raises(UnknownNameError, match="validator"):
        clone(free).set_params(validators=["entropie"]).fit(source, y, X_target=target)


def test_a_source_model_that_says_one_thing_is_kept():
    data = two_domains(n_classes=2)
    model = SafeTransfer(DummyClassifier(), ["coral"]).fit(data.source, data.y_source, X_target=data.target)
    assert model.chosen_ == "source_only"


def test_sparse_rows_are_taken_and_too_many_are_told_with_what_would_do(monkeypatch):
    data = two_domains(n_classes=2)
    source, target = csr_matrix(data.source), csr_matrix(data.target)
    model = SafeTransfer(LogisticRegression(), ["coral"])
    dense = SafeTransfer(LogisticRegression(), ["coral"]).fit(data.source, data.y_source, X_target=data.target)
    assert model.fit(source, data.y_source, X_target=target).evidence_[0].gain == dense.evidence_[0].gain
    monkeypatch.setattr("headstart.strategies.feature._rows.DENSE_ELEMENTS", 100)
    model.fit(source, data.y_source, X_target=target)
    assert "FeatureAugmentation" in model.evidence_[0].against
    assert not model.adapted_
    assert model.predict(target).shape == (len(data.target),)
