import pytest

from headstart.training.divergence import Diverged, LossWatch


def test_a_loss_that_is_not_finite_is_seen_at_once():
    watch = LossWatch(10)
    watch.see(1.0)
    with pytest.raises(Diverged, match="nan"):
        watch.see(float("nan"))


@pytest.mark.parametrize(("first", "limit"), [(0.01, 10), (3.0, 30)])
def test_an_explosion_is_ten_times_the_first_loss_or_one(first, limit):
    watch = LossWatch(10)
    for _ in range(50):
        watch.see(first)
    for _ in range(200):
        watch.see(0.99 * limit)
    watch.smooth = limit
    with pytest.raises(Diverged, match="at first"):
        watch.see(1.01 * limit)


def test_one_bad_batch_is_no_divergence():
    watch = LossWatch(10)
    for loss in (1.0, 1.0, 40.0, 1.0, 1.0):
        watch.see(loss)
    assert watch.smooth < 10
