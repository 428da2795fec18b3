"""A search on a data set: what trials may see, what is fitted at the end, what the one look at the test part says."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from headstart.cli.search import search as command
from headstart.data.split import joined_groups, split
from headstart.errors import DeadlineExceededError, InputError, UnknownNameError
from headstart.evaluation.intervals import bootstrap, paired_difference
from headstart.run import search_settings as searching
from headstart.run.read_problem import read_problem
from headstart.run.search_settings import METRICS, search_settings
from headstart.selection import search as trials
from headstart.selection._search_data import SearchData
from headstart.selection._trial import packed
from headstart.strategies.parameter.fine_tune import FineTune

FIXED = {"cache": False, "device": "cpu", "epochs": 1}
ALWAYS = {**FIXED, "validation_fraction": 0.0, "head_first": False}
"""So that a fit moves whatever comes of it."""


def pictures(n=100, seed=0, tint=25):
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = [draw.integers(0, 120, (16, 16, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[..., code] += tint
    return X, np.array(["ant", "bee"])[y]


class Children:
    """Trials that answer at once: every other one is better than the rule by ``gain``."""

    def __init__(self, monkeypatch, gain=0.5, seconds=0.5):
        self.gain, self.seconds, self.jobs, self.data = gain, seconds, [], None
        monkeypatch.setattr(trials, "run_child", self.run_child)

    def run_child(self, folder, job, *, is_worth, left_seconds):
        self.jobs.append(job)
        self.data = SearchData.read(folder)
        is_better = len(self.jobs) % 2 == 0
        losses = np.float32(1 - self.gain * is_better) + np.linspace(
            -0.01, 0.01, len(self.data.valid), dtype=np.float32
        )
        settings = {**job["settings"], **{name: 1e-3 * factor for name, factor in job["factors"].items()}}
        return {"settings": settings, "losses": packed(losses), "seconds": self.seconds, "is_cut": False}


def asked(X, y, **more):
    from headstart.selection.search_space import Around

    space = {"learning_rate": Around(0.1, 10.0)}
    settings = {"backbone": "two_convolutions", "space": space, "fixed": FIXED, "n_trials": 2, **more}
    return search_settings(X, y, **settings)


def places(some, X):
    """Where examples stand among all."""
    lookup = {np.asarray(x).tobytes(): place for place, x in enumerate(X)}
    return np.array([lookup[np.asarray(x).tobytes()] for x in some], dtype=int)


def seen_by_trials(children, X):
    """Rows that trials are fitted on, and those that judge them."""
    fitted, judging = (places(children.data.part(is_valid=is_valid)[0], X) for is_valid in (False, True))
    return fitted, judging


@pytest.fixture
def fits(monkeypatch):
    """Settings and rows of the fits at the end."""
    found, fit = [], FineTune.fit

    def seen(self, X, y, **more):
        found.append((self.get_params(), X, more.get("X_valid")))
        return fit(self, X, y, **more)

    monkeypatch.setattr(FineTune, "fit", seen)
    return found


def test_the_test_part_is_that_of_fit_and_no_trial_and_no_fit_sees_it(monkeypatch, fits):
    children = Children(monkeypatch)
    X, y = pictures()
    found = asked(X, y)
    test = split(read_problem(X, y, {}).found.dataset, near_group=np.arange(100)).test
    fitted, judging = seen_by_trials(children, X)
    assert not set(test) & {*fitted, *judging}
    assert not set(fitted) & set(judging)
    assert len(judging) >= 20
    assert sorted([*test, *fitted, *judging]) == list(range(100))
    assert [sorted(places(rows, X)) for _, rows, held in fits] == [sorted([*fitted, *judging])] * 2
    assert found.n_rows == {"fitted": len(fitted), "judged": len(judging), "test": len(test)}


def test_what_is_told_is_what_two_fits_by_hand_give(monkeypatch):
    Children(monkeypatch)
    X, y = pictures(tint=12)
    found = asked(X, y, fixed=ALWAYS)
    test = split(read_problem(X, y, {}).found.dataset, near_group=np.arange(100)).test
    train = np.setdiff1d(np.arange(100), test)
    codes = (y == "bee").astype(int)
    assert found.outcome in ("helped", "tie", "hurt")
    assert found.settings["learning_rate"] > 0
    assert "learning_rate" not in found.rule_settings
    said = []
    for settings in (found.settings, found.rule_settings):
        model = FineTune(**settings).fit([X[row] for row in train], codes[train])
        said.append(model.predict_proba([X[row] for row in test]))
    for metric in METRICS["classification"]:
        look = found.looks[metric]
        assert look.found.value == pytest.approx(bootstrap(metric, codes[test], said[0]).value)
        assert look.rule.value == pytest.approx(bootstrap(metric, codes[test], said[1]).value)
        expected = paired_difference(metric, codes[test], *said)
        assert (look.difference.value, look.difference.low) == pytest.approx((expected.value, expected.low))
    assert found.outcome == "tie" or not found.looks["macro_f1"].difference.is_tie
    assert "20 test rows, read once" in found.sentence


def test_where_no_trial_is_better_the_rule_is_fitted_once_and_nothing_is_compared(monkeypatch, fits):
    Children(monkeypatch, gain=0.0)
    found = asked(*pictures())
    assert len(fits) == 1
    assert found.outcome == "rule"
    assert found.settings == found.rule_settings == {"backbone": "two_convolutions", "task": "classification",
                                                      "random_state": 0, **FIXED}  # fmt: skip
    assert found.looks["accuracy"].difference is None
    told = json.loads(json.dumps(found.to_json()))
    assert set(told["test"]["accuracy"]) == {"rule"}
    assert found.sentence.startswith("The rule's settings stay: macro-F1")
    assert "*  0" in str(found)
    assert "No trial is better than the rule" in str(found)


def test_groups_and_near_duplicates_stay_together_and_judge_in_the_last_fits_too(monkeypatch, fits):
    children = Children(monkeypatch)
    X, y = pictures(160)
    near = np.arange(160)
    for row in range(1, 40, 4):  # another group's picture, but for one value
        X[row + 80], near[row + 80] = X[row].copy(), row
        X[row + 80][0, 0, 0] ^= 1
    group = np.array([f"g{row // 4}" for row in range(160)])
    asked(X, y, group=group)
    groups = joined_groups(group, near, 160)
    fitted, judging = seen_by_trials(children, X)
    test = np.setdiff1d(np.arange(160), [*fitted, *judging])
    parts = [set(groups[rows]) for rows in (fitted, judging, test)]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    for _, rows, held in fits:
        assert set(groups[places(rows, X)]) == parts[0]
        assert set(groups[places(held, X)]) == parts[1]


def test_rows_marked_val_judge(monkeypatch, fits):
    children = Children(monkeypatch)
    X, y = pictures(90)
    part = np.where(np.arange(90) % 3 == 0, "val", "train")
    part[::5] = "test"
    found = asked(X, y, split=part)
    fitted, judging = seen_by_trials(children, X)
    assert judging.tolist() == np.flatnonzero(part == "val").tolist()
    assert fitted.tolist() == np.flatnonzero(part == "train").tolist()
    assert found.rules["validation"] == "the rows marked val"
    assert {len(held) for *_, held in fits} == {len(judging)}


def test_with_times_what_judges_comes_later_and_the_test_part_last(monkeypatch, fits):
    children = Children(monkeypatch)
    X, y = pictures(120)
    order = np.random.default_rng(1).permutation(120)
    times = pd.date_range("2024-01-01", periods=120)[order]
    asked(X, y, time_column=times)
    fitted, judging = seen_by_trials(children, X)
    test = np.setdiff1d(np.arange(120), [*fitted, *judging])
    assert order[fitted].max() < order[judging].min() <= order[judging].max() < order[test].min()
    assert all(held is not None for *_, held in fits)


def test_numbers_are_told_as_errors(monkeypatch):
    Children(monkeypatch)
    draw = np.random.default_rng(0)
    y = draw.uniform(0, 100, size=100)
    X = [np.full((16, 16, 3), value, dtype=np.uint8) + draw.integers(0, 50, (16, 16, 3), dtype=np.uint8) for value in y]
    found = asked(X, y, task="regression", fixed=ALWAYS)
    assert list(found.looks) == ["neg_mae", "r2"]
    told = found.to_json()["test"]
    assert told["mae"]["found"]["value"] > 0
    look = found.looks["neg_mae"]
    assert look.difference.value == pytest.approx(look.found.value - look.rule.value) != 0
    assert told["mae"]["difference"]["value"] == -look.difference.value
    assert told["mae"]["difference"]["low"] <= told["mae"]["difference"]["value"] <= told["mae"]["difference"]["high"]
    assert "less is better" in found.sentence


def test_a_second_look_for_other_settings_is_told(monkeypatch, tmp_path):
    X, y = pictures()
    Children(monkeypatch)
    first = asked(X, y, storage=tmp_path)
    again = asked(X, y, storage=tmp_path)
    assert first.settings == again.settings
    assert not [note for note in again.notes if "read for" in note]
    Children(monkeypatch, gain=0.9)
    other = asked(X, y, storage=tmp_path, n_trials=4)
    assert other.settings != first.settings
    assert [note for note in other.notes if "for 1 other settings" in note]
    assert len(asked(X, y, storage=tmp_path, n_trials=2, random_state=1).search.trials) == 2  # a study of its own


def test_a_budget_is_for_all_of_it(monkeypatch, fits):
    children = Children(monkeypatch)
    asked(*pictures(), budget="1h")
    assert all(0.5 * 3600 < job["max_seconds"] <= 0.6 * 3600 for job in children.jobs)
    first, second = (params["max_seconds"] for params, *_ in fits)
    assert 1700 < first <= 1800 < second <= 3600
    with pytest.raises(DeadlineExceededError):
        asked(*pictures(), budget=1e-6)


def test_many_trials_are_told_in_short(monkeypatch):
    Children(monkeypatch)
    told = str(asked(*pictures(), n_trials=13))
    assert "what mattered: learning_rate 100%" in told
    assert "... and 3 trials more" in told
    losses = [float(line.split("done")[1].split()[0]) for line in told.splitlines() if "done" in line]
    assert losses == sorted(losses)
    assert len(losses) == 10


def test_what_makes_no_sense_is_told_before_the_first_trial(monkeypatch):
    children = Children(monkeypatch)
    X, y = pictures()
    with pytest.raises(UnknownNameError, match="Did you mean 'epochs'"):
        asked(X, y, fixed={"epoch": 3})
    with pytest.raises(InputError, match="smoothing in 0..1, got 3"):
        asked(X, y, fixed={"smoothing": 3})
    with pytest.raises(UnknownNameError, match="Did you mean 'two_convolutions'"):
        asked(X, y, backbone="two_convolution")
    with pytest.raises(InputError, match="n_trials above 0, got 0"):
        asked(X, y, n_trials=0)
    with pytest.raises(InputError, match="a budget like 90s"):
        asked(X, y, budget="soon")
    with pytest.raises(InputError, match="test_fraction between 0 and 1"):
        asked(X, y, test_fraction=1.0)
    with pytest.raises(InputError, match=r"got none \(40 labelled rows are fewer than 60\)\. Add"):
        asked(X[:40], y[:40])
    with pytest.raises(InputError, match="20 rows or more that judge beside the test part, got 0 of 56"):
        asked(X[:70], y[:70])
    with pytest.raises(InputError, match="got classification of table"):
        asked(pd.DataFrame({"a": range(100), "b": range(100), "y": y}), None, label="y")
    with pytest.raises(InputError, match="one class only"):
        asked(X, np.array(["ant"] * 100), task="classification")
    assert not children.jobs


def test_the_cheapest_backbone_that_is_ready_is_taken(monkeypatch):
    assert searching._backbone("image") == "efficientnet_lite0"
    monkeypatch.setattr(searching, "is_ready", lambda card: False)
    with pytest.raises(InputError, match="a backbone of text that is ready, got none"):
        searching._backbone("text")


def folder_of(parent):
    X, y = pictures()
    for number, (picture, name) in enumerate(zip(X, y, strict=True)):
        (parent / "photos" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(parent / "photos" / name / f"{number}.png")


def test_the_command_writes_what_the_library_takes(monkeypatch, tmp_path, capsys):
    children = Children(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    folder_of(tmp_path)
    fixed = ["epochs=1", "trainable=layer_decay", "augmentation=none", "cache=false"]
    command(tmp_path / "photos", backbone="two_convolutions", trials=2, fix=fixed)
    shown = capsys.readouterr().out
    assert "test rows, read once" in shown
    assert shown.rstrip().endswith("settings for hs.FineTune, all trials, the figures")
    told = json.loads((tmp_path / "runs" / "photos-search" / "settings.json").read_text())
    assert FineTune(**told["settings"]).epochs == 1
    assert told["settings"]["trainable"] == "layer_decay"
    assert children.jobs[0]["settings"]["cache"] is False
    command(tmp_path / "photos", tmp_path / "b.json", backbone="two_convolutions", trials=2, fix=fixed, as_json=True)
    assert len(children.jobs) == 2  # it went on where it was: nothing was left to try
    again = json.loads(capsys.readouterr().out)
    assert again["settings"] == told["settings"] == json.loads((tmp_path / "b.json").read_text())["settings"]
    with pytest.raises(InputError, match=r"the ending .json, got 'b.csv'"):
        command(tmp_path / "photos", tmp_path / "b.csv")
    with pytest.raises(InputError, match="--fix NAME=VALUE, got 'epochs'"):
        command(tmp_path / "photos", fix=["epochs"])


@pytest.mark.slow
def test_the_command_with_real_trials(tmp_path):
    folder_of(tmp_path)
    settings = ["--fix", "epochs=1", "--fix", "cache=false", "--fix", "device=cpu", "--trials", "2"]
    line = [
        sys.executable,
        "-m",
        "headstart",
        "search",
        "photos",
        "--backbone",
        "two_convolutions",
        "--json",
        *settings,
    ]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [trial["state"] for trial in told["trials"]] == ["done", "done"]
    assert told["trials"][0]["is_rule"]
    assert FineTune(**told["settings"]).backbone == "two_convolutions"
    assert done.stderr == ""
