"""``headstart cache ls | prune | verify``."""

import json
from hashlib import sha256

import numpy as np
import pytest
from typer.testing import CliRunner

from headstart.cli.cache import app
from headstart.errors import InputError
from headstart.features.cache import FeatureCache
from headstart.features.shard import find_shards


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return FeatureCache()


@pytest.fixture
def space(cache):
    with cache.space({"weights": "[red]w1", "scale": {"x": 1}}, 4) as space:
        space.put([sha256(bytes([i])).digest() for i in range(5)], np.ones((5, 4)))
    return space


def run(*words, code=0):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result.output


def test_an_empty_cache_is_told(cache):
    assert run("ls").startswith("0 B of at most 20 GB in ")
    assert json.loads(run("ls", "--json"))["spaces"] == []
    assert run("verify") == "All 0 rows are sound.\n"
    assert json.loads(run("prune", "--json")) == {"root": str(cache.root), "freed_bytes": 0, "bytes": 0}


def test_ls_tells_sizes_and_keys(cache, space):
    text = run("ls")
    assert space.folder.name[:12] in text
    assert "weights=[red]w1" in text
    assert "280 B" in text
    (told,) = json.loads(run("ls", "--json"))["spaces"]
    assert (told["rows"], told["dim"], told["bytes"], told["key"]["scale"]) == (5, 4, 280, {"x": 1})


def test_prune_frees_and_says_so(cache, space):
    assert run("prune", "--max-size", "1KB").startswith("Freed 0 B; 280 B left in ")
    assert json.loads(run("prune", "--all", "--json"))["freed_bytes"] == 280
    assert cache.ls() == []


def test_prune_refuses_what_is_no_size(cache, space):
    result = CliRunner().invoke(app, ["prune", "--max-size", "much"])
    assert isinstance(result.exception, InputError)


def test_verify_exits_with_1_when_something_is_damaged(cache, space):
    assert run("verify") == "All 5 rows are sound.\n"
    (shard,) = find_shards(space.folder)
    shard.rows.write_bytes(b"\x01" + shard.rows.read_bytes()[1:])
    assert "row 0: its bytes do not match their checksum" in run("verify", code=1)
    told = json.loads(run("verify", "--json", code=1))
    assert (told["is_sound"], told["rows"], told["bad"][0]["row"]) == (False, 4, 0)
    assert "1 damaged ones were removed" in run("verify", "--repair", code=1)
    assert json.loads(run("verify", "--json"))["rows"] == 4
