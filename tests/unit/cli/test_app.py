"""The command line: errors are one line with a documented code, and --json is JSON."""

import json
import subprocess
import sys

import pytest

from headstart.cli.app import EXIT_CODES


def run(*arguments, **settings):
    command = [sys.executable, "-m", "headstart", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **settings)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "nowhere"), "needs a path that exists"),
        (("fit", ".", "--budget", "soon"), "needs a budget like 90s, 10m or 1.5h"),
        (("fit", ".", "--backbone", "efficientnet_lite9"), "Did you mean 'efficientnet_lite"),
        (("fit", ".", "--head", "logistik"), "Did you mean 'logistic'"),
        (("fit", ".", "--task", "guessing"), "needs a known name"),
        (("predict", "nowhere", "a.png"), "There is no such path"),
        (("backbones", "show", "efficientnet_lit0"), "Did you mean 'efficientnet_lite0'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_2(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert words in line
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_listing_is_json_for_scripts():
    done = run("backbones", "list", "--json")
    assert done.returncode == 0
    names = {card["name"] for card in json.loads(done.stdout)}
    assert {"efficientnet_lite0", "all_minilm_l6_v2", "columns"} <= names


def test_every_exit_code_is_documented():
    from pathlib import Path

    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    for code in EXIT_CODES:
        assert f"| {code} |" in readme
