"""Addresses of feature spaces."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.errors import InputError
from headstart.features.cache_key import address, canonical_json

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3))
KEYS = st.dictionaries(st.text(), VALUES, max_size=5)


def reversed_fields(value):
    if isinstance(value, dict):
        return {name: reversed_fields(value[name]) for name in reversed(value)}
    return [reversed_fields(inner) for inner in value] if isinstance(value, list) else value


def leaves(value, path=()):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        return [path]
    return [path, *(found for name, part in inner for found in leaves(part, (*path, name)))]


@given(KEYS, st.integers(1, 4096))
def test_the_order_of_fields_is_of_no_account(key, dim):
    assert address(reversed_fields(key), dim) == address(key, dim)


@given(KEYS.filter(bool), LEAVES, st.data())
def test_any_changed_value_changes_the_address(key, value, data):
    changed = copy.deepcopy(key)
    *outer, last = data.draw(st.sampled_from(leaves(key)[1:]))
    part = changed
    for name in outer:
        part = part[name]
    before, part[last] = part[last], value
    same = json.dumps(before) == json.dumps(value)
    assert (address(changed, 8) == address(key, 8)) is same


@given(KEYS)
def test_the_canonical_text_reads_back_as_the_same_value(key):
    assert json.loads(canonical_json(key)) == key


def test_kinds_of_numbers_and_the_dim_are_told_apart():
    keys = [{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": None}, {}, {"b": 1}]
    assert len({address(key, dim) for key in keys for dim in (1, 2)}) == 2 * len(keys)


def test_the_address_never_changes_between_versions():
    key = {"weights": "ab", "layer": -1, "mean": (0.485, 0.1)}
    assert canonical_json(key) == '{"layer":-1,"mean":[0.485,0.1],"weights":"ab"}'
    assert address(key, 1280) == "961b5a6db765a24304596e99fcde435b9b48d919dc6502a6e8158e49fcba9883"


@pytest.mark.parametrize(
    "key", [{1: "a"}, {"a": {None: 1}}, {"a": [{2: 3}]}, {"a": float("nan")}, {"a": float("inf")}, {"a": {1}}]
)
def test_what_is_not_json_is_refused(key):
    with pytest.raises(InputError, match="A cache key needs"):
        address(key, 8)


def test_a_key_that_holds_itself_is_refused():
    key = {}
    key["self"] = key
    with pytest.raises(InputError, match="plain JSON"):
        address(key, 8)
