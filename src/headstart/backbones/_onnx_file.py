"""An ONNX graph, looked through before a runtime sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.errors import InputError, IntegrityError

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators that onnxruntime brings along; others would need code from elsewhere."""
_MOST_BYTES = 2**31 - 1
"""What one protobuf message can hold, weights outside of the file included."""


def read_graph(path: Path, who: str) -> Any:
    """The model with all its weights inside.

    Raises:
        IntegrityError: it is damaged, too large, uses operators of others, or points to files outside its folder.
    """
    import onnx

    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise _refusal(who, path, f"one of {size} bytes", f"Use a model of at most {_MOST_BYTES} bytes.")
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except Exception as error:  # a border: protobuf raises kinds of its own for a damaged file
        raise _refusal(who, path, f"a damaged one ({type(error).__name__})", "Get the file again.") from error
    if not model.graph.node or not model.graph.output:
        raise _refusal(who, path, "one without operators", "Get the file again.")
    _refuse_foreign_operators(model, path, who)
    _read_external(model, path, who)
    return model


def external_files(path: Path) -> list[Path]:
    """The files with weights beside a model."""
    import onnx

    model = onnx.load_model_from_string(path.read_bytes())
    names = {_location(tensor) for tensor in _tensors(model) if tensor.data_location == tensor.EXTERNAL}
    return [path.parent / name for name in sorted(names)]


def _refuse_foreign_operators(model: Any, path: Path, who: str) -> None:
    """Functions that the model itself defines out of known operators are known, too."""
    own = {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        if node.domain not in _DOMAINS and (node.domain, node.op_type) not in own:
            raise _refusal(
                who, path, f"the operator {node.domain}.{node.op_type}", "Export the model with standard operators."
            )


def _read_external(model: Any, path: Path, who: str) -> None:
    """Put weights of other files into the model."""
    from onnx.external_data_helper import load_external_data_for_tensor

    folder = path.parent.resolve()
    total = path.stat().st_size
    for tensor in _tensors(model):
        _check_size(tensor, path, who)
        if tensor.data_location != tensor.EXTERNAL:
            continue
        name = _location(tensor)
        file = folder / name
        if not name or Path(name).is_absolute() or not file.resolve().is_relative_to(folder) or file.is_symlink():
            raise _refusal(who, path, f"weights in {name!r}", "Keep them in the model's folder; do not trust it.")
        if not file.is_file():
            raise _refusal(who, path, f"weights in {name!r}, which is not there", "Copy all files of the model.")
        total += _extent(tensor, file)
        if total > _MOST_BYTES:
            raise _refusal(who, path, f"weights of more than {_MOST_BYTES} bytes", "Use a smaller model.")
        try:
            load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # a border: onnx raises several kinds for a file that is too short
            raise _refusal(who, path, f"weights in {name!r} ({type(error).__name__})", "Get the file again.") from error
        tensor.data_location = tensor.DEFAULT
        del tensor.external_data[:]


def _check_size(tensor: Any, path: Path, who: str) -> None:
    count = 1
    for side in tensor.dims:
        count *= side
        if side < 0 or count > _MOST_BYTES:
            raise _refusal(who, path, f"a tensor of shape {tuple(tensor.dims)}", "Use a smaller model.")


def _location(tensor: Any) -> str:
    return next((str(entry.value) for entry in tensor.external_data if entry.key == "location"), "")


def _extent(tensor: Any, file: Path) -> int:
    """Bytes that a tensor takes from its file."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    length = said.get("length", "")
    return int(length) if length.isdigit() else file.stat().st_size


def _graphs(model: Any) -> Iterator[Any]:
    """The graph, its functions, and those inside of their operators."""
    todo = [model.graph, *model.functions]
    while todo:
        graph = todo.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                todo.extend(attribute.graphs)
                if attribute.HasField("g"):
                    todo.append(attribute.g)


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor that stands in the model."""
    for graph in _graphs(model):
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from attribute.tensors
            if attribute.HasField("t"):
                yield attribute.t
            sparse_ones = [*attribute.sparse_tensors]
            sparse_ones += [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            for sparse in sparse_ones:
                yield from (sparse.values, sparse.indices)


def _refusal(who: str, path: Path, got: str, remedy: str) -> IntegrityError:
    return IntegrityError(f"{who} needs a plain ONNX model, got {got} in {str(path)!r}. {remedy}")


def only_input(model: Any, who: str) -> Any:
    """The one input of the graph.

    Raises:
        InputError: there are several or none.
    """
    stored = {tensor.name for tensor in model.graph.initializer}
    found = [entry for entry in model.graph.input if entry.name not in stored]
    if len(found) != 1:
        names = [entry.name for entry in found][:6]
        raise InputError(f"{who} needs a graph with one input, got {names}. Export the image part alone.")
    return found[0]


def shape_of(entry: Any) -> list[int | None]:
    """Sizes of an input or output, None where they may be any."""
    sides = entry.type.tensor_type.shape.dim
    return [side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None for side in sides]
