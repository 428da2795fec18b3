"""The commands, in process."""

import json

import pytest
from typer.testing import CliRunner

from headstart.backbones import embedded
from headstart.cli.backbones import app


def run(*args):
    return CliRunner().invoke(app, args)


def rows(*args):
    done = run(*args, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_list():
    listed = {row["name"]: row for row in rows("list")}
    assert listed["efficientnet_lite0"]["licence"] == "Apache-2.0"
    assert listed["efficientnet_lite0"]["ready"] is True
    assert set(row["name"] for row in rows("list", "--ready", "--commercial")) <= set(listed)
    assert rows("list", "--modality", "mixed") == []
    shown = run("list")
    assert shown.exit_code == 0
    assert "efficientnet_lite0" in shown.stdout
    assert "MIT" in shown.stdout


def test_list_all_and_its_filter():
    names = {row["name"] for row in rows("list", "--all")}
    assert {"timm/resnet18.a1_in1k", "torchvision/resnet50", "efficientnet_lite0"} <= names
    assert "timm/resnet18.a1_in1k" not in {row["name"] for row in rows("list", "--all", "--commercial")}


def test_show():
    [card] = [json.loads(run("show", "mobilenetv2", "--json").stdout)]
    assert (card["licence"], card["dim"], card["input"]["height"]) == ("MIT", 1280, 224)
    assert "licence" in run("show", "efficientnet_lite0").stdout


def test_verify():
    found = {row["name"]: row["status"] for row in rows("verify")}
    assert found["efficientnet_lite0"] == "ok"
    assert rows("verify", "hog")[0]["status"] == "no weights"
    assert rows("verify", "own_word2vec")[0]["status"] == "no weights"
    assert "own_word2vec" not in found
    assert "ok" in run("verify", "efficientnet_lite0").stdout


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_verify_tells_damage_by_its_exit_code(tmp_path, monkeypatch, damage):
    path = tmp_path / "w.pth"
    path.write_bytes(b"other")
    monkeypatch.setattr(embedded, "_path", lambda _: path if damage == "changed" else None)
    done = run("verify", "efficientnet_lite0", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)[0]["status"] == damage
