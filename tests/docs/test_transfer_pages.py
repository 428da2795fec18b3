"""The decision chart and the pages of the methods: all methods stand there, no others do, and the examples are true."""

import doctest
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

import headstart
from headstart.evaluation.validators.registry import VALIDATORS
from headstart.selection.shift_kind import KINDS, advice
from headstart.strategies.feature.registry import ALIGNMENTS, FEATURE_METHODS
from headstart.strategies.instance.registry import INSTANCE_METHODS, WEIGHTINGS
from headstart.training.moving.registry import MOVING
from headstart.training.regularisers.registry import REGULARISERS

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = DOCS.parent / "src" / "headstart"
CHART = "transfer.md"
PAGES = (CHART, "transfer/instance.md", "transfer/feature.md", "transfer/parameter.md", "transfer/choosing.md")
NOT_METHODS = ("source_weights",)
"""Files in ``strategies/parameter`` that hold a noun."""
PARAMETER = sorted(
    path.stem for path in (SOURCE / "strategies" / "parameter").glob("[a-z]*.py") if path.stem not in NOT_METHODS
)
HOMES = {
    "transfer/instance.md": [*WEIGHTINGS.names(), *INSTANCE_METHODS.names()],
    "transfer/feature.md": [*ALIGNMENTS.names(), *FEATURE_METHODS.names()],
    "transfer/parameter.md": [*PARAMETER, *MOVING.names(), *REGULARISERS.names()],
    "transfer/choosing.md": ["safe_transfer", "source_selection"],
}
METHODS = [(page, name) for page, names in HOMES.items() for name in names]
KNOWN = {name for _, name in METHODS} | set(VALIDATORS.names()) | set(KINDS)
PICTURED = {"fine_tune": "layer_decay"}
"""Methods that stand under the picture of another."""
NO_PICTURE = ("text_lstm", "source_selection")
"""One takes texts, the other more than two domains."""


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def section(page, name):
    """What stands under the heading ``name``."""
    found = re.search(rf"^##+ {name}\n(.*?)(?=^##? |^### |\Z)", text_of(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {name}: write one, and let docs/draw_transfer.py {name} draw its picture"
    return found[1]


def prose(page):
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_true(page):
    names, attempted = {}, 0
    for number, block in enumerate(re.findall(r"^```pycon\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)):
        case = doctest.DocTestParser().get_doctest(block, names, f"{page}, example {number}", page, 0)
        found = doctest.DocTestRunner(verbose=False).run(case, clear_globs=False)
        assert found.failed == 0, case.name
        names, attempted = case.globs, attempted + found.attempted
    assert attempted >= 5


@pytest.mark.parametrize(("page", "name"), METHODS)
def test_every_method_has_its_mathematics_limits_cost_paper_and_example(page, name):
    text = section(page, name)
    assert "$" in text
    for word in ("Assumes", "Harms", "Cost", "Paper"):
        assert f"- **{word}** " in text, word
    assert "```pycon\n>>> " in text
    if name not in NO_PICTURE:
        assert f"](pictures/{PICTURED.get(name, name)}.svg)" in text


def test_every_method_stands_in_the_chart_and_in_its_list():
    chart = text_of(CHART)
    mentioned = set(re.findall(r"`(\w+)`", chart))
    assert {name for page, name in METHODS if page != "transfer/choosing.md"} - mentioned == set()
    assert set(VALIDATORS.names()) <= mentioned
    tables = chart.split("## What you have")[1].split("## Every method")[0]
    advised = set(re.findall(r"`(\w+)`", tables))
    assert {name for page, name in METHODS if page != "transfer/choosing.md"} - advised - {"fine_tune"} == set()
    flow = re.search(r"^```text\n(.*?)^```$", chart, re.MULTILINE | re.DOTALL)[1]
    names = {word for word in re.findall(r"\b[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9]\b", flow)}
    assert names - KNOWN == set()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("has_overlap", [True, False])
def test_the_table_says_what_diagnose_advises(kind, has_overlap):
    rows = re.findall(rf"^\| `{kind}`(.*)$", text_of("transfer/choosing.md"), re.MULTILINE)
    assert rows
    told = [row for row in rows if len(rows) == 1 or ("no overlap" in row) is not has_overlap]
    assert len(told) == 1
    if kind == "unknown":
        assert "as overlap says" in told[0]
        return
    advised = advice(SimpleNamespace(kind=kind, has_overlap=has_overlap))
    named = {name.replace("_", "") for name in re.findall(r"`(\w+)`", told[0])}
    wanted = {re.sub("[^a-z]", "", name.lower()).replace("finetuning", "finetune") for name in advised.methods}
    assert wanted <= named
    assert advised.family in told[0] or kind == "concept_shift"


def parameter_class(name):
    members = vars(import_module(f"headstart.strategies.parameter.{name}"))
    return next(found for key, found in members.items() if key.lower() == name.replace("_", ""))


def settings_of_methods():
    """Names of the arguments of every class that the pages speak of."""
    from headstart.strategies.feature.aligned import Aligned
    from headstart.strategies.instance.reweighted import Reweighted

    kinds = (ALIGNMENTS, FEATURE_METHODS, WEIGHTINGS, INSTANCE_METHODS, MOVING, REGULARISERS, VALIDATORS)
    classes = [members.class_of(name) for members in kinds for name in members.names()]
    classes += [parameter_class(name) for name in PARAMETER]
    classes += [Aligned, Reweighted, headstart.SafeTransfer, headstart.FineTune]
    methods = [method for found in classes for method in (found, found.fit if hasattr(found, "fit") else found)]
    return {name for method in methods for name in inspect.signature(method).parameters}


@pytest.mark.parametrize("page", PAGES)
def test_no_name_that_does_not_exist(page):
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    known = KNOWN | settings_of_methods()
    for span in spans:
        for public in re.findall(r"\bhs\.(\w+)", span):
            assert public in headstart.__all__, span
        if re.fullmatch(r"[a-z][a-z0-9_]*_", span):
            assert f"self.{span}" in code, span
        elif re.fullmatch(r"[a-z][a-z0-9_]*", span):
            assert span in known or f"def {span}(" in code, span
    headings = set(re.findall(r"^### (\w+)$", text_of(page), re.MULTILINE))
    assert headings <= KNOWN


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page):
    targets = [found for found in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not found.startswith("http")]
    assert targets or page == "transfer/choosing.md"
    for found in targets:
        assert (DOCS / page).parent.joinpath(found.partition("#")[0]).exists(), found
