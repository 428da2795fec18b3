"""Models of keras.applications: the public contract, Keras' own features, gradients, and files that must be refused."""

import copy
import io
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError, MissingPathError, UnknownNameError
from headstart.testing import backbone_checks as checks

# Not importorskip: that would import Keras on its default backend.
pytestmark = [
    pytest.mark.skipif(
        find_spec("keras") is None or find_spec("h5py") is None,
        reason="keras or h5py is not installed: pip install 'headstart[keras]'",
    ),
    pytest.mark.slow,  # more than two minutes of building networks
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras"),
]

PREPARED = {
    "VGG16": "vgg16",
    "ResNet50": "resnet50",
    "ResNet50V2": "resnet_v2",
    "DenseNet121": "densenet",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "ConvNeXtTiny": "convnext",
    "Xception": "xception",
}
"""Architecture -> the module of keras.applications whose ``preprocess_input`` it wants."""


@pytest.fixture(scope="module", autouse=True)
def keras():
    from headstart.backbones._keras_library import import_keras

    return import_keras("These tests")


@pytest.fixture(autouse=True)
def own_keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras home"))
    return tmp_path / "keras home" / "models"


def build(keras, name, side=64, **settings):
    """A model with statistics of its own, so that a lost or exchanged one would show."""
    settings = {"include_top": False, "pooling": "avg", **settings}
    if not settings["include_top"] or settings.get("pooling") is None:
        settings.setdefault("input_shape", (side, side, 3))
    with keras.device("cpu"):
        model = getattr(keras.applications, name)(weights=None, **settings)
    draw = np.random.default_rng(3)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights([w + 0.2 * draw.random(w.shape).astype(np.float32) for w in layer.get_weights()])
    return model


def save(model, folder, name, side=64, file="model.weights.h5", **config):
    folder.mkdir()
    model.save_weights(str(folder / file))
    settings = {"library": "keras", "architecture": name, "pretrained_cfg": {"input_size": [3, side, side]}, **config}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def tiny(keras, tmp_path_factory):
    """MobileNetV2 at 64 pixels, its folder, and the model."""
    model = build(keras, "MobileNetV2", alpha=0.35)
    folder = tmp_path_factory.mktemp("keras") / "tiny"
    return save(model, folder, "MobileNetV2", model_args={"alpha": 0.35}), model


@pytest.fixture
def copied(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path / "copy")
    return tmp_path / "copy"


def picture(side, n=2):
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def ours(name, pixels):
    opened = registry.open_backbone(name).open()
    wanted = opened.card.input
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(wanted.mean).view(1, 3, 1, 1)) / torch.tensor(wanted.std).view(1, 3, 1, 1)
    with torch.inference_mode():
        return opened.module(x).numpy()


def theirs(keras, model, name, pixels):
    prepare = getattr(keras.applications, PREPARED[name]).preprocess_input
    with keras.device("cpu"):
        return keras.ops.convert_to_numpy(model(prepare(pixels.astype(np.float32)), training=False))


def assert_alike(found, wanted):
    assert found.shape == wanted.shape
    assert float(np.abs(found - wanted).max()) <= 1e-4 * float(np.abs(wanted).max())


@pytest.mark.parametrize("member", ["folder", "keras/MobileNetV3Small@random"])
def test_keeps_the_contract(member, tiny):
    backbone = registry.open_backbone(tiny[0] if member == "folder" else member)
    for check in checks.checks_for(backbone):
        check(backbone)


@pytest.mark.parametrize("name", PREPARED)
def test_features_are_those_of_keras(keras, tmp_path, name):
    side = 96 if name == "Xception" else 64
    model = build(keras, name, side)
    folder = save(model, tmp_path / "saved", name, side)
    assert_alike(ours(folder, picture(side)), theirs(keras, model, name, picture(side)))


def test_features_of_a_model_saved_with_its_classifier(keras, tmp_path):
    whole = build(keras, "MobileNetV3Small", include_top=True, pooling=None, classes=5)
    folder = save(whole, tmp_path / "saved", "MobileNetV3Small", include_top=True, classes=5)
    pooled = [layer for layer in whole.layers if type(layer).__name__ == "GlobalAveragePooling2D"][-1]
    features = keras.Model(whole.inputs[0], pooled.output)
    wanted = theirs(keras, features, "MobileNetV3Small", picture(64)).reshape(2, -1)
    assert_alike(ours(folder, picture(64)), wanted)


def test_published_efficientnets_scale_once_more(keras, tmp_path):
    model = build(keras, "EfficientNetB0")
    plain = save(model, tmp_path / "plain", "EfficientNetB0")
    published = save(model, tmp_path / "published", "EfficientNetB0", weights="imagenet")
    stretched = picture(64).astype(np.float32)
    roots = np.sqrt([0.229, 0.224, 0.225]).astype(np.float32)
    with keras.device("cpu"):
        wanted = keras.ops.convert_to_numpy(model(stretched / roots, training=False))
    assert_alike(ours(published, picture(64)), wanted)
    assert not np.allclose(ours(plain, picture(64)), wanted)


def test_weights_in_the_cache_of_keras(keras, own_keras_home):
    assert "headstart backbones pull keras/MobileNetV3Small" in registry.readiness(
        registry.get_card("keras/MobileNetV3Small")
    )
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set.*weights_mobilenet_v3_small"):
        registry.open_backbone("keras/MobileNetV3Small").open()
    model = build(keras, "MobileNetV3Small", 224)
    own_keras_home.mkdir(parents=True)
    save_legacy(model, own_keras_home / "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5")
    card = registry.get_card("keras/MobileNetV3Small")
    assert (registry.readiness(card), card.licence, card.dim) == ("", "Apache-2.0", 576)
    assert_alike(ours("keras/MobileNetV3Small", picture(224)), theirs(keras, model, "MobileNetV3Small", picture(224)))


def save_legacy(model, path):
    """The layout of the published files: a group a layer, the names of its arrays as attributes."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [weight.path.encode() for weight in layer.weights]
            group.attrs["weight_names"] = names
            for name, weight in zip(names, layer.get_weights(), strict=True):
                group.create_dataset(name.decode(), data=weight)


def test_gradients_flow_and_statistics_stay_buffers(tiny):
    module = registry.open_backbone(tiny[0]).open().module
    assert all(p.requires_grad for p in module.parameters())
    assert not any("moving" in name for name, _ in module.named_parameters())
    before = {name: b.clone() for name, b in module.named_buffers()}
    pixels = torch.rand(2, 3, 64, 64)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    first = module(pixels)
    first.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
    assert sum(float(p.grad.abs().sum()) > 0 for p in module.parameters()) > 100
    assert all(torch.equal(b, before[name]) for name, b in module.named_buffers())
    optimiser.step()
    assert not torch.equal(module(pixels), first)
    module.train()(pixels)
    moved = {name.rpartition(".")[2] for name, b in module.named_buffers() if not torch.equal(b, before[name])}
    assert {"moving_mean", "moving_variance"} <= moved


def test_an_encoder_takes_it_as_it_is(tiny):
    from headstart import Encoder

    pictures = list(picture(64, 3))
    rows = Encoder(tiny[0], cache=False, window="squash").transform(pictures)
    assert_alike(rows, ours(tiny[0], np.stack(pictures)))


def test_tensors_travel_and_copies_are_their_own(tiny):
    opened = registry.open_backbone(tiny[0]).open()
    provider = registry.get_provider("keras_applications")
    pixels = torch.rand(1, 3, 64, 64)
    twin = copy.deepcopy(opened.module)
    with torch.no_grad():
        wanted = opened.module(pixels)
        for p in twin.parameters():
            p.zero_()
        assert torch.equal(opened.module(pixels), wanted)
        assert not torch.equal(twin(pixels), wanted)
        twin.load_state_dict(opened.module.state_dict())
        assert torch.equal(twin(pixels), wanted)
    files = provider.saved_files(opened.card)
    path = os.path.join(os.environ["HEADSTART_CACHE"], "keras.json")
    with open(path, "wb") as file:
        file.write(files["config"])
    again = provider.build_from_files({"config": path})
    again.load_state_dict(opened.module.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(again(pixels), wanted)


def test_the_user_s_settings_stay(keras):
    keras.config.set_image_data_format("channels_first")
    keras.config.set_dtype_policy("mixed_bfloat16")
    random.seed(7)
    state = random.getstate()
    try:
        rows = registry.open_backbone("keras/MobileNetV3Small@random").open().module(torch.ones(1, 3, 64, 64))
        assert rows.dtype == torch.float32
        assert keras.config.image_data_format() == "channels_first"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert random.getstate() == state
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("float32")


def test_the_table_is_what_keras_has(keras):
    from headstart.backbones._keras_library import plain_settings
    from headstart.backbones._keras_models import MODELS

    theirs = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(MODELS) == theirs - {"NASNetMobile"}
    with pytest.raises(ValueError, match="not available with the torch backend"):
        keras.applications.NASNetMobile(weights=None)
    for name in ("VGG16", "ResNet50V2", "DenseNet121", "EfficientNetB0", "MobileNetV3Large", "NASNetLarge"):
        check_row(keras, name, MODELS[name], plain_settings)


@pytest.mark.slow
def test_every_row_of_the_table(keras):
    from headstart.backbones._keras_library import plain_settings
    from headstart.backbones._keras_models import MODELS

    for name, model in MODELS.items():
        check_row(keras, name, model, plain_settings)


def check_row(keras, name, row, plain_settings):
    with plain_settings(keras, "meta"):
        model = getattr(keras.applications, name)(
            include_top=False, weights=None, pooling="avg", input_shape=(row.side, row.side, 3)
        )
    assert (model.output_shape[1], model.count_params()) == (row.dim, row.parameters), name


@pytest.mark.slow
def test_every_file_name_is_the_one_keras_asks_for(keras, monkeypatch):
    from keras.src.utils import file_utils

    from headstart.backbones._keras_library import plain_settings
    from headstart.backbones._keras_models import MODELS

    class Asked(Exception):
        pass

    def ask(fname, *_, **__):
        raise Asked(fname)

    monkeypatch.setattr(file_utils, "get_file", ask)
    for name, row in MODELS.items():
        with plain_settings(keras, "meta"), pytest.raises(Asked) as asked:
            getattr(keras.applications, name)(
                include_top=False, weights="imagenet", input_shape=(row.side, row.side, 3)
            )
        assert str(asked.value) == row.file


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["NASNetLarge", "InceptionV3", "InceptionResNetV2", "DenseNet201", "ResNet152", "EfficientNetV2S"]
)
def test_large_graphs(keras, tmp_path, name):
    side = 96
    model = build(keras, name, side)
    opened = registry.open_backbone(save(model, tmp_path / "saved", name, side)).open()
    x = torch.randn(1, 3, side, side)
    channels = [2, 1, 0] if name == "ResNet152" else [0, 1, 2]
    with torch.inference_mode(), keras.device("cpu"):
        wanted = model(x[:, channels].permute(0, 2, 3, 1).contiguous(), training=False).numpy()
        assert_alike(opened.module(x).numpy(), wanted)
    # A cell of NASNet reads the two before it, so that nowhere a single tensor is passed on.
    assert len(opened.blocks) == 2 if name == "NASNetLarge" else len(opened.blocks) > 10


def test_names_need_no_import():
    code = (
        "import sys, os; from headstart.backbones import registry as r; from headstart.backbones import "
        "keras_applications as k; names = k.names(); k.find('keras/VGG16'); r.list_cards()\n"
        "print(len(names), 'keras' in sys.modules, 'torch' in sys.modules, os.environ.get('KERAS_BACKEND'))"
    )
    assert run_python(code) == "39 False False None"


def test_another_backend_is_refused():
    code = (
        "from headstart.backbones import registry as r\n"
        "card = r.get_card('keras/VGG16'); print(r.readiness(card))\n"
        "try: r.open_backbone('keras/VGG16@random').open()\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    first, second = run_python(code, KERAS_BACKEND="jax").splitlines()
    assert first == "Keras runs on 'jax' here. Set KERAS_BACKEND=torch before Keras is imported"
    assert second.startswith("InputError Backbone 'keras/VGG16@random' needs Keras on its torch backend, got 'jax'.")


def run_python(code, **environment):
    kept = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**kept, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"architecture": "MobileNetV9"}, UnknownNameError, "Did you mean 'MobileNet"),
        ({"architecture": 5}, InputError, "needs architecture"),
        ({"model_args": {"weights": "/etc/passwd"}}, InputError, r"got \['weights'\]"),
        ({"model_args": {"minimalistic": True}}, InputError, "settings its architecture takes"),
        ({"include_top": "yes"}, InputError, "include_top"),
        ({"classes": 0}, InputError, "classes"),
        ({"pretrained_cfg": {"input_size": [1, 64, 64]}}, InputError, "three colour channels"),
        ({"pretrained_cfg": 5}, InputError, "pretrained_cfg"),
    ],
)
def test_configuration_that_makes_no_sense(copied, changes, error, told):
    edit_config(copied, **changes)
    with pytest.raises(error, match=told) as caught:
        registry.open_backbone(str(copied))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"model_args": {"alpha": 0.5}}, {"include_top": True}])
def test_weights_of_another_model_are_refused(copied, changes):
    edit_config(copied, **changes)
    with pytest.raises(IntegrityError, match="needs weights of its architecture, got others") as caught:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(caught.value)


def test_weights_changed_after_the_card_was_read_are_refused(copied):
    backbone = registry.open_backbone(str(copied))
    path = copied / "model.weights.h5"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="changed in between"):
        backbone.open()
    with pytest.raises(IntegrityError, match="needs weights with sha256"):
        registry.get_provider("keras_applications").open_module(backbone.card)


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_no_h5_file_at_all(copied, content):
    (copied / "model.weights.h5").write_bytes(content)
    with pytest.raises(IntegrityError, match="whole HDF5 file"):
        registry.open_backbone(str(copied)).open()


def test_a_truncated_file(copied):
    os.truncate(copied / "model.weights.h5", 100_000)
    with pytest.raises(IntegrityError, match="HDF5 file"):
        registry.open_backbone(str(copied)).open()


@pytest.mark.parametrize("kind", ["external link", "soft link", "external data", "virtual", "bomb"])
def test_an_h5_file_that_reaches_elsewhere(copied, tmp_path, kind):
    import h5py

    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(4096))
    with h5py.File(copied / "model.weights.h5", "a") as file:
        if kind == "external link":
            file["more"] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "soft link":
            file["more"] = h5py.SoftLink("/layers")
        elif kind == "external data":
            file.create_dataset("more", (1024,), "f4", external=[(str(secret), 0, 4096)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
            file.create_virtual_dataset("more", layout)
        else:
            file.create_dataset("more", (1 << 32,), "f4", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(IntegrityError, match="plain HDF5 file.*Do not trust its source") as caught:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(caught.value)


def test_a_keras_archive_is_never_opened(copied):
    (copied / "model.weights.h5").unlink()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda"}')
    (copied / "model.keras").write_bytes(buffer.getvalue())
    with pytest.raises(IntegrityError, match="may hold code"):
        registry.open_backbone(str(copied))


def test_a_folder_without_weights(copied):
    (copied / "model.weights.h5").unlink()
    assert "no weights file" in registry.readiness(registry.get_card(str(copied)))
    assert registry.open_backbone(f"{copied}@random").open().card.weights == "random"
    with pytest.raises(MissingPathError, match="needs weights, got none in its folder"):
        registry.open_backbone(str(copied)).open()
