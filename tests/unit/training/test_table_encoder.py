"""The encoder of table rows: cells against pandas, the network against itself, pre-training against what it hides."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load, save
from sklearn.base import clone

from headstart.errors import InputError
from headstart.training.table.cells import read_cells
from headstart.training.table.column import MAX_VALUES, N_BINS, learn_column
from headstart.training.table.encoder import TableEncoder
from headstart.training.table.masked_cells import MaskedCells

QUICK = {"dim": 16, "n_layers": 1, "n_heads": 2, "epochs": 3}


def table(n=120, seed=0):
    """``b`` follows ``a``; ``city`` follows the sign of ``c``; some cells are missing."""
    draw = np.random.default_rng(seed)
    a, c = draw.normal(size=n), draw.normal(size=n)
    frame = pd.DataFrame({"a": a, "b": 2 * a + 1, "c": c, "city": np.where(c > 0, "Bonn", "Köln")})
    frame.loc[draw.random(n) < 0.1, "a"] = np.nan
    frame.loc[draw.random(n) < 0.1, "city"] = None
    return frame


@pytest.fixture(scope="module")
def fitted():
    return TableEncoder(**QUICK).fit(table())


def test_the_sum_of_the_bins_is_the_place_among_the_quantiles():
    values = np.random.default_rng(0).exponential(size=500)
    column = learn_column("x", pd.Series(values))
    bins = column.bins(pd.Series([*values, -1.0, 1e9, np.nan]))
    knots = np.quantile(values, np.linspace(0, 1, N_BINS + 1))
    np.testing.assert_allclose(bins[:500].sum(axis=1), np.interp(values, knots, np.arange(N_BINS + 1)), atol=1e-4)
    assert not bins[500].any()
    assert (bins[501] == 1).all()
    assert np.isnan(bins[502]).all()
    assert (np.diff(bins[:500], axis=1) <= 0).all()


def test_few_values_have_as_many_bins_as_gaps_and_one_value_none():
    column = learn_column("x", pd.Series([1, 1, 2, 4, np.nan]))
    assert column.knots[0] == 1
    assert column.knots[-1] == 4
    assert not learn_column("x", pd.Series([3.0, 3.0])).bins(pd.Series([3.0, 7.0])).any()
    assert learn_column("x", pd.Series([np.nan, np.nan])) is None


def test_kinds_are_those_of_the_cells():
    frame = pd.DataFrame(
        {
            "number": [1, 2],
            "yes": [True, False],
            "text": ["a", "b"],
            "kind": pd.Categorical(["u", "v"]),
            "day": pd.to_datetime(["2024-01-01", "2024-01-02"]),
        }
    )
    kinds = [learn_column(name, frame[name]).kind for name in frame]
    assert kinds == ["number", "category", "category", "category", "number"]
    day = learn_column("day", frame["day"])
    assert day.knots[-1] - day.knots[0] == 24 * 3600


def test_names_are_codes_whatever_way_a_number_is_written():
    column = learn_column("x", pd.Series(["2", "1", "1"], dtype=object))
    cells = pd.Series([1, 1.0, " 1 ", "2", "3", None, np.nan], dtype=object)
    assert column.codes(cells).tolist() == [0, 0, 0, 1, 2, -1, -1]
    many = learn_column("x", pd.Series([f"v{i}" for i in range(MAX_VALUES + 5)]))
    assert len(many.values) == MAX_VALUES


def test_a_number_column_that_comes_as_text_is_read_as_numbers():
    column = learn_column("x", pd.Series([1.0, 2.0, 3.0]))
    found = column.bins(pd.Series(["2", "x"], dtype=object))
    assert np.array_equal(found[0], column.bins(pd.Series([2.0]))[0])
    assert np.isnan(found[1]).all()
    with pytest.raises(InputError, match=r"Column 'x' needs finite numbers, got inf in row 1"):
        column.bins(pd.Series([1.0, np.inf]))


def test_the_order_of_the_columns_means_nothing(fitted):
    frame = table(seed=1)
    expected = fitted.transform(frame)
    assert expected.shape == (120, 16)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(fitted.transform(frame[["city", "c", "a", "b"]]), expected, atol=1e-6)


def test_a_column_that_is_missing_is_a_column_of_empty_cells_and_new_ones_are_passed_over(fitted):
    frame = table(seed=1)
    gone = fitted.transform(frame.drop(columns="b"))
    np.testing.assert_allclose(gone, fitted.transform(frame.assign(b=np.nan)), atol=1e-6)
    np.testing.assert_allclose(gone, fitted.transform(frame.drop(columns="b").assign(new=7)), atol=1e-6)
    assert np.abs(gone - fitted.transform(frame)).max() > 1e-3


def test_one_row_at_a_time_is_all_at_once_and_the_table_stays(fitted):
    frame = table(seed=1)
    before = frame.copy(deep=True)
    whole = fitted.transform(frame)
    single = np.concatenate([fitted.transform(frame.iloc[[row]]) for row in range(20)])
    np.testing.assert_allclose(single, whole[:20], atol=1e-5)
    pd.testing.assert_frame_equal(frame, before)
    assert fitted.transform(frame.iloc[:0]).shape == (0, 16)


def test_the_same_seed_is_the_same_encoder(fitted):
    frame = table()
    again = TableEncoder(**QUICK).fit(frame)
    assert np.array_equal(again.transform(frame), fitted.transform(frame))
    assert np.array_equal(again.fit(frame).transform(frame), fitted.transform(frame))  # fitted anew, not further
    other = TableEncoder(**QUICK, random_state=1).fit(frame)
    assert not np.array_equal(other.transform(frame), fitted.transform(frame))
    state = torch.get_rng_state()
    TableEncoder(**QUICK).fit(frame)
    assert torch.equal(state, torch.get_rng_state())


def test_it_round_trips_through_plain_arrays(fitted):
    info, arrays = fitted.to_state()
    again = TableEncoder.from_state(json.loads(json.dumps(info)), load(save(arrays)))
    assert np.array_equal(again.transform(table(seed=2)), fitted.transform(table(seed=2)))
    with pytest.raises(InputError, match="state of 'table_encoder'"):
        TableEncoder.from_state({**info, "strategy": "x"}, arrays)


@pytest.mark.parametrize("seed", range(2))
def test_hidden_cells_are_told_from_the_others(seed):
    encoder = TableEncoder(dim=32, n_layers=2, epochs=40, batch_size=32, random_state=seed).fit(table(400, seed))
    frame = table(200, 10 + seed).dropna()
    cells = read_cells(encoder.columns_, frame)
    names = [column.name for column in encoder.columns_]
    hidden = torch.zeros(len(cells), len(names), dtype=torch.bool)
    losses = {}
    for name in ("b", "city", "a"):
        hidden[:] = False
        hidden[:, names.index(name)] = True
        bins, codes, present = cells.tensors(np.arange(len(cells)))
        with torch.inference_mode():
            states = encoder.network_.states(bins, codes, present, hidden)
            losses[name] = float(encoder.network_.cell_losses(states, bins, codes)[:, names.index(name)].mean())
    assert losses["b"] < 0.2  # 1 where nothing is known
    assert losses["a"] < 0.2
    assert losses["city"] < 0.3


def test_the_value_of_a_hidden_cell_is_not_read(fitted):
    frame = table(seed=1).dropna()
    cells = read_cells(fitted.columns_, frame)
    changed = read_cells(fitted.columns_, frame.assign(b=frame["b"] + 5, city="Bonn"))
    names = [column.name for column in fitted.columns_]
    hidden = torch.zeros(len(cells), len(names), dtype=torch.bool)
    hidden[:, [names.index("b"), names.index("city")]] = True
    rows = np.arange(len(cells))
    with torch.inference_mode():
        first, second = (fitted.network_.states(*c.tensors(rows), hidden) for c in (cells, changed))
    assert torch.equal(first, second)


def test_the_loss_of_a_row_is_half_hidden_cells_half_all_cells(fitted):
    frame = table(seed=1)
    bins, codes, present = read_cells(fitted.columns_, frame).tensors(np.arange(len(frame)))
    hidden = present & (torch.rand(present.shape, generator=torch.Generator().manual_seed(0)) < 0.4)
    network = fitted.network_
    with torch.inference_mode():
        found = MaskedCells(network)(bins, codes, present, hidden)
        states = network.states(bins, codes, present, hidden)
        rows = network.unfolded(states.mean(dim=1))
        for row in range(len(frame)):
            parts = []
            for source, where in ((states, hidden), (rows, present)):
                losses = []
                for place, column in enumerate(network.columns):
                    if not where[row, place]:
                        continue
                    guess = network.heads[place](source[row, place])
                    if column.kind == "number":
                        rank = float(bins[row, place].sum()) / (len(column.knots) - 1)
                        losses.append((float(guess) - (rank - 0.5) * 12**0.5) ** 2)
                    else:
                        logs = torch.log_softmax(guess, 0)
                        losses.append(-float(logs[codes[row, place]]) / np.log(len(column.values)))
                parts.append(np.mean(losses) if losses else 0.0)
            assert float(found[row]) == pytest.approx(0.5 * sum(parts), rel=1e-4, abs=1e-6)


def test_more_rows_keep_what_was_learnt_and_bring_columns_and_names(fitted):
    frame = table()
    encoder = TableEncoder(**{**QUICK, "epochs": 0}).fit(frame)
    before, weights = encoder.transform(frame), encoder.network_.values[3].weight.detach().clone()
    more = table(seed=3).assign(city="Ulm", new=1.5).drop(columns="c")
    encoder.partial_fit(more)
    assert [column.name for column in encoder.columns_] == ["a", "b", "c", "city", "new"]
    assert set(encoder.columns_[3].values[:2]) == {"Bonn", "Köln"}
    assert encoder.columns_[3].values[2:] == ("Ulm",)
    grown = encoder.network_.values[3].weight.detach()
    assert torch.equal(grown[:2], weights[:2])
    assert torch.equal(grown[-1], weights[-1])
    assert np.abs(encoder.transform(frame) - before).max() > 0  # a further column of empty cells
    again = TableEncoder(**QUICK).fit(frame).partial_fit(frame)
    assert not np.array_equal(again.transform(frame), fitted.transform(frame))


def test_rows_of_the_target_are_learnt_from_too():
    source, target = table(), table(seed=5).assign(extra="x")
    encoder = TableEncoder(**QUICK).fit(source, X_target=target)
    assert "extra" in [column.name for column in encoder.columns_]
    both = TableEncoder(**QUICK).fit(pd.concat([source, target], ignore_index=True))
    assert np.array_equal(encoder.transform(source), both.transform(source))


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (np.zeros((3, 2)), "pandas DataFrame, got ndarray"),
        (pd.DataFrame(np.zeros((3, 2)), columns=["a", "a"]), r"different names, got \['a'\]"),
        (pd.DataFrame(), "columns of different names, got none"),
        (pd.DataFrame({"a": []}), "at least 1 row"),
        (pd.DataFrame({"a": [np.nan, np.nan]}), "column with a value"),
    ],
)
def test_unusable_tables_are_one_line(frame, told):
    with pytest.raises(InputError, match=told):
        TableEncoder(**QUICK).fit(frame)


def test_a_table_without_known_columns_and_bad_settings_are_refused(fitted):
    with pytest.raises(InputError, match="needs columns out of"):
        fitted.transform(pd.DataFrame({"z": [1]}))
    with pytest.raises(InputError, match=r"n_heads divides, got 10 and 4; hidden_share between 0 and 1"):
        TableEncoder(10, hidden_share=1.0).fit(table())
    assert clone(TableEncoder(32, dropout=0.3)).get_params() == TableEncoder(32, dropout=0.3).get_params()


def test_cells_are_present_where_pandas_has_a_value(fitted):
    frame = table(seed=1)
    cells = read_cells(fitted.columns_, frame.drop(columns="b"))
    for place, column in enumerate(fitted.columns_):
        wanted = np.zeros(len(frame), bool) if column.name == "b" else frame[column.name].notna().to_numpy()
        assert np.array_equal(cells.present[:, place], wanted)
    assert cells.bins.dtype == np.float32
    assert np.isfinite(cells.bins).all()
