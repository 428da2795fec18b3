"""A search of settings: the rule first, the same trials for one seed, what fails is told, what was killed goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from headstart.errors import DeadlineExceededError, InputError, MissingExtraError, UnknownNameError
from headstart.selection import _search_study
from headstart.selection import search as searching
from headstart.selection._search_data import SearchData
from headstart.selection._search_study import is_alive, process_name
from headstart.selection._trial import packed
from headstart.selection._trial_child import run_child
from headstart.selection.search import search
from headstart.selection.search_result import SearchTrial, choose
from headstart.selection.search_space import Among, Around, Between, default_space
from headstart.strategies.parameter.fine_tune import FineTune

SPACE = {"learning_rate": Around(0.1, 10.0), "head": Among(("linear", "mlp")), "smoothing": Between(0.0, 0.2)}
FIXED = {"cache": False, "device": "cpu", "epochs": 2}


def pictures(n=120, seed=0, side=16):
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = [draw.integers(0, 120, (side, side, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[..., code] += 60
    return X, np.array(["ant", "bee"])[y]


def asked(**more):
    X, y = pictures()
    settings = {"backbone": "two_convolutions", "space": SPACE, "fixed": FIXED, "n_trials": 6, **more}
    return search(X, y, **settings)


def fake(jobs, *, loss=lambda factor: abs(np.log(factor / 3)), shares=(), special=None):
    """A child that answers at once: its losses hang on the factor of the rate, 1 for the rule."""

    def run_child(folder, job, *, is_worth, left_seconds):
        jobs.append(job)
        if special and (said := special(len(jobs) - 1, job)):
            return said
        value = loss(job["factors"].get("learning_rate", 1.0))
        for share in shares:
            if not is_worth(share, value):
                return {"pruned": True}
        losses = np.float32(value) + np.linspace(-0.01, 0.01, 24, dtype=np.float32)
        rate = {name: 1e-3 * factor for name, factor in job["factors"].items()}
        settings = {**job["settings"], **rate}
        return {"settings": settings, "losses": packed(losses), "seconds": 0.5, "is_cut": False}

    return run_child


def use(monkeypatch, **more):
    jobs = []
    monkeypatch.setattr(searching, "run_child", fake(jobs, **more))
    return jobs


def test_the_rule_comes_first_and_the_better_is_taken(monkeypatch):
    jobs = use(monkeypatch)
    result = asked(n_trials=12)
    assert jobs[0]["factors"] == {}
    assert jobs[0]["settings"] == {
        "backbone": "two_convolutions",
        "task": "classification",
        "random_state": 0,
        **FIXED,
    }
    assert result.trials[0].is_rule
    assert sum(trial.is_rule for trial in result.trials) == 1
    assert len(result.trials) == len(jobs) == 12
    assert result.chosen.loss == min(trial.loss for trial in result.trials) < result.trials[0].loss
    assert FineTune(**result.settings).learning_rate == result.settings["learning_rate"]
    assert sum(result.importance.values()) == pytest.approx(1.0)
    assert max(result.importance, key=result.importance.get) == "learning_rate"
    assert result.table()["number"][0] == result.chosen.number


def test_the_rule_stays_where_nothing_is_better(monkeypatch):
    use(monkeypatch, loss=lambda factor: 1.0 + (factor != 1.0))
    result = asked()
    assert result.chosen.is_rule
    assert "learning_rate" not in result.settings
    assert "No trial is better than the rule" in result.notes[0]


def test_the_same_seed_tries_the_same_and_another_seed_does_not(monkeypatch):
    jobs = use(monkeypatch, shares=(0.5, 0.9))
    asked(n_trials=14)
    asked(n_trials=14)
    asked(n_trials=14, random_state=1)
    first, second, third = ([job["factors"] for job in jobs[start : start + 14]] for start in (0, 14, 28))
    assert first == second
    assert first[1:] != third[1:]


def test_a_search_in_two_calls_tries_what_one_call_does(monkeypatch, tmp_path):
    jobs = use(monkeypatch)
    asked(n_trials=13)
    asked(n_trials=5, storage=tmp_path)
    result = asked(n_trials=13, storage=tmp_path)
    assert [job["factors"] for job in jobs[:13]] == [job["factors"] for job in jobs[13:]]
    assert [trial.state for trial in result.trials] == ["done"] * 13
    again = asked(n_trials=13, storage=tmp_path)
    assert len(jobs) == 26
    assert again.settings == result.settings


def test_pruned_trials_are_told_and_the_rule_never_is_one(monkeypatch):
    use(monkeypatch, loss=lambda factor: 9.0 if factor == 1.0 else float(factor), shares=(0.5, 0.9))
    result = asked(n_trials=16)
    states = [trial.state for trial in result.trials]
    assert "pruned" in states
    assert states[0] == "done"
    assert all("median" in trial.why for trial in result.trials if trial.state == "pruned")
    kept = [trial.loss for trial in result.trials if trial.state == "done"]
    assert all(trial.tried["learning_rate"] > min(kept) for trial in result.trials if trial.state == "pruned")


def test_a_failing_trial_is_told_in_one_line_and_not_begun_anew(monkeypatch):
    jobs = use(monkeypatch, special=lambda n, job: {"failed": "ValueError: no such thing"} if n == 2 else None)
    result = asked()
    assert len(jobs) == 6
    assert result.trials[2].state == "failed"
    assert result.notes[-1] == "trial 2 failed: ValueError: no such thing"


def test_a_child_that_died_is_begun_anew_once_with_the_same_values(monkeypatch):
    def special(n, job):
        return {"failed": "its process ended with signal SIGKILL", "died": True} if n in (1, 2) else None

    jobs = use(monkeypatch, special=special)
    result = asked()
    assert jobs[1] == jobs[2] != jobs[3]
    assert [trial.state for trial in result.trials[:3]] == ["done", "retried", "failed"]
    assert len(jobs) == 7  # the one that was begun anew does not count
    jobs = use(monkeypatch, special=lambda n, job: special(n + 1, job) if n == 0 else None)
    assert asked().trials[1].is_rule
    assert jobs[1]["factors"] == {}


def test_a_search_that_only_fails_is_given_up(monkeypatch):
    jobs = use(monkeypatch, special=lambda n, job: {"failed": "out of luck"})
    with pytest.raises(InputError, match=r"got 3 that failed. The first: out of luck"):
        asked(n_trials=20)
    assert len(jobs) == 3


def test_a_search_that_was_stopped_goes_on_with_the_trial_it_was_at(monkeypatch, tmp_path):
    def special(n, job):
        if n == 2:
            raise KeyboardInterrupt
        return None

    jobs = use(monkeypatch, special=special)
    with pytest.raises(KeyboardInterrupt):
        asked(storage=tmp_path)
    again = use(monkeypatch)
    result = asked(storage=tmp_path)
    assert again[0] == jobs[2]
    assert [trial.state for trial in result.trials] == ["done", "done", "retried", *["done"] * 4]


def test_trials_of_processes_that_are_no_more_are_begun_anew(monkeypatch, tmp_path):
    jobs = use(monkeypatch, special=lambda n, job: (_ for _ in ()).throw(RuntimeError) if n == 1 else None)
    monkeypatch.setattr(_search_study.SearchStudy, "put_back", lambda self, trial: None)  # killed: nothing is booked
    with pytest.raises(RuntimeError):
        asked(storage=tmp_path)
    still = asked(storage=tmp_path, n_trials=2)  # this process lives: the trial is left alone
    assert still.trials[1].state == "running"
    with (tmp_path / "journal.log").open("a") as file:
        file.write('{"op_code": 5, "torn')
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    machine = process_name().split(" ")[0]
    monkeypatch.setattr(_search_study, "is_alive", lambda owner: is_alive(f"{machine} {int(dead.stdout)} 1"))
    again = use(monkeypatch)
    result = asked(storage=tmp_path, n_trials=3)
    assert [trial.state for trial in result.trials] == ["done", "retried", "done", "done"]
    assert again[0] == jobs[1]


def test_two_at_once_share_one_study(monkeypatch):
    jobs = use(monkeypatch)
    result = asked(n_jobs=2, n_trials=9)
    assert len(jobs) == 9
    assert [trial.number for trial in result.trials] == list(range(9))


def test_time_is_passed_on_and_kept(monkeypatch):
    jobs = use(monkeypatch)
    asked(budget=100.0, n_trials=2)
    assert 90 < jobs[1]["max_seconds"] <= jobs[0]["max_seconds"] <= 100
    asked(budget=0.4, n_trials=4)  # a trial takes half a second, as the child says
    assert len(jobs) == 3
    use(monkeypatch, special=lambda n, job: {"failed": "the time of the search was over"} if time.sleep(0.2) else None)
    asked(fixed={**FIXED, "max_seconds": 5.0}, n_trials=1)
    with pytest.raises(DeadlineExceededError, match="longer budget"):
        asked(budget=1e-9)


def test_another_search_is_not_mixed_in(monkeypatch, tmp_path):
    use(monkeypatch)
    asked(n_trials=1, storage=tmp_path)
    with pytest.raises(InputError, match="got other examples, settings or another space"):
        asked(n_trials=1, storage=tmp_path, fixed={**FIXED, "epochs": 3})
    asked(n_trials=1, storage=tmp_path, fixed={**FIXED, "epochs": 3}, study="another")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"budget": 0}, "budget above 0, got 0"),
        ({"space": {}}, "nothing to try"),
        ({"space": {"task": Among(("a",))}}, "task, which it does not try"),
        ({"space": {"head": Around(0.1, 2)}}, "Around for head, of which the rule says nothing"),
        ({"space": {"epochs": Between(1, 3)}}, "epochs, which is fixed as well"),
        ({"fixed": {"regulariser": object()}}, "an object for regulariser"),
        ({"valid_rows": range(5)}, "20 rows or more that judge"),
        ({"valid_rows": range(0, 120, 2)}, "each class outside valid_rows too, got none of 'ant'"),
        ({"valid_rows": [500]}, r"valid_rows in 0..119"),
        ({"backbone": 3}, "by name or folder, got int"),
        ({"task": "dance"}, "task of classification, regression"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_first_trial(monkeypatch, wrong, match):
    jobs = use(monkeypatch)
    with pytest.raises(InputError, match=match):
        asked(**wrong)
    assert not jobs


def test_unknown_names_and_labels_and_examples(monkeypatch):
    use(monkeypatch)
    with pytest.raises(UnknownNameError, match="Did you mean 'learning_rate'"):
        asked(space={"learningrate": Between(0.1, 1.0)})
    X, y = pictures()
    with pytest.raises(InputError, match=r"Pass \(n,\) labels"):
        search(X, y[:-1], backbone="two_convolutions")
    with pytest.raises(InputError, match="got dict at position 119"):
        search([*X[:-1], {}], y, backbone="two_convolutions", n_trials=1)


def test_without_optuna_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'headstart\[search\]'"):
        asked()


def test_the_module_comes_without_optuna():
    code = "import sys, headstart.selection.search as s; print('optuna' in sys.modules, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"] * 2


def test_a_gain_within_its_standard_error_is_luck():
    rows = np.linspace(0, 1, 30, dtype=np.float32)
    wave = np.where(np.arange(30) % 2, 1, -1).astype(np.float32)
    rule = SearchTrial(0, "done", {}, loss=float(rows.mean()), losses=rows, is_rule=True)

    def trial(losses, **more):
        return SearchTrial(1, "done", {}, loss=float(losses.mean()), losses=losses, **more)

    lucky, better = trial(rows - 0.05 + wave), trial(rows - 0.3 + wave)
    assert choose([rule, lucky]) is rule
    assert choose([rule, better]) is better
    assert choose([rule, trial(rows - 0.3, is_cut=True)]) is rule
    assert choose([lucky]) is lucky
    assert choose([SearchTrial(0, "failed", {})]) is None


def test_examples_come_back_as_they_were(tmp_path):
    given = ["a text", Path("a/file.png").absolute(), b"bytes", np.eye(2, dtype=np.float32)]
    data = SearchData(given, np.array(["a", "b", "a", "b"]), np.array([1, 3]))
    folder = data.write(tmp_path)
    assert folder == data.write(tmp_path)
    found = SearchData.read(folder)
    assert found.examples[:3] == given[:3]
    assert np.array_equal(found.examples[3], given[3])
    assert found.examples[3].dtype == np.float32
    assert found.part(is_valid=True)[0] == [found.examples[1], found.examples[3]]
    assert found.part(is_valid=False)[1].tolist() == ["a", "a"]


def test_default_space_is_made_of_settings_that_fit():
    for modality in ("image", "text", "audio", "video"):
        for task in ("classification", "regression"):
            for name, choice in default_space(modality, task=task).items():
                assert name in FineTune().get_params()
                usual = choice.nearest(FineTune().get_params()[name])
                assert usual in ((1.0,) if isinstance(choice, Around) else (FineTune().get_params()[name],))


REAL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from headstart.selection.search import search
from headstart.selection.search_space import Among, Around
import numpy as np
draw = np.random.default_rng(0)
y = np.arange(110) % 2
X = [draw.integers(0, 120, (16, 16, 3), dtype=np.uint8) for _ in y]
for picture, code in zip(X, y):
    picture[..., code] += 60
print("ready", flush=True)
found = search(
    X, y, backbone="two_convolutions", fixed={"cache": False, "device": "cpu", "epochs": int(sys.argv[3])},
    space={"learning_rate": Around(0.1, 10.0), "trainable": Among(("layer_decay", "full"))}, storage=sys.argv[2],
    n_trials=2, valid_rows=range(30), progress=lambda what, done, total: print(what, done, flush=True),
)
print(json.dumps([[t.state, t.tried, t.loss, t.why] for t in found.trials]))
"""


def begin(folder, epochs):
    return subprocess.Popen(
        [sys.executable, "-c", REAL, str(Path(__file__).parent), str(folder), str(epochs)],
        stdout=subprocess.PIPE,
        text=True,
    )


def children_of(number):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == number:
                found.append(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    return found


def wait_for(condition, seconds=60):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


@pytest.mark.slow
def test_a_real_child_says_what_it_saw_what_it_may_not_and_why_it_died(tmp_path, monkeypatch):
    X, y = pictures()
    for name, value in (("LOCAL_RANK", "1"), ("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)  # a search that torchrun started
    folder = SearchData(X, y, np.arange(30)).write(tmp_path)
    settings = {"backbone": "two_convolutions", "random_state": 0, **FIXED}
    seen = []

    def run(**more):
        job = {"settings": {**settings, **more}, "factors": {}, "max_seconds": None}
        return run_child(folder, job, is_worth=lambda *told: seen.append(told), left_seconds=float("inf"))

    assert run() == {"pruned": True}
    assert seen[0][0] == 0.5
    assert "nonsense" in run(trainable="nonsense")["failed"]
    said = run_child(tmp_path, {}, is_worth=lambda *told: True, left_seconds=float("inf"))
    assert "No such file" in said["failed"]
    said = run_child(folder, {"settings": settings}, is_worth=lambda *told: True, left_seconds=-60.0)
    assert said == {"failed": "the time of the search was over"}


@pytest.mark.slow
def test_real_children_killed_children_and_a_killed_parent(tmp_path):
    calm = begin(tmp_path / "calm", 2)
    told = calm.communicate(timeout=240)[0].splitlines()
    assert calm.returncode == 0
    expected = json.loads(told[-1])
    assert [state for state, *_ in expected] == ["done", "done"]
    parent = begin(tmp_path / "killed", 2)
    assert parent.stdout.readline() == "ready\n"
    first = wait_for(lambda: children_of(parent.pid))[0]
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: [child for child in children_of(parent.pid) if child != first])[0]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not Path(f"/proc/{second}").exists())  # without its parent it ends
    again = begin(tmp_path / "killed", 2)
    found = json.loads(again.communicate(timeout=240)[0].splitlines()[-1])
    assert [state for state, *_ in found[:2]] == ["retried", "retried"]
    assert "SIGKILL" in found[0][3]
    assert found[2][0] == "done"
    assert found[2][2] == expected[0][2]  # the rule, at last, bit for bit
    assert len(found) == len(expected) + 2
