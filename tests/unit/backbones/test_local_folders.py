"""Models in folders laid out as hubs do."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError, MissingPathError, UnknownNameError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    import timm
    from torchvision import models

    root = tmp_path_factory.mktemp("saved")
    torch.manual_seed(1)
    model = timm.create_model("test_vit", num_classes=5).eval()
    timm.models.save_for_hf(model, root / "vit", safe_serialization=True)
    vision = models.get_model("squeezenet1_1", num_classes=4).eval()
    (root / "vision").mkdir()
    torch.save(vision.state_dict(), root / "vision" / "squeezenet1_1-abc.pth")
    return root, model, vision


@pytest.fixture
def vit(saved, tmp_path):
    shutil.copytree(saved[0] / "vit", tmp_path / "vit")
    return tmp_path / "vit"


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_timm_folder_gives_the_model_s_own_features(saved, vit):
    opened = registry.open_backbone(str(vit)).open()
    model = saved[1]
    pixels = torch.rand(2, 3, opened.card.input.height, opened.card.input.width)
    with torch.inference_mode():
        wanted = model.forward_head(model.forward_features(pixels), pre_logits=True)
        assert torch.equal(opened.module(pixels), wanted)
    assert "state_dict" not in opened.module.pretrained_cfg
    assert opened.card.name == str(vit)


def test_torchvision_folder_gives_the_model_s_own_features(saved):
    opened = registry.open_backbone(str(saved[0] / "vision")).open()
    vision = saved[2]
    pixels = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        wanted = vision.features(pixels).relu().mean(dim=(2, 3))
        np.testing.assert_allclose(opened.module(pixels), wanted, atol=1e-6)


def test_another_weight_or_argument_is_another_weights_id(vit):
    before = registry.get_card(str(vit)).weights_id
    assert registry.get_card(str(vit)).weights_id == before
    tensors = load_file(vit / "model.safetensors")
    tensors["cls_token"][0, 0, 0] += 1e-3
    save_file(tensors, vit / "model.safetensors")
    changed = registry.get_card(str(vit)).weights_id
    assert changed != before
    edit_config(vit, model_args={"class_token": True})
    assert registry.get_card(str(vit)).weights_id != changed


def test_random_twin_needs_no_weights(vit):
    (vit / "model.safetensors").unlink()
    assert registry.open_backbone(f"{vit}@random").open().card.weights == "random"
    assert "no weights file" in registry.readiness(registry.get_card(str(vit)))
    with pytest.raises(MissingPathError, match="one weights file"):
        registry.open_backbone(str(vit)).open()


def test_relative_and_absolute_path_are_one(vit, monkeypatch):
    monkeypatch.chdir(vit.parent)
    assert registry.get_card("./vit") == registry.get_card(str(vit)) == registry.get_card("vit")


def test_weights_of_another_model_are_refused(vit, saved):
    save_file({k: v.clone() for k, v in saved[2].state_dict().items()}, vit / "model.safetensors")
    with pytest.raises(IntegrityError, match="needs weights of test_vit, got others"):
        registry.open_backbone(str(vit)).open()


def test_a_missing_tensor_is_refused(vit):
    tensors = load_file(vit / "model.safetensors")
    del tensors["norm.weight"]
    save_file(tensors, vit / "model.safetensors")
    with pytest.raises(IntegrityError, match=r"norm\.weight"):
        registry.open_backbone(str(vit)).open()


def test_weights_changed_after_the_card_was_read_are_refused(vit):
    backbone = registry.open_backbone(str(vit))
    tensors = load_file(vit / "model.safetensors")
    tensors["norm.weight"] += 1
    save_file(tensors, vit / "model.safetensors")
    with pytest.raises(IntegrityError, match="changed in between"):
        backbone.open()
    assert registry.open_backbone(str(vit)).open().card.weights_id != backbone.card.weights_id


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"architecture": "test_vitt"}, UnknownNameError, "Did you mean 'test_vit"),
        ({"architecture": 5}, InputError, "needs architecture"),
        ({"model_args": {"checkpoint_path": "/etc/passwd"}}, InputError, "got \\['checkpoint_path'\\]"),
        ({"model_args": {"no_such_setting": 1}}, InputError, "settings its architecture takes"),
        ({"pretrained_cfg": {"input_size": [1, 32, 32]}}, InputError, "three colour channels"),
        ({"pretrained_cfg": {"mean": "grey"}}, InputError, "pretrained_cfg like timm's"),
        ({"library": "torchvision"}, InputError, "torchvision classifier, got 'test_vit'"),
    ],
)
def test_configuration_that_makes_no_sense(vit, changes, error, told):
    edit_config(vit, **changes)
    with pytest.raises(error, match=told) as caught:
        registry.open_backbone(str(vit))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000])
def test_config_that_is_no_object(vit, text):
    (vit / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"JSON object in config\.json"):
        registry.open_backbone(str(vit))


def test_folder_s_own_places_to_load_from_are_not_followed(vit):
    config = json.loads((vit / "config.json").read_text(encoding="utf-8"))
    edit_config(
        vit,
        pretrained_cfg={**config["pretrained_cfg"], "url": "https://example.org/x.pth", "file": "/x", "source": "url"},
    )
    assert registry.open_backbone(str(vit)).open().card.sha256
