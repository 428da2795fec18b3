import pytest

from headstart.training.divergence import Diverged, LossWatch


def never():
    raise AssertionError("the first weights are asked where the loss is too high alone")


def test_a_loss_that_is_not_finite_is_seen_at_once():
    watch = LossWatch(10)
    watch.see(1.0, never)
    with pytest.raises(Diverged, match="nan"):
        watch.see(float("nan"), never)


@pytest.mark.parametrize(("first", "limit"), [(0.01, 10), (3.0, 30)])
def test_an_explosion_is_ten_times_the_first_loss_or_one(first, limit):
    watch = LossWatch(10)
    for _ in range(50):
        watch.see(first, never)
    for _ in range(200):
        watch.see(0.99 * limit, never)
    watch.smooth = limit
    with pytest.raises(Diverged, match="at first"):
        watch.see(1.01 * limit, lambda: first)


def test_one_bad_batch_is_no_divergence():
    watch = LossWatch(10)
    for loss in (1.0, 1.0, 40.0, 1.0, 1.0):
        watch.see(loss, never)
    assert watch.smooth < 10


def test_an_easy_first_batch_makes_no_other_batch_a_divergence():
    watch = LossWatch(10)
    watch.see(0.0, never)
    watch.see(68.0, lambda: 68.0)
    assert watch.first == 68.0
    for _ in range(50):
        watch.see(600.0, never)
    for _ in range(2):
        watch.smooth = 680.0
        with pytest.raises(Diverged, match="after 68 at first"):
            watch.see(700.0, lambda: 50.0)
