"""Every backbone passes the public checks, and every check fails a backbone that is broken in its way."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones import registry
from headstart.backbones.backbone import Backbone
from headstart.testing import backbone_checks as checks
from headstart.types import BackboneCard, ImageInput

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")

ALL_CHECKS = checks.EVERY_CHECK + checks.CLASSIC_CHECKS + checks.MODULE_CHECKS


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tiny timm model and a small torchvision model, in folders as hubs lay them out."""
    import timm
    from safetensors.torch import save_file
    from torchvision import models

    root = tmp_path_factory.mktemp("hub")
    torch.manual_seed(5)
    timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=7), root / "timm", safe_serialization=True)
    (root / "torchvision").mkdir()
    (root / "torchvision" / "config.json").write_text(
        json.dumps({"library": "torchvision", "architecture": "squeezenet1_1"}), encoding="utf-8"
    )
    save_file(models.get_model("squeezenet1_1", num_classes=3).state_dict(), root / "torchvision" / "model.safetensors")
    save_tiny_text_encoder(root / "transformers")
    return root


def save_tiny_text_encoder(folder):
    """A BERT of two layers with its tokenizer, as sentence-transformers lays them out."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"a b c d e f g h word words and nothing alike another more".split()]
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=40, max_position_embeddings=40, **sizes)
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))


MEMBERS = [card.name for card in registry.list_cards()] + [
    "efficientnet_lite0@random",
    "timm/test_vit@random",
    "torchvision/shufflenet_v2_x0_5@random",
    "folder:timm",
    "folder:torchvision",
    "folder:transformers",
    "all_minilm_l6_v2@random",
]


def opened_name(member, folders):
    kind, _, folder = member.partition(":")
    return str(folders / folder) if kind == "folder" else member


@pytest.mark.parametrize("member", MEMBERS)
def test_keeps_the_contract(member, folders):
    backbone = registry.open_backbone(opened_name(member, folders))
    if "headstart backbones pull" in registry.readiness(backbone.card):
        pytest.skip(registry.readiness(backbone.card))
    backbone = checks.learnt(backbone)
    for check in checks.checks_for(backbone):
        check(backbone)


def test_checks_are_all_listed():
    named = {name for name in vars(checks) if name.startswith("check_")}
    assert named == {check.__name__ for check in ALL_CHECKS}


class Tiny(nn.Module):
    """(n, 3, 8, 8) -> (n, 4)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.last = nn.Linear(4, 4)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.linspace(-1, 1, p.numel()).reshape(p.shape))

    def forward(self, x):
        return self.last(self.stem(x).mean(dim=(2, 3)))


class Reversed(Tiny):
    def __init__(self):
        super().__init__()
        self.stem, self.last = nn.Linear(3, 3), nn.Linear(3, 4)
        last = self._modules.pop("last")
        self._modules = {"last": last, **self._modules}

    def forward(self, x):
        return self.last(self.stem(x.mean(dim=(2, 3))))


class Edits(Tiny):
    def forward(self, x):
        return super().forward(x.mul_(2))


class MixesRows(Tiny):
    def forward(self, x):
        out = super().forward(x)
        return out - out.mean(dim=0)


class Halves(Tiny):
    def forward(self, x):
        return super().forward(x).half()


class NotFinite(Tiny):
    def forward(self, x):
        return super().forward(x) / 0


class Constant(Tiny):
    def forward(self, x):
        return super().forward(x) * 0


class Wide(Tiny):
    def forward(self, x):
        return super().forward(x).repeat(1, 2)


class HoldsMuch(Tiny):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(1000))


class OneBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(3, 4)

    def forward(self, x):
        return self.stem(x.mean(dim=(2, 3)))


class StaysInTraining(Tiny):
    def eval(self):
        return self


CARD = BackboneCard(
    name="tiny",
    modality="image",
    dim=4,
    provider="tiny",
    licence="MIT",
    commercial=True,
    input=ImageInput(height=8, width=8),
    weights_id="tiny:1",
)


def quietly(module):
    with torch.random.fork_rng(devices=[]):
        return module()


def tiny(module=Tiny, open_module=None, resolve=None, **card):
    provider = SimpleNamespace(open_module=open_module or (lambda _: quietly(module)))
    if resolve:
        provider.resolve = resolve
    return Backbone(replace(CARD, **card), provider)


def classic(encode, **card):
    return Backbone(replace(CARD, input=None, **card), SimpleNamespace(encode=encode))


def means(_, images):
    rows = [np.array([*np.asarray(im.convert("RGB")).mean(axis=(0, 1)), 1], np.float32) for im in images]
    return np.stack(rows) if rows else np.empty((0, 4), np.float32)


def random_features(_):
    module = Tiny()
    module.last = nn.Linear(4, 4)
    return module


def calls_home(_):
    import socket

    try:
        with socket.socket() as plug:
            plug.connect(("127.0.0.1", 9))
    except OSError:
        pass
    return Tiny()


def counting():
    calls = iter(range(100))
    return lambda card: replace(card, weights_id=f"tiny:{next(calls)}")


def forgetful():
    known = checks.learnt(registry.open_backbone("columns"))
    return Backbone(replace(known.card, weights_id="columns:1:other"), known.provider)


def edits_pictures(card, images):
    for image in images:
        image.putpixel((0, 0), (1, 2, 3))
    return means(card, images)


BROKEN = [
    (checks.check_card_is_complete, tiny(modality="smell"), "modality"),
    (checks.check_card_is_complete, tiny(dim=0), "dim is 0"),
    (checks.check_card_is_complete, tiny(licence=""), "licence is empty"),
    (checks.check_card_is_complete, tiny(licence="unknown"), "commercial use"),
    (checks.check_card_is_complete, tiny(weights="good"), "weights is 'good'"),
    (checks.check_card_is_complete, tiny(weights_id=""), "weights_id is empty"),
    (checks.check_weights_id_names_the_weights, tiny(resolve=counting()), "differs"),
    (checks.check_weights_id_names_the_weights, tiny(weights="random"), "untrained"),
    (checks.check_uses_no_network, tiny(open_module=calls_home), "connection"),
    (checks.check_width_and_type, tiny(Wide), r"dim is 4"),
    (checks.check_width_and_type, tiny(Halves), "float16"),
    (checks.check_width_and_type, tiny(NotFinite), "not finite"),
    (checks.check_features_depend_on_the_example, tiny(Constant), "same features"),
    (checks.check_same_when_opened_again, tiny(open_module=random_features), "two openings"),
    (checks.check_one_at_a_time, tiny(MixesRows), "stray"),
    (checks.check_leaves_random_state, tiny(open_module=random_features), "torch's global"),
    (checks.check_leaves_random_state, classic(lambda c, i: means(c, i) + np.random.rand()), "numpy's global"),  # noqa: NPY002
    (checks.check_leaves_input, tiny(Edits), "changed"),
    (checks.check_leaves_input, classic(edits_pictures), "changed"),
    (checks.check_learns_the_same_again, forgetful(), "another card"),
    (checks.check_takes_grey_pictures, classic(lambda c, i: means(c, i) / (0 * len(i[0].mode) + 1) * np.nan), "grey"),
    (checks.check_opens_in_evaluation_mode, tiny(StaysInTraining), "training mode"),
    (checks.check_blocks_are_parts, tiny(OneBlock), "only 1 block"),
    (checks.check_blocks_cover_parameters, tiny(HoldsMuch), "weights"),
    (checks.check_blocks_in_forward_order, tiny(Reversed), "order"),
]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("check", "broken", "told"), BROKEN, ids=[f"{c.__name__}-{t}" for c, _, t in BROKEN])
def test_check_bites(check, broken, told):
    with pytest.raises(AssertionError, match=told):
        check(broken)


@pytest.mark.parametrize("sound", [tiny(), classic(means)], ids=["module", "classic"])
def test_sound_members_pass(sound):
    for check in checks.checks_for(sound):
        check(sound)


def test_every_check_has_a_broken_member():
    assert {check for check, _, _ in BROKEN} == set(ALL_CHECKS)


def test_digest_check_bites(folders):
    found = registry.open_backbone(str(folders / "timm"))
    files = registry.get_provider("timm_hub").weight_files(found.card)
    lying = Backbone(
        replace(found.card, weights_id="1"),
        SimpleNamespace(weight_files=lambda _: files, open_module=found.provider.open_module),
    )
    with pytest.raises(AssertionError, match="does not hold the digest"):
        checks.check_weights_id_names_the_weights(lying)
