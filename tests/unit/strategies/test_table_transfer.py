"""Fine-tuning of a table encoder."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load, save
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score

from headstart.errors import InputError
from headstart.strategies.parameter.table_transfer import TableTransfer
from headstart.training.table.encoder import TableEncoder

SMALL = TableEncoder(dim=16, n_layers=1, n_heads=2, epochs=2)
QUICK = {"epochs": 15, "learning_rate": 1e-2, "encoder_rate": 1.0}


def table(n=200, seed=0):
    """The label is whether two columns agree in sign: no single one tells it."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": draw.normal(size=n), "side": draw.choice(["left", "right"], n), "noise": draw.random(n)})
    y = np.where((frame["a"] > 0) == (frame["side"] == "left"), "agree", "differ")
    return frame, y


@pytest.fixture(scope="module")
def fitted():
    X, y = table()
    return TableTransfer(SMALL, **QUICK).fit(X, y)


@pytest.mark.parametrize("seed", range(2))
def test_it_learns_what_two_columns_say_together(seed):
    X, y = table(300, seed)
    model = TableTransfer(SMALL, **{**QUICK, "epochs": 40, "batch_size": 64}, random_state=seed)
    scores = cross_val_score(model, X, y, cv=2)
    assert scores.mean() > 0.85


def test_probabilities_sum_to_one_row_by_row_as_all_at_once(fitted):
    X, _ = table(seed=1)
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    single = np.concatenate([fitted.predict_proba(X.iloc[[row]]) for row in range(20)])
    np.testing.assert_allclose(single, proba[:20], atol=1e-5)
    np.testing.assert_allclose(fitted.predict_proba(X[["noise", "side", "a"]]), proba, atol=1e-5)
    with torch.inference_mode():
        cells = fitted.encoder_.cells(X).tensors(np.arange(len(X)))
        scores = fitted.network_(*cells).double()
    np.testing.assert_allclose(torch.softmax(scores, 1), proba, atol=1e-5)


def test_the_same_seed_is_the_same_model_and_inputs_stay(fitted):
    X, y = table()
    frame, labels = X.copy(deep=True), y.copy()
    again = TableTransfer(SMALL, **QUICK).fit(X, y)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    pd.testing.assert_frame_equal(X, frame)
    assert np.array_equal(y, labels)
    assert not hasattr(SMALL, "network_")


def test_a_fitted_encoder_is_carried_over_and_left_alone():
    X, y = table()
    encoder = clone(SMALL).fit(table(seed=9)[0])
    before = encoder.transform(X)
    still = TableTransfer(encoder, **{**QUICK, "encoder_rate": 0.0}).fit(X, y)
    assert np.array_equal(still.encoder_.transform(X), before)
    moved = TableTransfer(encoder, **QUICK).fit(X, y)
    assert not np.array_equal(moved.encoder_.transform(X), before)
    assert np.array_equal(encoder.transform(X), before)
    frozen = clone(TableTransfer(FrozenEstimator(encoder), **QUICK)).fit(X, y)
    assert np.array_equal(frozen.predict_proba(X), moved.predict_proba(X))


def test_rows_of_the_target_reach_an_encoder_that_is_not_fitted():
    X, y = table()
    other = table(seed=4)[0].assign(a=lambda t: t["a"] + 3)
    plain = TableTransfer(SMALL, **QUICK).fit(X, y)
    adapted = TableTransfer(SMALL, **QUICK).fit(X, y, X_target=other)
    assert not np.array_equal(plain.predict_proba(X), adapted.predict_proba(X))
    by_hand = TableTransfer(clone(SMALL).fit(X, X_target=other), **QUICK).fit(X, y)
    assert np.array_equal(adapted.predict_proba(X), by_hand.predict_proba(X))


@pytest.mark.parametrize("labels", [["owl", "猫"], [7, -1], [True, False]], ids=["str", "int", "bool"])
def test_it_round_trips_through_plain_arrays(labels):
    X, y = table(60)
    model = TableTransfer(SMALL, epochs=2).fit(X, np.array(labels)[(y == "agree").astype(int)])
    info, arrays = model.to_state()
    again = TableTransfer.from_state(json.loads(json.dumps(info)), load(save(arrays)))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.classes_.dtype == model.classes_.dtype
    assert set(again.predict(X)) <= set(labels)
    with pytest.raises(InputError, match="state of 'table_transfer'"):
        TableTransfer.from_state({**info, "strategy": "x"}, arrays)


def test_a_row_without_weight_is_not_read():
    X, y = table(80)
    weights = np.where(np.arange(80) % 4, 1.0, 0.0)
    other = np.where(np.arange(80) % 4, y, "agree")
    settings = {**QUICK, "validation_fraction": 0.0, "epochs": 3}
    encoder = clone(SMALL).fit(X)
    first = TableTransfer(encoder, **settings).fit(X, y, sample_weight=weights).predict_proba(X)
    second = TableTransfer(encoder, **settings).fit(X, other, sample_weight=weights).predict_proba(X)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, TableTransfer(encoder, **settings).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("seed", range(3))
def test_cells_taken_away_in_training_make_it_do_without_a_column(seed):
    """Two columns tell the label, the first better; then the first one is gone."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 2, 300)
    frame = pd.DataFrame({"sure": y + 0.05 * draw.normal(size=300), "fair": y + 0.4 * draw.normal(size=300)})
    settings = {**QUICK, "epochs": 30, "patience": 30, "random_state": seed}
    scores = {}
    for share in (0.0, 0.4):
        model = TableTransfer(SMALL, **settings, missing_share=share).fit(frame[:200], y[:200])
        rest = frame[200:].drop(columns="sure")
        proba = model.predict_proba(rest)
        scores[share] = -np.mean(np.log(proba[np.arange(100), y[200:]]))
    assert scores[0.4] < scores[0.0]
    assert scores[0.4] < 0.55


def test_unusable_input_is_one_line():
    X, y = table(30)
    with pytest.raises(InputError, match="pandas DataFrame"):
        TableTransfer(SMALL).fit(X.to_numpy(), y)
    with pytest.raises(InputError, match="at least 2 classes"):
        TableTransfer(SMALL).fit(X, ["a"] * 30)
    with pytest.raises(InputError, match="missing_share in 0..1"):
        TableTransfer(SMALL, missing_share=1.0).fit(X, y)
