"""Settings are checked all at once, and budgets are read."""

import pytest

from headstart.errors import InputError
from headstart.run.settings import FitSettings, parse_budget


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, None), (12, 12), ("90", 90), ("90s", 90), (" 10M ", 600), ("1.5h", 5400)]
)
def test_budgets(text, seconds):
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "ten", "10d", "-5", "1e3", "5 m s"])
def test_other_words_are_no_budget(text):
    with pytest.raises(InputError, match="needs a budget like 90s, 10m or 1.5h"):
        parse_budget(text)


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(InputError) as caught:
        FitSettings(budget_seconds=0, test_fraction=1.5, n_folds=1, precision="half", backbones=())
    for phrase in ("a budget above 0", "test_fraction", "n_folds", "precision", "at least one backbone"):
        assert phrase in str(caught.value)


def test_the_identity_tells_two_runs_apart():
    plain = FitSettings().identity()
    assert plain == FitSettings().identity()
    assert plain != FitSettings(random_state=1).identity()
    assert FitSettings(heads=("ridge",)).identity()["heads"] == ["ridge"]
