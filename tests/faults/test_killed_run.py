"""Killed at any moment: the cache verifies, and the same command comes to the same end."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest


def command(photos, out):
    settings = ["--backbone", "efficientnet_lite0", "--head", "logistic"]
    return [sys.executable, "-m", "headstart", "fit", str(photos), "--out", str(out), *settings]


def outcome(out):
    """Everything about a result that does not depend on the clock."""
    result = json.loads((out / "run.json").read_text())
    result.pop("cost")
    bundle = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted((out / "bundle").iterdir())}
    return result, bundle


def undisturbed(photos, folder):
    environment = {**os.environ, "HEADSTART_CACHE": str(folder / "cache")}
    begin = time.monotonic()
    subprocess.run(command(photos, folder / "out"), env=environment, check=True, capture_output=True)
    return outcome(folder / "out"), time.monotonic() - begin


@pytest.mark.slow
def test_twenty_kills_leave_a_sound_cache_and_the_same_result(photos, tmp_path):
    expected, seconds = undisturbed(photos, tmp_path / "calm")
    rng = np.random.default_rng(0)
    environment = {**os.environ, "HEADSTART_CACHE": str(tmp_path / "cache")}
    verify = [sys.executable, "-m", "headstart", "cache", "verify"]
    for _ in range(20):
        process = subprocess.Popen(
            command(photos, tmp_path / "out"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(float(rng.uniform(0.2, 1.0)) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert subprocess.run(verify, env=environment, capture_output=True).returncode == 0
    subprocess.run(command(photos, tmp_path / "out"), env=environment, check=True, capture_output=True)
    assert outcome(tmp_path / "out") == expected


def test_a_torn_journal_and_an_unfinished_folder_are_gone_on_with(tmp_path):
    from headstart.run.run_folder import RunFolder

    with RunFolder(tmp_path / "out", {"data": "a"}) as folder:
        assert folder.decide("try:x", lambda: True) is True
        folder.spend("heads", 2.0)
    with (tmp_path / "out" / "run.jsonl").open("a") as file:
        file.write('{"name": "try:y", "val')
    with RunFolder(tmp_path / "out", {"data": "a"}) as folder:
        assert folder.decide("try:x", lambda: False) is True
        assert folder.decide("try:y", lambda: False) is False
        assert folder.seconds_before == 2.0
    with RunFolder(tmp_path / "out", {"data": "a"}) as folder:
        assert folder.decide("try:y", lambda: True) is False


def test_two_runs_do_not_share_a_folder(tmp_path):
    from headstart.errors import InputError, OutputExistsError
    from headstart.run.run_folder import RunFolder

    with RunFolder(tmp_path / "out", {"data": "a"}):
        with pytest.raises(InputError, match="still writing"):
            RunFolder(tmp_path / "out", {"data": "a"})
    with pytest.raises(OutputExistsError, match="other data"):
        RunFolder(tmp_path / "out", {"data": "b"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    with pytest.raises(OutputExistsError, match="other files"):
        RunFolder(tmp_path / "mine", {"data": "a"})
    with RunFolder(tmp_path / "out", {"data": "b"}, overwrite=True) as folder:
        assert folder.seconds_before == 0
