"""Image models of Transformers: the contract, Transformers' own features and pixels, and folders that are refused."""

import json
import os
import shutil

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError, MissingPathError
from headstart.testing import backbone_checks as checks

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'headstart[text]'")

_TRANSFORMER = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
_STAGES = {"depths": [1, 1], "hidden_sizes": [8, 16], "num_stages": 2, "image_size": 32}
_SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4}
TINY = {
    "vit": _TRANSFORMER,
    "deit": _TRANSFORMER,
    "beit": _TRANSFORMER,
    "vit_msn": _TRANSFORMER,
    "dinov2": _TRANSFORMER,
    "dinov2_with_registers": _TRANSFORMER,
    "dinov3_vit": _TRANSFORMER,
    "ijepa": _TRANSFORMER,
    "clip_vision_model": _TRANSFORMER,
    "siglip_vision_model": _TRANSFORMER,
    "convnext": {**_STAGES},
    "convnextv2": {**_STAGES},
    "swin": _SWIN,
    "swinv2": _SWIN,
    "resnet": {**_STAGES, "embedding_size": 8},
    "regnet": {**_STAGES, "embedding_size": 8, "groups_width": 8},
    "mobilenet_v2": {"depth_multiplier": 0.35, "image_size": 32},
    "mobilevit": {"image_size": 64, "hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 24, 32]},
}
"""Kind -> settings of a model of a few thousand weights."""

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]


def config_of(kind):
    from transformers import AutoConfig

    return AutoConfig.for_model(kind, **TINY[kind])


def build(kind):
    from transformers import AutoModel

    torch.manual_seed(2)
    return AutoModel.from_config(config_of(kind)).eval()


def processor(side):
    """A processor whose pixels can be compared exactly: the picture comes in its size."""
    from transformers import ViTImageProcessor

    return ViTImageProcessor(size={"height": side, "width": side}, image_mean=MEAN, image_std=STD)


def side_of(kind):
    return TINY[kind]["image_size"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """kind -> (folder, model), each saved once."""
    root = tmp_path_factory.mktemp("vision")
    made = {}

    def folder_of(kind):
        if kind not in made:
            with torch.random.fork_rng(devices=[]):
                model = build(kind)
            model.save_pretrained(root / kind)
            processor(side_of(kind)).save_pretrained(root / kind)
            made[kind] = (str(root / kind), model)
        return made[kind]

    return folder_of


@pytest.fixture
def copied(saved, tmp_path):
    shutil.copytree(saved("vit")[0], tmp_path / "vit")
    return tmp_path / "vit"


def edit(folder, file="config.json", **changes):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def picture(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def ours(name, image):
    opened = registry.open_backbone(name).open()
    wanted = opened.card.input
    x = torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(wanted.mean).view(1, 3, 1, 1)) / torch.tensor(wanted.std).view(1, 3, 1, 1)
    with torch.inference_mode():
        return opened.module(x)


def theirs(model, image, takes):
    x = processor(len(image))(image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        found = model(pixel_values=x)
    if takes == "pooler_output":
        return found.pooler_output.flatten(1)
    states = found.last_hidden_state
    return states[:, 0] if takes == "cls" else states.flatten(2).mean(2) if states.ndim == 4 else states.mean(1)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "clip_vision_model", "convnext", "swin", "resnet"])
def test_keeps_the_contract(kind, saved):
    backbone = registry.open_backbone(saved(kind)[0])
    for check in checks.checks_for(backbone):
        check(backbone)


def test_the_untrained_twin_keeps_the_contract(saved):
    backbone = registry.open_backbone(saved("vit")[0] + "@random")
    for check in checks.checks_for(backbone):
        check(backbone)


@pytest.mark.parametrize("kind", TINY)
def test_features_are_those_of_transformers(kind, saved):
    from headstart.backbones._vision_models import VISION_MODELS

    folder, model = saved(kind)
    image = picture(side_of(kind))
    found, wanted = ours(folder, image), theirs(model, image, VISION_MODELS[kind])
    assert found.shape == wanted.shape == (1, registry.get_card(folder).dim)
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())


@pytest.mark.parametrize(("whole", "tower"), [("clip", "clip_vision_model"), ("siglip", "siglip_vision_model")])
def test_of_pictures_and_texts_the_image_tower(whole, tower, tmp_path):
    from transformers import AutoConfig, AutoModel

    text = {key: _TRANSFORMER[key] for key in ("num_hidden_layers", "num_attention_heads", "intermediate_size")}
    config = AutoConfig.for_model(
        whole, vision_config=TINY[tower], text_config={**text, "hidden_size": 32, "vocab_size": 50}
    )
    with torch.random.fork_rng(devices=[]):
        model = AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path / whole)
    processor(32).save_pretrained(tmp_path / whole)
    image = picture(32)
    found, wanted = ours(str(tmp_path / whole), image), theirs(model.vision_model, image, "pooler_output")
    assert float((found - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())
    assert registry.get_card(str(tmp_path / whole)).pretraining == "unknown; features: the pooled output"


def test_a_classifier_s_folder(tmp_path):
    from transformers import ViTForImageClassification

    with torch.random.fork_rng(devices=[]):
        model = ViTForImageClassification(config_of("vit")).eval()
    model.save_pretrained(tmp_path / "vit")
    opened = registry.open_backbone(str(tmp_path / "vit")).open()
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        wanted = model.vit(x).last_hidden_state[:, 0]
        torch.testing.assert_close(opened.module(x), wanted, rtol=1e-4, atol=1e-5)
    assert "pooler" not in " ".join(dict(opened.module.named_parameters()))


def test_weights_in_a_torch_file(saved, copied):
    from safetensors.torch import load_file

    torch.save(load_file(copied / "model.safetensors"), copied / "pytorch_model.bin")
    (copied / "model.safetensors").unlink()
    assert torch.equal(ours(str(copied), picture(32)), ours(saved("vit")[0], picture(32)))


def test_gradients_reach_every_weight(saved):
    module = registry.open_backbone(saved("dinov2")[0]).open().module
    module(torch.rand(2, 3, 32, 32)).square().mean().backward()
    lacking = {name for name, p in module.named_parameters() if p.requires_grad and p.grad is None}
    assert {name.rpartition(".")[2] for name in lacking} <= {"mask_token"}


def test_a_hub_name_comes_from_the_cache(saved, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0" * 40
    root = tmp_path / "hub" / "models--some--vit"
    shutil.copytree(saved("vit")[0], root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    card = registry.get_card("hf/some/vit")
    assert (card.name, card.provider, card.dim) == ("hf/some/vit", "transformers_vision", 32)
    assert torch.equal(ours("hf/some/vit", picture(32)), ours(saved("vit")[0], picture(32)))
    (root / "snapshots" / commit / "model.safetensors").unlink()
    card = registry.get_card("hf/some/vit")
    assert registry.readiness(card).endswith("headstart backbones pull hf/some/vit")
    assert registry.open_backbone("hf/some/vit@random").open().card.weights == "random"


def test_fetching_without_a_network(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    provider = registry.get_provider("transformers_vision")
    assert provider.find("hf/some/vit") is None
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set"):
        provider.fetch("hf/some/vit")


def test_tensors_travel_with_their_configuration(saved, tmp_path):
    backbone = registry.open_backbone(saved("vit")[0])
    module = backbone.open().module
    (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
    again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
    again.load_state_dict(module.state_dict(), strict=True)
    x = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(again(x), module(x))


def test_text_and_sound_are_left_to_others(tmp_path):
    provider = registry.get_provider("transformers_vision")
    for kind in ("bert", "whisper", "wav2vec2", "llama"):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
        assert provider.find(str(tmp_path)) is None


PROCESSORS = [
    ({"size": {"height": 30, "width": 40}}, (30, 40, 1.0, "squash")),
    ({"size": 32}, (32, 32, 1.0, "squash")),
    ({"size": {"shortest_edge": 64}, "do_center_crop": True, "crop_size": {"height": 56, "width": 56}},
     (56, 56, 0.875, "center")),
    ({"size": {"shortest_edge": 32}, "crop_pct": 0.875}, (32, 32, 0.875, "center")),
    ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, (384, 384, 1.0, "squash")),
    ({"size": {"shortest_edge": 48}}, (48, 48, 1.0, "center")),
    ({"do_resize": False}, (32, 32, 1.0, "center")),
]  # fmt: skip


@pytest.mark.parametrize(("said", "wanted"), PROCESSORS)
def test_sizes(said, wanted):
    from headstart.backbones._image_processor import processed_input

    found = processed_input(said, 32, "it").wanted
    assert (found.height, found.width, found.crop_fraction, found.window) == wanted


@pytest.mark.parametrize(
    ("said", "pixel", "wanted"),
    [
        ({"image_mean": MEAN, "image_std": STD}, 51.0, [(0.2 - m) / s for m, s in zip(MEAN, STD, strict=True)]),
        ({"do_normalize": False}, 51.0, [0.2] * 3),
        ({"do_rescale": False, "do_normalize": False}, 51.0, [51.0] * 3),
        ({"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False}, 51.0, [-0.6] * 3),
        ({"do_rescale": False, "image_mean": [100] * 3, "image_std": [50] * 3}, 51.0, [-0.98] * 3),
        (
            {"image_processor_type": "EfficientNetImageProcessor", "include_top": True, "image_mean": MEAN,
             "image_std": STD},
            51.0,
            [(0.2 - m) / s / s for m, s in zip(MEAN, STD, strict=True)],
        ),
    ],
)  # fmt: skip
def test_statistics(said, pixel, wanted):
    from headstart.backbones._image_processor import processed_input

    found = processed_input({"size": 32, **said}, 32, "it").wanted
    x = [(pixel / 255 - m) / s for m, s in zip(found.mean, found.std, strict=True)]
    np.testing.assert_allclose(x, wanted, rtol=1e-9)


def test_blue_first(saved, copied):
    edit(copied, "preprocessor_config.json", do_flip_channel_order=True)
    image = picture(32)
    x = torch.rand(1, 3, 32, 32)
    flipped, plain = registry.open_backbone(str(copied)).open(), registry.open_backbone(saved("vit")[0]).open()
    with torch.inference_mode():
        torch.testing.assert_close(flipped.module(x), plain.module(x.flip(1)))
    assert flipped.card.weights_id != plain.card.weights_id
    assert not torch.equal(ours(str(copied), image), ours(saved("vit")[0], image))


def test_code_in_a_folder_is_never_run(saved, copied, tmp_path):
    evil = tmp_path / "evil"
    (copied / "modeling_evil.py").write_text(f"import os\nos.mkdir({str(evil)!r})\n", encoding="utf-8")
    (copied / "configuration_evil.py").write_text(f"import os\nos.mkdir({str(evil)!r})\n", encoding="utf-8")
    edit(copied, auto_map={"AutoModel": "modeling_evil.Evil", "AutoConfig": "configuration_evil.Evil"})
    assert torch.equal(ours(str(copied), picture(32)), ours(saved("vit")[0], picture(32)))
    edit(copied, model_type="evil")
    assert registry.get_provider("transformers_vision").find(str(copied)) is None
    assert not evil.exists()


class Hostile:
    def __reduce__(self):
        return (os.mkdir, (os.environ["HOSTILE_FOLDER"],))


def test_a_hostile_pickle_is_never_run(copied, tmp_path, monkeypatch):
    monkeypatch.setenv("HOSTILE_FOLDER", str(tmp_path / "evil"))
    (copied / "model.safetensors").unlink()
    torch.save({"weight": Hostile()}, copied / "pytorch_model.bin")
    with pytest.raises(IntegrityError, match="file with tensors only"):
        registry.open_backbone(str(copied)).open()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("damage", ["missing", "shape", "junk"])
def test_weights_of_another_model_are_refused(copied, damage):
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    tensors = load_file(path)
    name = "embeddings.cls_token"
    if damage == "missing":
        del tensors[name]
    else:
        tensors[name] = torch.zeros(1, 1, 33)
    save_file(tensors, path)
    if damage == "junk":
        path.write_bytes(b"junk" * 20)
    with pytest.raises(IntegrityError, match="needs (all |)weights of its architecture|file with tensors only") as told:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(told.value)


def test_a_changed_byte(copied):
    backbone = registry.open_backbone(str(copied))
    path = copied / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="changed in between"):
        backbone.open()


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("config.json", {"image_size": 100_000}, "image_size of at most 4096"),
        ("config.json", {"image_size": "large"}, "image_size of at most 4096"),
        ("config.json", {"num_channels": 1}, "three colour channels"),
        ("config.json", {"hidden_act": "sneaky"}, "settings that its architecture takes"),
        ("preprocessor_config.json", {"size": "large"}, "needs sizes and statistics"),
        ("preprocessor_config.json", {"image_std": [0, 1, 1]}, "positive image_std"),
        ("preprocessor_config.json", {"image_mean": [1, 2]}, "needs sizes and statistics"),
        ("preprocessor_config.json", {"size": {"height": 9000, "width": 9000}}, "at most 4096"),
    ],
)
def test_configuration_that_makes_no_sense(copied, file, changes, told):
    edit(copied, file, **changes)
    with pytest.raises(InputError, match=told) as caught:
        registry.open_backbone(str(copied))
    assert "\n" not in str(caught.value)
