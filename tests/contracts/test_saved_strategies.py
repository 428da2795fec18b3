"""Every strategy on features, saved without pickle and read back: the same answers to the last bit."""

import warnings
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import headstart as hs
from headstart.bundle.head_file import SKOPS, load_head, save_head
from headstart.errors import IntegrityError
from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS
from headstart.strategies.source_selection import SourceSelection
from headstart.strategies.transfer_head import TransferHead

FOURIER = {"kernel": "rbf", "approximation": "fourier", "n_landmarks": 50}
OWN_ESTIMATORS = {
    "robust_bias_aware": {},
    "tradaboost": {"estimator": DecisionTreeClassifier(max_depth=2, random_state=0)},
    "tradaboost_r2": {"estimator": DecisionTreeRegressor(max_depth=3, random_state=0)},
    "two_stage_tradaboost_r2": {"estimator": DecisionTreeRegressor(max_depth=3, random_state=0)},
    "transfer_tree": {"estimator": DecisionTreeClassifier(max_depth=3, random_state=0)},
    "transfer_forest": {"estimator": RandomForestClassifier(3, random_state=0)},
}


def _adapted(alignment):
    return hs.Aligned(LogisticRegression(), alignment)


def _weighted(weighting):
    return hs.Reweighted(LogisticRegression(), weighting)


MODELS = {
    **{name: _adapted(ALIGNMENTS.make(name)) for name in ALIGNMENTS.names()},
    **{name: _weighted(WEIGHTINGS.make(name)) for name in WEIGHTINGS.names()},
    **{name: FEATURE_METHODS.make(name) for name in FEATURE_METHODS.names()},
    **{name: INSTANCE_METHODS.make(name, **OWN_ESTIMATORS[name]) for name in INSTANCE_METHODS.names()},
    "landmarks": _adapted(ALIGNMENTS.make("tca", kernel="rbf", n_landmarks=50)),
    "random features": _adapted(ALIGNMENTS.make("tca", **FOURIER)),
    "regression": hs.Aligned(Ridge(), hs.Coral()),
    "safe": hs.SafeTransfer(LogisticRegression(), ["coral", "kmm"]),
    "safe, of estimators": hs.SafeTransfer(LogisticRegression(), [_adapted(hs.Coral()), _weighted(hs.KMM())]),
    "safe regression": hs.SafeTransfer(Ridge(), ["coral"]),
    "selection": SourceSelection(LogisticRegression()),
    "pipeline, aligned": hs.make_pipeline(StandardScaler(), _adapted(hs.Coral())),
    "pipeline, reweighted": hs.make_pipeline(StandardScaler(), _weighted(hs.KMM())),
    "pipeline, safe": hs.make_pipeline(StandardScaler(), hs.SafeTransfer(LogisticRegression(), ["coral"])),
}


def _fitted(model, labelled=True, shift=0.8):
    """The model, and target rows; classes whose means the target has moved."""
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((3, 6))
    y, z = np.arange(150) % 3, np.arange(120) % 3
    X, target = centres[y] + rng.standard_normal((150, 6)), centres[z] + rng.standard_normal((120, 6)) + shift
    known = np.full(120, None, dtype=object)
    known[:80] = z[:80]
    given = {"y_target": known} if labelled else {}
    given |= {"sample_domain": np.where(np.arange(150) < 75, "a", "b")} if isinstance(model, SourceSelection) else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few effective rows
        return model.fit(X, y, X_target=target, **given), target


def _read_back(model, folder):
    description = save_head(TransferHead(model, is_number=not hasattr(model, "classes_")), folder)
    return load_head(description, folder).estimator


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_strategy_answers_to_the_last_bit(name, tmp_path):
    model, rows = _fitted(MODELS[name])
    loaded = _read_back(model, tmp_path)
    assert type(loaded) is type(model)
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, method):
            assert np.array_equal(getattr(loaded, method)(rows), getattr(model, method)(rows)), method
    assert all(name.endswith((".json", ".npy", ".npz")) for name in zipfile.ZipFile(tmp_path / SKOPS).namelist())


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("shift", [0.0, 6.0])
def test_what_was_chosen_and_why_is_saved_too(labelled, shift, tmp_path):
    model, rows = _fitted(hs.SafeTransfer(LogisticRegression(), ["standardise", "coral"]), labelled, shift)
    loaded = _read_back(model, tmp_path)
    assert model.adapted_ == (shift > 0) or not labelled
    assert (loaded.chosen_, loaded.reason_, loaded.adapted_) == (model.chosen_, model.reason_, model.adapted_)
    assert loaded.evidence_ == model.evidence_
    assert np.array_equal(loaded.source_model_.predict_proba(rows), model.source_model_.predict_proba(rows))
    assert np.array_equal(loaded.predict_proba(rows), model.predict_proba(rows))


def test_saving_changes_nothing_in_the_model(tmp_path):
    model, _ = _fitted(hs.make_pipeline(StandardScaler(), _adapted(hs.Coral())))
    before = model[-1].get_metadata_routing().fit.requests
    assert before["X_target"] is True
    _read_back(model, tmp_path)
    assert model[-1].get_metadata_routing().fit.requests == before


class Foreign(LogisticRegression):
    """A type that no list of ours holds."""


def test_a_type_of_somebody_else_is_not_loaded(tmp_path):
    model, _ = _fitted(hs.Aligned(Foreign(), hs.Coral()))
    with pytest.raises(IntegrityError, match="Foreign"):
        _read_back(model, tmp_path)
