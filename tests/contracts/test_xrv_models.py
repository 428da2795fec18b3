"""Chest X-ray models: the contract, TorchXRayVision's own features and pixels, and files that must be refused."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError, MissingPathError, UnknownNameError
from headstart.testing import backbone_checks as checks

pytestmark = pytest.mark.skipif(
    find_spec("torchxrayvision") is None,
    reason="torchxrayvision is not installed: pip install 'headstart[medical]'",
)


@pytest.fixture(scope="module")
def xrv():
    return registry.get_provider("xrv_models")._library()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".torchxrayvision" / "models_data"


def densenet(xrv):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = xrv.models.DenseNet()
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
    return model.eval()


def save(folder, tensors, file="model.safetensors", **config):
    from safetensors.torch import save_file

    folder.mkdir()
    said = {"library": "torchxrayvision", "model": "densenet121", "input_size": 64, **config}
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    if file.endswith(".safetensors"):
        save_file(tensors, folder / file)
    else:
        torch.save(tensors, folder / file)
    return str(folder)


@pytest.fixture(scope="module")
def saved(xrv, tmp_path_factory):
    """A folder with a DenseNet's tensors, and the model."""
    model = densenet(xrv)
    return save(tmp_path_factory.mktemp("xrv") / "densenet", model.state_dict()), model


@pytest.fixture
def copied(saved, tmp_path):
    shutil.copytree(saved[0], tmp_path / "densenet")
    return tmp_path / "densenet"


def picture(side=64):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def ours(name, image):
    opened = registry.open_backbone(name).open()
    wanted = opened.card.input
    x = torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(wanted.mean).view(1, 3, 1, 1)) / torch.tensor(wanted.std).view(1, 3, 1, 1)
    with torch.inference_mode():
        return opened.module(x)


def prepared(xrv, image):
    """As the package's front page does it."""
    return torch.from_numpy(xrv.datasets.normalize(image, 255).mean(2)[None, None]).float()


def assert_alike(found, wanted):
    assert found.shape == wanted.shape
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())


@pytest.mark.parametrize("member", ["folder", "xrv/densenet121-res224-all@random"])
def test_keeps_the_contract(member, saved):
    backbone = registry.open_backbone(saved[0] if member == "folder" else member)
    for check in checks.checks_for(backbone):
        check(backbone)


def test_features_are_those_of_the_package(xrv, saved):
    with torch.inference_mode():
        wanted = saved[1].features2(prepared(xrv, picture()))
    assert_alike(ours(saved[0], picture()), wanted)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_resnet(xrv, tmp_path, prefix):
    import torchvision

    with torch.random.fork_rng(devices=[]):
        model = torchvision.models.resnet50(num_classes=18)
        model.conv1 = nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3, bias=False)
    model.eval()
    tensors = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    folder = save(tmp_path / "resnet", tensors, "pytorch_model.bin", model="resnet50")
    model.fc = nn.Identity()
    with torch.inference_mode():
        assert_alike(ours(folder, picture()), model(prepared(xrv, picture())))


def test_published_weights_are_whole_models(xrv, saved, own_home):
    name = "xrv/densenet121-res224-nih"
    card = registry.get_card(name)
    assert (card.licence, card.commercial, card.pretraining) == ("Apache-2.0", False, "NIH ChestX-ray14")
    assert registry.readiness(card).endswith(f"headstart backbones pull {name}")
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set.*nih-densenet121"):
        registry.open_backbone(name).open()
    own_home.mkdir(parents=True)
    torch.save(saved[1], own_home / "nih-densenet121-d121-tw-lr001-rot45-tr15-sc15-seed0-best.pt")
    assert registry.readiness(registry.get_card(name)) == ""
    with torch.inference_mode():
        assert_alike(ours(name, picture()), saved[1].features2(prepared(xrv, picture())))


def test_the_table_is_what_the_package_has(xrv):
    provider = registry.get_provider("xrv_models")
    for name, source in provider._SOURCES.items():
        published = xrv.models.model_urls[name]
        assert published["weights_url"].rpartition("/")[2] == source.file
        assert published["input_resolution"] == source.side
    long = {name for name in xrv.models.model_urls if "-res" in name}
    assert set(provider._SOURCES) == long
    for model, sizes in provider._SIZES.items():
        module = provider._untrained(model).eval()
        with torch.inference_mode():
            rows = module(torch.zeros(1, 3, 64, 64))
        assert (rows.shape[1], sum(p.numel() for p in module.parameters())) == sizes


def test_gradients_reach_every_weight(saved):
    module = registry.open_backbone(saved[0]).open().module
    module(torch.rand(2, 3, 64, 64)).square().mean().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_tensors_travel_with_their_configuration(saved, tmp_path):
    backbone = registry.open_backbone(saved[0])
    (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
    again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
    again.load_state_dict(backbone.open().module.state_dict(), strict=True)


def test_warnings_of_the_process_stay():
    code = (
        "import warnings; before = list(warnings.filters)\n"
        "from headstart.backbones import registry as r\n"
        "r.open_backbone('xrv/densenet121-res224-all@random').open()\n"
        "print(('ignore', None, Warning, None, 0) in set(warnings.filters) - set(before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
    assert warnings.filters


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE_FOLDER"],))


@pytest.mark.parametrize("place", ["tensor", "attribute"])
def test_a_hostile_pickle_is_never_run(saved, copied, tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    (copied / "model.safetensors").unlink()
    if place == "tensor":
        torch.save({"features.conv0.weight": Hostile()}, copied / "model.pt")
    else:
        from copy import deepcopy

        model = deepcopy(saved[1])
        model.features.more = Hostile()
        torch.save(model, copied / "model.pt")
    with pytest.raises(IntegrityError, match="file with tensors only"):
        registry.open_backbone(str(copied)).open()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("damage", ["missing", "shape", "list"])
def test_weights_of_another_model_are_refused(saved, copied, damage):
    from safetensors.torch import save_file

    tensors = {name: tensor.clone() for name, tensor in saved[1].state_dict().items()}
    if damage == "missing":
        del tensors["features.norm5.weight"]
    tensors["features.conv0.weight"] = torch.zeros(64, 3, 7, 7) if damage == "shape" else torch.zeros(64, 1, 7, 7)
    if damage == "list":
        (copied / "model.safetensors").unlink()
        torch.save([1, 2], copied / "model.pt")
    else:
        save_file(tensors, copied / "model.safetensors")
    told = "named tensors" if damage == "list" else "needs weights of its architecture, got others"
    with pytest.raises(IntegrityError, match=told) as caught:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(caught.value)


def test_a_changed_byte(copied):
    backbone = registry.open_backbone(str(copied))
    path = copied / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="changed in between"):
        backbone.open()


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"model": "densenet12"}, UnknownNameError, "Did you mean 'densenet121'"),
        ({"input_size": 10**6}, InputError, "input_size from 32 to 4096"),
        ({"input_size": "large"}, InputError, "input_size from 32 to 4096"),
    ],
)
def test_configuration_that_makes_no_sense(copied, changes, error, told):
    path = copied / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    with pytest.raises(error, match=told):
        registry.open_backbone(str(copied))
