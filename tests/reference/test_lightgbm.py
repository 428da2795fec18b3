"""LightGBM's trees against its own estimators, and what is said where it is missing."""

import numpy as np
import pytest

from headstart.errors import MissingExtraError
from headstart.heads import _lightgbm
from headstart.heads.lightgbm import LightGBM
from headstart.heads.lightgbm_regression import LightGBMRegression

lightgbm = pytest.importorskip("lightgbm")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 6))
SETTINGS = {"n_estimators": 100, "min_child_samples": 10, "random_state": 0, "n_jobs": 1, "verbosity": -1}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_as_its_own_classifier(n_classes):
    codes = (np.abs(X[:, 0] + 0.3 * RNG.standard_normal(200)) * 2).astype(int) % n_classes
    own = lightgbm.LGBMClassifier(**SETTINGS, deterministic=True, force_row_wise=True).fit(X, codes)
    proba = own.booster_.predict(X)
    if n_classes == 2:
        proba = np.stack([1 - proba, proba], axis=1)
    np.testing.assert_allclose(LightGBM().fit(X, codes).predict_proba(X), proba, atol=1e-9)


def test_numbers_as_its_own_regressor():
    y = X[:, 0] ** 2 + 0.1 * RNG.standard_normal(200)
    own = lightgbm.LGBMRegressor(**SETTINGS, deterministic=True, force_row_wise=True).fit(X, (y - y.mean()) / y.std())
    found = LightGBMRegression().fit(X, y).predict(X)
    np.testing.assert_allclose(found, y.mean() + y.std() * own.booster_.predict(X), atol=1e-6)


def test_missing_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_lightgbm, "find_spec", lambda name: None)
    assert "headstart[tables]" in LightGBM.missing()
    with pytest.raises(MissingExtraError, match=r"headstart\[tables\]"):
        LightGBM().fit(X, np.arange(200) % 2)
