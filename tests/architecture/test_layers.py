"""The folders' order is the direction of the imports."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "headstart"
BELOW_ALL = ("types", "errors", "deadline", "whole_file", "cores", "members")
LAYERS = (
    "tasks",
    "data",
    "backbones",
    "features",
    "heads",
    "evaluation",
    "training",
    "strategies",
    "bundle",
    "selection",
    "report",
    "run",
    "export",
    "serve",
    "monitor",
    "testing",
    "cli",
    "__main__",
)
HEAVY = {
    "torch",
    "timm",
    "torchvision",
    "transformers",
    "pandas",
    "pyarrow",
    "sklearn",
    "openvino",
    "onnxruntime",
    "PIL",
}
HEAVY |= {"cleanlab", "skops", "scipy", "safetensors", "rich", "tokenizers", "librosa", "soundfile", "soxr", "numba"}
FILES = sorted(SOURCE.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> list[tuple[str, bool]]:
    """(module, stands at the top of the file and runs) of every import."""
    found = []

    def visit(node: ast.AST, at_top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, at_top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                found.append((child.module, at_top))
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            is_typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            visit(child, at_top and not is_function and not is_typing)

    visit(tree, True)
    return found


def derives_from_heavy(tree: ast.AST) -> bool:
    """True for a file with a class whose base comes from a heavy package imported in it."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith((*HEAVY, "headstart.heads._"))
        for alias in node.names
    }
    bases = [base for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases]
    return any((isinstance(b, ast.Name) and b.id in names) or isinstance(b, ast.Attribute) for b in bases)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_to_earlier_layers(path):
    own = layer(path)
    if own in ("__init__", *BELOW_ALL):
        allowed = set(BELOW_ALL)
    else:
        allowed = {*BELOW_ALL, "__init__", *LAYERS[: LAYERS.index(own) + 1]}
    for module, _ in imports(ast.parse(path.read_text())):
        parts = module.split(".")
        if parts[0] == "headstart":
            target = parts[1] if len(parts) > 1 else "__init__"
            assert target in allowed, f"{path.name} ({own}) imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_heavy_packages_are_imported_inside_functions(path):
    tree = ast.parse(path.read_text())
    is_runtime = path.name.endswith("_runtime.py")
    is_provider = path.parent.name == "backbones" and path.name.startswith(("timm_", "torchvision_"))
    if is_runtime or is_provider or layer(path) == "training" or derives_from_heavy(tree):
        return
    top = {module.split(".")[0] for module, at_top in imports(tree) if at_top}
    assert not top & HEAVY


@pytest.mark.parametrize(
    "folder",
    [
        "backbones",
        "features/runtimes",
        "heads",
        "evaluation/validators",
        "cli",
        "tasks",
        "training/losses",
        "strategies/parameter",
    ],
)
def test_members_of_a_kind_do_not_import_each_other(folder):
    shared = {"backbones": {"backbone", "registry"}, "heads": {"registry", "trusted"}, "cli": {"app", "progress"}}
    shared |= {"tasks": {"task", "registry"}, "features/runtimes": {"runtime"}}
    members = {p.stem for p in (SOURCE / folder).glob("*.py") if not p.stem.startswith("_")} - shared.get(folder, set())
    for member in members:
        for module, _ in imports(ast.parse((SOURCE / folder / f"{member}.py").read_text())):
            prefix = "headstart." + folder.replace("/", ".") + "."
            if module.startswith(prefix):
                assert module.removeprefix(prefix).split(".")[0] not in members - {member}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_stay_under_400_lines_and_have_honest_names(path):
    assert path.read_text().count("\n") <= 400
    assert path.stem not in {"utils", "helpers", "common", "misc"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(("Manager", "Handler", "Factory"))


def test_every_layer_in_the_source_is_listed():
    present = {layer(path) for path in FILES} - {"__init__", *BELOW_ALL}
    assert present <= set(LAYERS)


def test_the_architecture_page_names_the_layers_in_this_order():
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text()
    block = page.split("## The route of the data", 1)[1].split("Heavy packages", 1)[0]
    listed = [line.split()[0].strip("/").removesuffix(".py") for line in block.splitlines() if line.startswith("    ")]
    assert listed == [name for name in LAYERS if name in listed]
    present = {layer(path) for path in FILES} - {"__init__", "__main__", *BELOW_ALL}
    assert present <= set(listed)
