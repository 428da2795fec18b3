"""The two READMEs: their code runs, they say the same, and what they name exists."""

import re
import shlex
import subprocess
import sys
import tomllib
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import headstart

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
PAGES = (*READMES, "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)


def prose(name):
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(name), flags=re.MULTILINE | re.DOTALL)


def code_spans(name):
    return re.findall(r"`([^`\n]+)`", prose(name))


def shell_lines(name):
    """Each ``headstart`` command of the shell blocks, as words after ``headstart``."""
    lines = [shlex.split(line, comments=True) for block in blocks(name, "sh") for line in block.splitlines()]
    assert all(line[0] == "headstart" for line in lines if line)
    return [line[1:] for line in lines if line]


def mentioned_commands(name):
    """The words after ``headstart`` in shell lines and in prose."""
    spans = [shlex.split(span)[1:] for span in code_spans(name) if span.startswith("headstart ")]
    return shell_lines(name) + spans


@pytest.fixture(scope="module")
def commands():
    """(words of the command) -> its options; () stands for ``headstart`` itself."""
    import typer.main

    from headstart.cli import app as command_line

    known = {(): {"--help"}}
    command_line._mount()

    def walk(command, words):
        options = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-")
        }
        known[words] = options | {"--help"}
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*words, name))

    walk(typer.main.get_command(command_line.app), ())
    return known


def leaf_of(words, commands):
    """The longest known command that ``words`` begin with."""
    for n_words in (2, 1, 0):
        if tuple(words[:n_words]) in commands:
            return tuple(words[:n_words])
    raise AssertionError(words)


@pytest.fixture
def folder_with_photos(tmp_path, monkeypatch):
    """The working directory that the README speaks of: ``photos/`` with stripes and noise, 40 of each."""
    rng = np.random.default_rng(0)
    for name in ("ants", "bees"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(40):
            pixels = rng.integers(0, 120, (96, 128, 3), dtype=np.uint8)
            if name == "ants":
                pixels[:, :: int(rng.integers(4, 9))] += 120
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", READMES)
def test_the_code_runs(name, folder_with_photos, capsys):
    found = {}
    for number, block in enumerate(blocks(name, "python")):
        exec(compile(block, f"{name}, python block {number}", "exec"), found)
    assert found["small"].shape == (80, 32)
    assert found["middle"].shape[0] == 80
    assert set(found["model"].predict(found["paths"])) == {"ants", "bees"}
    for listed in re.findall(r"^- `([\w./]+)`", prose(name), re.MULTILINE):
        assert (folder_with_photos / "runs" / "photos" / listed).exists(), listed
    for words in shell_lines(name):
        if "pull" not in words:
            done = subprocess.run([sys.executable, "-m", "headstart", *words], capture_output=True, text=True)
            assert done.returncode == 0, (words, done.stderr)
    assert len(Path("predictions.csv").read_text().splitlines()) == 81


def test_both_languages_have_the_same_code_headings_and_names():
    english, chinese = READMES
    for language in ("python", "sh"):
        assert blocks(english, language) == blocks(chinese, language)
    assert len(blocks(english, "python")) >= 5
    levels = [re.findall(r"^(#+) ", prose(name), re.MULTILINE) for name in READMES]
    assert levels[0] == levels[1]
    assert set(code_spans(english)) == set(code_spans(chinese))
    assert prose(english).count("\n| ") == prose(chinese).count("\n| ")
    assert f"]({chinese})" in text_of(english)
    assert f"]({english})" in text_of(chinese)


@pytest.mark.parametrize("name", READMES)
def test_every_public_name_is_mentioned_and_no_other(name):
    mentioned = set(re.findall(r"\bhs\.(\w+)", text_of(name)))
    assert mentioned == set(headstart.__all__) - {"__version__"}


@pytest.mark.parametrize("name", READMES)
def test_every_argument_in_prose_exists(name):
    known = set(signature(headstart.fit).parameters) | set(signature(headstart.Encoder).parameters)
    mentioned = {found[1] for span in code_spans(name) if (found := re.match(r"([a-z_]+)=", span))}
    assert len(mentioned) > 5
    assert mentioned <= known


@pytest.mark.parametrize("name", READMES)
def test_every_command_and_option_exists_and_every_command_is_mentioned(name, commands):
    mentioned = set()
    for words in mentioned_commands(name):
        leaf = leaf_of(words, commands)
        assert leaf or words[0].startswith("-") or words[0] == "COMMAND", words
        assert leaf not in (("backbones",), ("cache",)), words
        mentioned.add(leaf)
        options = {word.split("=")[0] for word in words if word.startswith("-")}
        assert options <= commands[leaf], words
    groups = {words[:1] for words in commands if len(words) == 2}
    assert mentioned >= set(commands) - groups - {()}
    every_option = set().union(*commands.values())
    assert {span for span in code_spans(name) if span.startswith("-")} <= every_option


@pytest.mark.parametrize("name", READMES)
def test_exit_codes_are_those_of_the_command_line(name):
    from headstart.cli.app import EXIT_CODES

    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", text_of(name), re.MULTILINE))
    assert set(rows) == {str(code) for code in EXIT_CODES}
    if name == "README.md":
        assert all(rows[str(code)].startswith(meaning) for code, meaning in EXIT_CODES.items())


@pytest.mark.parametrize("name", READMES)
def test_extras_make_targets_and_variables_exist(name):
    page = text_of(name)
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = set(project["optional-dependencies"])
    for listed in re.findall(r"\[([a-z,]+)\]'", page):
        assert set(listed.split(",")) <= extras
    table = page.split("|---|---|", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == extras
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    mentioned = set(re.findall(r"^    make ([a-z-]+)", page, re.MULTILINE))
    assert {"demo", "test"} <= mentioned <= targets
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    variables = set(re.findall(r"`(HEADSTART_\w+)`", page))
    assert variables == {"HEADSTART_CACHE", "HEADSTART_CACHE_MAX"}
    assert all(variable in source for variable in variables)


@pytest.mark.parametrize("name", PAGES)
def test_relative_links_resolve(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if not target.startswith(("http://", "https://", "#")):
            assert (ROOT / name).parent.joinpath(target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_that_are_named_exist(name):
    for span in code_spans(name):
        if re.fullmatch(r"(src|tests|benchmarks|docs)/[\w./-]+", span) and "NAME" not in span:
            assert (ROOT / span).exists(), span
        elif re.fullmatch(r"[a-z_]+/[\w/]+\.py", span) and "NAME" not in span:
            assert (ROOT / "src" / "headstart" / span).exists(), span
