import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from headstart.errors import InputError
from headstart.evaluation.two_sample.feature_shifts import feature_shifts
from headstart.evaluation.two_sample.label_shift import label_shift
from headstart.evaluation.two_sample.proxy_a_distance import proxy_a_distance
from headstart.evaluation.two_sample.registry import ROW_TESTS
from headstart.evaluation.two_sample.support_overlap import support_overlap

TESTS = {name: lambda S, T, name=name: ROW_TESTS.make(name, n_permutations=19).test(S, T) for name in ROW_TESTS.names()}
ALL = {**TESTS, "support_overlap": support_overlap, "proxy_a_distance": proxy_a_distance}


def _rows(n=30, m=24, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 0.3


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_and_inputs_stay(name):
    S, T = _rows()
    before = S.copy(), T.copy()
    found = ALL[name](S, T)
    assert found == ALL[name](S, T) == ALL[name](csr_array(S), T.tolist())
    assert np.array_equal(S, before[0])
    assert np.array_equal(T, before[1])


@pytest.mark.parametrize("name", TESTS)
def test_units_and_constant_columns_do_not_matter(name):
    S, T = _rows()
    found = TESTS[name](S, T)
    wider = [np.column_stack([X * [10.0, 0.5, 3.0] + 7, np.ones(len(X))]) for X in (S, T)]
    other = TESTS[name](*wider)
    assert (other.statistic, other.p_value) == pytest.approx((found.statistic, found.p_value), abs=1e-9)
    assert (found.name, found.n_source, found.n_target) == (name, 30, 24)


@pytest.mark.parametrize("name", ["classifier", "energy"])
def test_of_many_rows_some_are_drawn(name):
    S, T = _rows(n=90, m=70)
    found = ROW_TESTS.make(name, n_permutations=9, most_rows=50).test(S, T)
    assert (found.n_source, found.n_target) == (50, 50)


@pytest.mark.parametrize("name", ALL)
def test_bad_rows_are_one_line(name):
    S, T = _rows()
    with pytest.raises(InputError, match="as many columns in the target as in the source, got 2 and 3"):
        ALL[name](S, T[:, :2])
    with pytest.raises(InputError, match="rows or more in the target, got 0"):
        ALL[name](S, T[:0])
    with pytest.raises(InputError, match="finite numbers in the source, got NaN"):
        ALL[name](np.where(S > 1, np.nan, S), T)
    with pytest.raises(InputError, match="numbers in the target, got shape"):
        ALL[name](S, np.array([["a"] * 3] * 9))


@pytest.mark.parametrize("name", [*TESTS, "support_overlap"])
def test_rows_that_never_vary_are_one_line(name):
    with pytest.raises(InputError, match="needs a column that varies, got 3 constant ones"):
        ALL[name](np.ones((9, 3)), np.ones((8, 3)))


def test_missing_cells_and_kinds_of_columns():
    S = pd.DataFrame(
        {"n": [1.0, 2, 3, 4] * 25, "gap": [1.0, 2, 3, 4] * 25, "c": ["u", "v", None, "v"] * 25, "b": [True, False] * 50}
    )
    T = pd.DataFrame(
        {"n": [1.0, 2, 3, 4] * 20, "gap": [1.0, np.nan, 3, np.nan] * 20, "c": ["v"] * 80, "b": [True, False] * 40}
    )
    found = {shift.name: shift for shift in feature_shifts(S, T)}
    assert [shift.name for shift in feature_shifts(S, T)][:2] == ["gap", "c"]
    assert found["n"].effect == 0
    assert found["n"].adjusted_p_value == 1
    assert (found["gap"].kind, found["c"].kind, found["b"].kind) == ("number", "category", "category")
    assert found["gap"].effect == pytest.approx(0.5)
    assert (found["c"].source, found["c"].target) == ("v", "v")
    assert found["c"].effect == pytest.approx(0.5)
    empty = feature_shifts({"x": [np.nan] * 5}, {"x": [np.nan] * 4})[0]
    assert (empty.effect, empty.p_value, empty.source) == (0.0, 1.0, "(missing)")


def test_other_columns_and_empty_sides_are_one_line():
    with pytest.raises(InputError, match=r"same columns on both sides, got \['a'\] in the source alone"):
        feature_shifts({"a": [1.0]}, {"b": [1.0]})
    with pytest.raises(InputError, match="rows on both sides, got 1 and 0"):
        feature_shifts({"a": [1.0]}, {"a": []})
    with pytest.raises(InputError, match="probabilities of both domains over the same classes"):
        label_shift(np.full((4, 2), 0.5), [0, 1, 0, 1], np.full((4, 3), 1 / 3))


def test_a_class_that_the_source_lacks_gets_no_share():
    P = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]] * 10)
    found = label_shift(P, [0, 1] * 10, P[:7])
    assert found.target_shares[2] == 0
    assert found.target_shares.sum() == pytest.approx(1)
