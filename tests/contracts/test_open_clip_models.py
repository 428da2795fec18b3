"""Image towers of open_clip: the contract, open_clip's own features, and folders that must be refused."""

import json
import os
import shutil

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError, MissingPathError, UnknownNameError
from headstart.testing import backbone_checks as checks

open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed: pip install 'headstart[clip]'")

TEXT = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}
TOWERS = {
    "vit": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "resnet": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 8},
    "timm": {"image_size": 64, "timm_model_name": "test_resnet", "timm_pool": "", "timm_proj": "linear"},
}
PREPROCESS = {
    "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bicubic", "resize_mode": "squash",
}  # fmt: skip


def save(folder, kind, *, quick_gelu=False, safetensors=True):
    """A CLIP of a few thousand weights as open_clip pushes it to the hub."""
    from safetensors.torch import save_file

    model_cfg = {"embed_dim": 24, "vision_cfg": TOWERS[kind], "text_cfg": TEXT, "quick_gelu": quick_gelu}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = open_clip.CLIP(**json.loads(json.dumps(model_cfg)))
    folder.mkdir()
    said = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS, "license": "mit"}
    (folder / "open_clip_config.json").write_text(json.dumps(said), encoding="utf-8")
    if safetensors:
        save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    else:
        torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}},
                   folder / "open_clip_pytorch_model.bin")  # fmt: skip
    return str(folder)


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    return save(tmp_path_factory.mktemp("open_clip") / "vit", "vit")


@pytest.fixture
def copied(vit, tmp_path):
    shutil.copytree(vit, tmp_path / "vit")
    return tmp_path / "vit"


def edit(folder, change):
    path = folder / "open_clip_config.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    change(said)
    path.write_text(json.dumps(said), encoding="utf-8")


def ours(name, image):
    opened = registry.open_backbone(name).open()
    wanted = opened.card.input
    x = torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(wanted.mean).view(1, 3, 1, 1)) / torch.tensor(wanted.std).view(1, 3, 1, 1)
    with torch.inference_mode():
        return opened.module(x)


def theirs(folder, image):
    from PIL import Image

    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    with torch.inference_mode():
        return model.eval().encode_image(prepare(Image.fromarray(image))[None])


def picture(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", TOWERS)
def test_keeps_the_contract(kind, tmp_path):
    backbone = registry.open_backbone(save(tmp_path / kind, kind))
    found = [check for check in checks.checks_for(backbone) if check is not checks.check_blocks_cover_parameters]
    for check in found if kind != "timm" else checks.checks_for(backbone):
        check(backbone)


def test_a_tower_of_usual_size_keeps_the_contract():
    """In it positions and projection, which belong to the stem, are few beside the blocks' weights."""
    backbone = registry.open_backbone("open_clip/ViT-B-32/laion2b_s34b_b79k@random")
    assert backbone.card.dim == 512
    checks.check_blocks_cover_parameters(backbone)
    checks.check_blocks_in_forward_order(backbone)
    assert list(backbone.open().blocks)[1:3] == ["ln_pre", "transformer.resblocks.0"]


@pytest.mark.parametrize("kind", TOWERS)
@pytest.mark.parametrize("safetensors", [True, False])
def test_features_are_those_of_open_clip(kind, safetensors, tmp_path):
    folder = save(tmp_path / kind, kind, safetensors=safetensors, quick_gelu=kind == "vit")
    image = picture(TOWERS[kind]["image_size"])
    found = ours(folder, image)
    if not safetensors:
        assert torch.equal(found, ours(save(tmp_path / "safe", kind, quick_gelu=kind == "vit"), image))
        return
    wanted = theirs(folder, image)
    assert found.shape == wanted.shape == (1, 24)
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())
    assert abs(float(found.norm()) - 1) > 1e-3


def test_pixels(vit, copied):
    card = registry.get_card(vit)
    assert (card.input.window, card.input.crop_fraction, card.input.interpolation) == ("squash", 1.0, "bicubic")
    assert (card.input.mean, card.licence, card.commercial) == ((0.5, 0.4, 0.3), "MIT", True)
    edit(copied, lambda said: said["preprocess_cfg"].update(resize_mode="shortest", mean=[0, 0, 0], std=[1, 1, 1]))
    wanted = registry.get_card(str(copied)).input
    assert (wanted.window, wanted.mean, wanted.std) == ("center", (0.0,) * 3, (1.0,) * 3)


def test_published_names_and_their_cards(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert "open_clip/ViT-B-32/laion2b_s34b_b79k" in registry.get_provider("open_clip_models").names()
    card = registry.get_card("open_clip/ViT-B-32/laion2b_s34b_b79k")
    assert (card.dim, card.licence, card.input.height, card.input.crop_fraction) == (512, "MIT", 224, 1.0)
    assert registry.readiness(card).endswith("headstart backbones pull open_clip/ViT-B-32/laion2b_s34b_b79k")
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set"):
        registry.open_backbone(card.name).open()
    provider = registry.get_provider("open_clip_models")
    assert provider._recipe("open_clip/ViT-B-32/openai")[0]["quick_gelu"] is True
    assert provider._recipe(card.name)[0]["quick_gelu"] is False
    with pytest.raises(UnknownNameError, match="Did you mean 'open_clip/ViT-B-32/laion2b_s34b_b79k'"):
        registry.open_backbone("open_clip/ViT-B-32/laion2b_s34b_b79")


def test_gradients_reach_every_weight(vit):
    module = registry.open_backbone(vit).open().module
    module(torch.rand(2, 3, 32, 32)).square().mean().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_tensors_travel_with_their_configuration(vit, tmp_path):
    backbone = registry.open_backbone(vit)
    module = backbone.open().module
    (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
    again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
    again.load_state_dict(module.state_dict(), strict=True)
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(again(x), module(x))


def test_the_untrained_twin(copied):
    (copied / "open_clip_model.safetensors").unlink()
    assert "no weights file" in registry.readiness(registry.get_card(str(copied)))
    backbone = registry.open_backbone(f"{copied}@random")
    checks.check_same_when_opened_again(backbone)
    checks.check_leaves_random_state(backbone)
    with pytest.raises(MissingPathError, match="got none in its folder"):
        registry.open_backbone(str(copied)).open()


def test_a_folder_for_another_library_is_left_to_it(copied):
    import timm

    (copied / "open_clip_model.safetensors").unlink()
    timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=3), copied, safe_serialization=True)
    assert registry.get_card(str(copied)).provider == "timm_hub"


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE_FOLDER"],))


def test_a_hostile_pickle_is_never_run(copied, tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    (copied / "open_clip_model.safetensors").unlink()
    torch.save({"visual.proj": Hostile()}, copied / "open_clip_pytorch_model.bin")
    with pytest.raises(IntegrityError, match="file with tensors only"):
        registry.open_backbone(str(copied)).open()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("damage", ["missing", "shape", "more"])
def test_weights_of_another_tower_are_refused(copied, damage):
    from safetensors.torch import load_file, save_file

    path = copied / "open_clip_model.safetensors"
    tensors = load_file(path)
    if damage == "missing":
        del tensors["visual.proj"]
    else:
        tensors["visual.proj" if damage == "shape" else "visual.more"] = torch.zeros(3, 3)
    save_file(tensors, path)
    with pytest.raises(IntegrityError, match="needs weights of its architecture, got others") as told:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(told.value)


def test_a_changed_byte(copied):
    backbone = registry.open_backbone(str(copied))
    path = copied / "open_clip_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="changed in between"):
        backbone.open()


def put(*keys, value):
    def change(said):
        for key in keys[:-1]:
            said = said[key]
        said[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (put("model_cfg", value=5), InputError, "needs model_cfg"),
        (put("model_cfg", "vision_cfg", value=5), InputError, "needs embed_dim and vision_cfg"),
        (put("model_cfg", "vision_cfg", "layers", value=10**9), InputError, "at most 1000 layers"),
        (put("model_cfg", "vision_cfg", "image_size", value=10**6), InputError, "sides of at most 4096"),
        (put("model_cfg", "vision_cfg", "no_such_setting", value=1), InputError, "settings that its tower takes"),
        (put("model_cfg", "vision_cfg", "timm_model_name", value="hf-hub:evil/model"), UnknownNameError, "timm"),
        (put("preprocess_cfg", "resize_mode", value="longest"), InputError, "resize_mode 'shortest' or 'squash'"),
        (put("preprocess_cfg", "mean", value="grey"), InputError, "needs image_size, mean and std"),
        (put("preprocess_cfg", "std", value=[-1, 1, 1]), InputError, "a positive std"),
    ],
)
def test_configuration_that_makes_no_sense(copied, change, error, told):
    edit(copied, change)
    with pytest.raises(error, match=told) as caught:
        registry.open_backbone(str(copied))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000])
def test_config_that_is_no_object(copied, text):
    (copied / "open_clip_config.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"JSON object in open_clip_config\.json"):
        registry.open_backbone(str(copied))
