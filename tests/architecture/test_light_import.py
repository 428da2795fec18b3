"""``import headstart`` is light, prints nothing, changes nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import headstart

HEAVY = ("torch", "timm", "pandas", "sklearn", "scipy", "openvino", "onnxruntime", "PIL", "numpy", "typer", "rich")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_no_heavy_package_comes_with_it():
    loaded = run(f"import sys, headstart; print([m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == "[]"


def test_it_touches_no_environment_and_no_warning_filter():
    code = "import os, warnings; a = dict(os.environ), list(warnings.filters); import headstart; "
    code += "print(a == (dict(os.environ), list(warnings.filters)))"
    assert run(code) == "True"


def test_every_public_name_is_there_and_in_the_stub():
    stub = ast.parse(Path(headstart.__file__).with_suffix(".pyi").read_text())
    in_stub = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert in_stub | {"__version__"} == set(headstart.__all__)
    for name in headstart.__all__:
        assert getattr(headstart, name) is not None


def test_an_unknown_public_name_is_an_attribute_error():
    assert not hasattr(headstart, "no_such_name")
