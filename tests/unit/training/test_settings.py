import pytest

from headstart.errors import InputError
from headstart.training.settings import TrainSettings


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(InputError, match=r"epochs at least 1, got 0; learning_rate above 0, got -1; precision one of"):
        TrainSettings(epochs=0, learning_rate=-1, precision="fp8")


@pytest.mark.parametrize(
    "wrong",
    [{"warmup": 2}, {"ema_decay": 1.0}, {"clip_norm": 0}, {"micro_batch": 0}, {"retry_factor": 1}, {"patience": 0}],
)
def test_each_limit_is_kept(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainSettings(**wrong)
