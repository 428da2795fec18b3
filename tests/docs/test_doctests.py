"""The examples in the docstrings are true."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import headstart

MODULES = sorted(m.name for m in pkgutil.walk_packages(headstart.__path__, "headstart.") if not m.ispkg)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_examples_of_the_module(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("headstart"):
            raise
        pytest.skip(f"{error.name} is not installed")
    for case in doctest.DocTestFinder().find(module, name):
        failures, _ = doctest.DocTestRunner(verbose=False).run(case)
        assert failures == 0, case.name


def test_examples_are_found():
    cases = [
        case
        for name in ("headstart.run.settings", "headstart.features.cache_size")
        for case in doctest.DocTestFinder().find(import_module(name))
        if case.examples
    ]
    assert len(cases) >= 3
