"""ONNX models: the contract as far as a frozen graph can keep it, onnxruntime's own features, and hostile graphs."""

import copy
import json
import os

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError
from headstart.testing import backbone_checks as checks

onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'headstart[fast]'")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

FROZEN_CHECKS = (*checks.EVERY_CHECK, checks.check_opens_in_evaluation_mode)
"""A graph has no torch parameters, so that there are no blocks to check."""


def graph(*, batch="n", side=16, layout="nchw", ends="map", domain="", dtype=onnx.TensorProto.FLOAT, n_inputs=1):
    """One convolution of 3 to 5 channels, as a map, as tokens, or pooled; the input in either layout."""
    helper = onnx.helper
    kind = np.float16 if dtype == onnx.TensorProto.FLOAT16 else np.float32
    weight = np.random.default_rng(1).normal(size=(5, 3, 4, 4)).astype(kind)
    is_last = layout == "nhwc"
    nodes, source = [], "pixels"
    if is_last:
        nodes.append(helper.make_node("Transpose", ["pixels"], ["first"], perm=[0, 3, 1, 2]))
        source = "first"
    nodes.append(helper.make_node("Conv", [source, "weight"], ["map"], strides=[4, 4]))
    nodes.append(helper.make_node("Relu" if not domain else "Sneaky", ["map"], ["relu"], domain=domain))
    shapes = {"map": [batch, 5, "h", "w"]}
    if is_last and ends == "map":
        nodes.append(helper.make_node("Transpose", ["relu"], ["out"], perm=[0, 2, 3, 1]))
        shapes = {"map": [batch, "h", "w", 5]}
    elif ends == "map":
        nodes.append(helper.make_node("Identity", ["relu"], ["out"]))
    else:
        nodes.append(helper.make_node("Reshape", ["relu", "flat"], ["rows"]))
        nodes.append(helper.make_node("Transpose", ["rows"], ["out"], perm=[0, 2, 1]))
    shape = [batch, side, side, 3] if is_last else [batch, 3, side, side]
    inputs = [helper.make_tensor_value_info(f"pixels{i or ''}", dtype, shape) for i in range(n_inputs)]
    outputs = [helper.make_tensor_value_info("out", dtype, shapes.get(ends, [batch, "t", 5]))]
    stored = [onnx.numpy_helper.from_array(weight, "weight")]
    if ends != "map":
        stored.append(onnx.numpy_helper.from_array(np.array([0, 5, -1]), "flat"))
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    made = helper.make_graph(nodes, "tiny", inputs, outputs, stored)
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


PROCESSOR = {
    "do_resize": True, "size": {"height": 16, "width": 16}, "resample": 2, "do_rescale": True,
    "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4],
}  # fmt: skip


def save(folder, model, *, config=None, processor=PROCESSOR):
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return str(folder)


def pixels(n=3, side=16):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(n, 3, side, side)).astype(np.float32))


def run(model, rows):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"pixels": rows})[0]


@pytest.mark.parametrize("settings", [{}, {"layout": "nhwc"}, {"batch": 2}, {"ends": "tokens"}, {"side": "s"}])
def test_keeps_the_contract(tmp_path, settings):
    backbone = registry.open_backbone(save(tmp_path / "model", graph(**settings)))
    for check in FROZEN_CHECKS:
        check(backbone)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_features_are_the_averaged_map(tmp_path, layout):
    model = graph(layout=layout)
    opened = registry.open_backbone(save(tmp_path / "model", model)).open()
    rows = pixels().numpy()
    wanted = run(model, rows.transpose(0, 2, 3, 1) if layout == "nhwc" else rows)
    wanted = wanted.mean((1, 2) if layout == "nhwc" else (2, 3))
    np.testing.assert_allclose(opened.module(pixels()).numpy(), wanted, rtol=1e-5, atol=1e-6)
    assert opened.card.dim == 5
    assert opened.module.runs_in == ("torch",)


@pytest.mark.parametrize(
    ("config", "pooled"),
    [
        (None, lambda rows: rows.mean(1)),
        ({"pooling": "cls"}, lambda rows: rows[:, 0]),
        ({"model_type": "vit"}, lambda rows: rows[:, 0]),
        ({"model_type": "segformer"}, lambda rows: rows.mean(1)),
    ],
)
def test_tokens(tmp_path, config, pooled):
    model = graph(ends="tokens")
    opened = registry.open_backbone(save(tmp_path / "model", model, config=config)).open()
    np.testing.assert_allclose(opened.module(pixels()).numpy(), pooled(run(model, pixels().numpy())), rtol=1e-5)


def test_a_graph_made_for_batches_of_a_size(tmp_path):
    opened = registry.open_backbone(save(tmp_path / "model", graph(batch=2))).open()
    wanted = registry.open_backbone(save(tmp_path / "free", graph())).open()
    np.testing.assert_allclose(opened.module(pixels(5)), wanted.module(pixels(5)), rtol=1e-5)


def test_half_precision(tmp_path):
    opened = registry.open_backbone(save(tmp_path / "model", graph(dtype=onnx.TensorProto.FLOAT16))).open()
    wanted = registry.open_backbone(save(tmp_path / "full", graph())).open().module(pixels())
    rows = opened.module(pixels())
    assert rows.dtype == torch.float32
    np.testing.assert_allclose(rows, wanted, rtol=0.02, atol=0.02)


def test_the_processor_s_pixels(tmp_path):
    wanted = registry.get_card(save(tmp_path / "model", graph())).input
    assert (wanted.height, wanted.window, wanted.interpolation) == (16, "squash", "bilinear")
    np.testing.assert_allclose([*wanted.mean, *wanted.std], [0.5, 0.4, 0.3, 0.2, 0.3, 0.4])
    bare = registry.get_card(save(tmp_path / "bare", graph(), processor=None)).input
    assert (bare.height, bare.mean[0], bare.crop_fraction) == (16, 0.485, 1.0 if bare.crop_fraction == 1 else 0.875)


def test_a_file_by_its_name_and_an_encoder(tmp_path):
    from headstart import Encoder

    save(tmp_path / "model", graph(), processor=None)
    (tmp_path / "model" / "model.onnx").rename(tmp_path / "mine.onnx")
    path = str(tmp_path / "mine.onnx")
    assert registry.get_card(path).name == path
    pictures = [np.random.default_rng(i).integers(0, 256, (30, 20, 3), dtype=np.uint8) for i in range(3)]
    rows = Encoder(path, cache=str(tmp_path / "cache")).transform(pictures)
    assert rows.shape == (3, 5)
    assert np.ptp(rows, axis=0).max() > 0


def test_it_is_frozen_and_travels_as_a_tensor(tmp_path):
    backbone = registry.open_backbone(save(tmp_path / "model", graph()))
    module = backbone.open().module
    given = pixels().requires_grad_()
    wanted = module(given)
    assert not wanted.requires_grad
    assert not list(module.parameters())
    assert torch.equal(copy.deepcopy(module)(given), wanted)
    (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
    again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
    again.load_state_dict(module.state_dict(), strict=True)
    assert torch.equal(again(given), wanted)


def test_no_random_twin(tmp_path):
    with pytest.raises(InputError, match="needs a backbone with weights before @random"):
        registry.open_backbone(save(tmp_path / "model", graph()) + "@random")


def externally(folder, location="weights.bin"):
    """The graph with its weights in another file, whose place is then said to be ``location``."""
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save(graph(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_the_graph(tmp_path):
    path = externally(tmp_path / "model")
    wanted = registry.open_backbone(save(tmp_path / "whole", graph())).open().module(pixels())
    opened = registry.open_backbone(str(path.parent)).open()
    assert torch.equal(opened.module(pixels()), wanted)
    content = bytearray((path.parent / "weights.bin").read_bytes())
    content[5] ^= 1
    (path.parent / "weights.bin").write_bytes(content)
    assert registry.get_card(str(path.parent)).weights_id != opened.card.weights_id
    os.truncate(path.parent / "weights.bin", 8)
    with pytest.raises(IntegrityError, match=r"weights in 'weights\.bin'"):
        registry.open_backbone(str(path.parent))


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin", "gone.bin"])
def test_weights_elsewhere_are_refused(tmp_path, location):
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    path = externally(tmp_path / "model", location)
    (path.parent / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(IntegrityError, match="needs a plain ONNX model, got weights in") as told:
        registry.open_backbone(str(path.parent))
    assert "\n" not in str(told.value)


def edited(change):
    model = graph()
    change(model)
    return model


def claim_much(model):
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]


def hide_in_a_branch(model):
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Sneaky", [], ["x"], domain="evil")],
        "inner",
        [],
        [onnx.helper.make_tensor_value_info("x", 1, [])],
    )
    model.graph.node.append(onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner))


@pytest.mark.parametrize(
    ("model", "error", "told"),
    [
        (lambda: graph(domain="evil"), IntegrityError, r"the operator evil\.Sneaky"),
        (lambda: edited(hide_in_a_branch), IntegrityError, r"the operator evil\.Sneaky"),
        (lambda: edited(claim_much), IntegrityError, "a tensor of shape"),
        (lambda: graph(n_inputs=2), InputError, "a graph with one input"),
        (lambda: graph(side=5000), InputError, "at most 4096 pixels"),
        (lambda: graph(dtype=onnx.TensorProto.INT64), InputError, "four-dimensional floats"),
    ],
)
def test_graphs_that_are_refused(tmp_path, model, error, told):
    with pytest.raises(error, match=told) as caught:
        registry.open_backbone(save(tmp_path / "model", model()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"output": "none"}, "needs an output of"),
        ({"pooling": "max"}, "needs pooling 'cls' or 'mean'"),
        ({"layout": "chwn"}, "needs layout"),
        ({"layout": "nhwc"}, "three colour channels"),
    ],
)
def test_configuration_that_makes_no_sense(tmp_path, config, told):
    with pytest.raises(InputError, match=told):
        registry.open_backbone(save(tmp_path / "model", graph(), config=config))


@pytest.mark.parametrize("content", [b"", b"junk" * 50])
def test_no_graph_at_all(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(IntegrityError, match="needs a plain ONNX model, got"):
        registry.open_backbone(str(tmp_path))


def test_a_graph_that_onnxruntime_cannot_run(tmp_path):
    model = edited(lambda model: setattr(model.graph.node[1], "op_type", "Konv"))
    model.graph.node[0].op_type = "Konv"
    with pytest.raises(IntegrityError, match="that onnxruntime can run"):
        registry.open_backbone(save(tmp_path / "model", model)).open().module(pixels())


def test_a_changed_byte(tmp_path):
    backbone = registry.open_backbone(save(tmp_path / "model", graph()))
    path = tmp_path / "model" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[-200] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"changed in between|needs a plain ONNX model"):
        backbone.open()
    with pytest.raises(IntegrityError, match="needs weights with sha256"):
        backbone.provider.open_module(backbone.card)


def test_other_weights_come_first(tmp_path):
    import timm

    timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=3), tmp_path / "m", safe_serialization=True)
    save(tmp_path / "m", graph(), processor=None)
    assert registry.get_card(str(tmp_path / "m")).provider == "timm_hub"
