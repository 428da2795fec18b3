"""No pickle is read or written, no remote code is trusted, nothing but the command line prints."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "headstart"
FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_dangerous_is_called(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            assert not {"pickle", "dill", "cloudpickle", "joblib"} & {name.split(".")[0] for name in names}
        if isinstance(node, ast.keyword):
            assert node.arg != "trust_remote_code"
            if node.arg in ("weights_only", "allow_pickle"):
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is (node.arg == "weights_only")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec")
            if called == "torch.load":
                assert any(keyword.arg == "weights_only" for keyword in node.keywords)
            if called == "print":
                assert "cli" in path.parts
