"""Who owns a folder, and decisions that are made once."""

import json

import pytest

from headstart.errors import InputError, OutputExistsError
from headstart.run.run_folder import JOURNAL, RunFolder

IDENTITY = {"data": "abc", "n_folds": 5}


def test_a_decision_is_made_once_and_replayed_by_a_later_attempt(tmp_path):
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        assert folder.decide("runtime", lambda: "fast") == "fast"
        assert folder.decide("runtime", lambda: "slow") == "fast"
        folder.spend("encoding", 2.5)
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        assert folder.decide("runtime", lambda: pytest.fail("asked again")) == "fast"
        assert folder.seconds_before == 2.5


def test_a_decision_is_on_disk_before_it_acts(tmp_path):
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        folder.decide("runtime", lambda: "fast")
        lines = [json.loads(line) for line in (tmp_path / "r" / JOURNAL).read_text().splitlines()]
    assert lines[0] == {"name": "identity", "value": IDENTITY}
    assert lines[-1] == {"name": "runtime", "value": "fast"}


def test_half_a_line_at_the_end_is_passed_over(tmp_path):
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        folder.decide("a", lambda: 1)
    journal = tmp_path / "r" / JOURNAL
    journal.write_bytes(journal.read_bytes() + b'{"name": "b", "val')
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        assert folder.decide("a", lambda: 9) == 1
        assert folder.decide("b", lambda: 2) == 2
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        assert folder.decide("b", lambda: 9) == 2


def test_another_run_and_other_files_are_refused_unless_overwritten(tmp_path):
    with RunFolder(tmp_path / "r", IDENTITY) as folder:
        folder.decide("a", lambda: 1)
    with pytest.raises(OutputExistsError, match="other n_folds"):
        RunFolder(tmp_path / "r", IDENTITY | {"n_folds": 3})
    with RunFolder(tmp_path / "r", IDENTITY | {"n_folds": 3}, overwrite=True) as folder:
        assert folder.decide("a", lambda: 2) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(OutputExistsError, match="other files in it"):
        RunFolder(tmp_path / "mine", IDENTITY)
    RunFolder(tmp_path / "mine", IDENTITY, overwrite=True).close()
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_two_processes_do_not_share_a_folder(tmp_path):
    with (
        RunFolder(tmp_path / "r", IDENTITY),
        pytest.raises(InputError, match="a run that is still writing"),
    ):
        RunFolder(tmp_path / "r", IDENTITY)


def test_input_that_cannot_be_used_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="no good"), RunFolder(tmp_path / "r", IDENTITY):
        raise InputError("no good")
    assert not (tmp_path / "r").exists()
