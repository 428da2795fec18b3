import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.training.schedule import warmup_cosine


@given(n_steps=st.integers(1, 300), warmup=st.floats(0, 1), floor=st.floats(0, 1))
def test_it_rises_to_the_top_then_falls_to_the_floor(n_steps, warmup, floor):
    shares = [warmup_cosine(step, n_steps=n_steps, warmup=warmup, floor=floor) for step in range(n_steps + 3)]
    n_rising = math.ceil(warmup * n_steps)
    assert all(0 <= share <= 1 + 1e-12 for share in shares)
    assert all(share > 0 for share in shares[:n_steps])
    assert shares[:n_rising] == sorted(shares[:n_rising])
    assert all(a >= b - 1e-12 for a, b in zip(shares[n_rising:], shares[n_rising + 1 :], strict=False))
    assert shares[-1] == pytest.approx(floor)
    if n_rising < n_steps:
        assert shares[n_rising] == pytest.approx(1)


def test_the_middle_of_the_fall_is_half_way():
    assert warmup_cosine(50, n_steps=100, warmup=0, floor=0.2) == pytest.approx(0.6)
