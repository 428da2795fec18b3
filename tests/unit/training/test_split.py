import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from headstart.backbones._blocks import ordered_blocks
from headstart.backbones._hidden_states import HiddenStates
from headstart.backbones.backbone import OpenBackbone
from headstart.errors import InputError, UnknownNameError
from headstart.features.token_module import TokenModule
from headstart.training.split import split_at
from headstart.training.trunk import open_trunk
from headstart.training.tuned import Tuned

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")

TIMM = ["test_vit", "test_resnet", "test_efficientnet", "test_convnext", "test_byobnet"]


def check_split(module, blocks, name, sample, *, is_exact=True):
    """The parts give what the whole gives, from weights that are the whole's own, each in one part under its name."""
    module.eval()
    lower, upper = split_at(module, blocks, name, sample=sample)
    with torch.no_grad():
        wanted, got = module(*sample), upper(lower(*sample))
        stored = lower(*sample)
        assert torch.equal(upper(*(stored if isinstance(stored, tuple) else (stored,))), got)
    assert torch.equal(got, wanted) if is_exact else torch.allclose(got, wanted, rtol=1e-6, atol=1e-6)
    own = dict(module.named_parameters())
    for part in (lower, upper):
        assert all(own[key] is parameter for key, parameter in part.named_parameters())
    in_lower, in_upper = ({id(p) for p in part.parameters()} for part in (lower, upper))
    assert not {name for name, p in own.items() if id(p) in in_lower & in_upper and "relative" not in name}
    assert in_lower | in_upper <= {id(p) for p in own.values()}
    names = list(blocks)
    assert all(id(p) in in_upper for p in blocks[name].parameters())
    for below in names[: names.index(name)]:
        assert "relative" in below or not any(
            id(p) in in_upper for key, p in blocks[below].named_parameters() if "relative" not in key
        )
    return lower, upper


@pytest.mark.parametrize("name", TIMM)
def test_every_block_of_timm_models(name):
    import timm

    torch.manual_seed(0)
    module = timm.create_model(name, num_classes=0)
    blocks, sample = ordered_blocks(module), (torch.randn(2, *module.default_cfg["input_size"]),)
    for block in blocks:
        check_split(module, blocks, block, sample)


def test_torchvision_residual_networks():
    from torchvision.models import resnet18

    torch.manual_seed(0)
    module = resnet18()
    check_split(module, ordered_blocks(module), "layer4", (torch.randn(2, 3, 64, 64),))
    check_split(module, ordered_blocks(module), "fc", (torch.randn(2, 3, 64, 64),))


def tiny(kind, **settings):
    """A small encoder of Transformers with random weights."""
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(kind, **(sizes | settings))
    return AutoModel.from_config(config, attn_implementation="eager").eval()


class Pixels(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixel_values=pixels).last_hidden_state.mean(1)


def texts(kind="bert"):
    words = {"vocab_size": 50, "max_position_embeddings": 40, "pad_token_id": 1}
    names = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32} if kind == "distilbert" else {}
    module = HiddenStates(tiny(kind, **words, **names))
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3])
    sample = (torch.randint(2, 50, (2, 8), generator=torch.Generator().manual_seed(1)), mask)
    return TokenModule(OpenBackbone(None, module, ordered_blocks(module)), "mean"), ordered_blocks(module), sample


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "mpnet", "electra"])
def test_text_encoders_of_transformers(kind):
    module, blocks, sample = texts(kind)
    layers = [name for name in blocks if name[-1].isdigit()]
    assert len(layers) == 3
    for name in layers:
        check_split(module, blocks, name, sample)


def test_a_text_encoder_goes_on_with_other_lengths_and_numbers_of_examples():
    module, blocks, sample = texts()
    lower, upper = check_split(module, blocks, [name for name in blocks if name[-1] == "2"][0], sample)
    for b, t in ((1, 8), (5, 24)):
        ids = torch.randint(2, 50, (b, t))
        mask = torch.ones_like(ids)
        mask[0, 4:] = 0
        with torch.no_grad():
            assert torch.equal(upper(lower(ids, mask)), module(ids, mask))


def test_picture_encoders_of_transformers():
    module = Pixels(tiny("vit", image_size=32, patch_size=8))
    blocks, sample = ordered_blocks(module.model), (torch.randn(2, 3, 32, 32),)
    for name in list(blocks)[1:-1]:
        _, upper = check_split(module, blocks, name, sample)
        stored = split_at(module, blocks, name, sample=sample)[0](*sample)
        assert [part.shape[1:] for part in stored][0] == (17, 16)
        assert sum(part[0].numel() for part in stored) < 17 * 16 + 30  # no pixels go over the border


@pytest.mark.parametrize(
    ("backbone", "examples", "names"),
    [
        ("efficientnet_lite0", "pictures", ("blocks.6", "conv_head")),
        ("efficientnet_lite2", "pictures", ("blocks.6",)),
        ("all_minilm_l6_v2", "texts", ("model.encoder.layer.4",)),
        ("whisper_tiny", "clips", ("layers.1", "layer_norm")),
    ],
)
def test_embedded_backbones_with_a_head(backbone, examples, names):
    draw = np.random.default_rng(0)
    found = {
        "pictures": [draw.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)],
        "texts": ["a short sentence", "another one, a little longer"],
        "clips": [(draw.normal(0, 0.1, n).astype("f4"), 16000) for n in (16000, 15000)],
    }[examples]
    trunk = open_trunk(backbone)
    network = Tuned(trunk.module, nn.Linear(trunk.card.dim, 3))
    sample = trunk.loader(found)(np.arange(2), 0)
    for name in names:
        _, upper = check_split(network, trunk.blocks, name, sample)
        assert any(p is network.head.weight for p in upper.parameters())


class Branching(nn.Module):
    """A skip connection over the border, dropout outside of all blocks, and a table that hangs on no input."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.table = nn.Parameter(torch.randn(4))

    def forward(self, x):
        early = self.first(x).relu()
        late = self.second(early + self.table)
        return self.third(functional.dropout(late + early, 0.5, self.training) + self.table)


def test_what_skips_the_border_goes_over_it_and_what_hangs_on_nothing_does_not():
    torch.manual_seed(0)
    module = Branching().eval()
    lower, upper = split_at(module, ordered_blocks(module), "third")
    x = torch.randn(5, 4)
    assert torch.equal(upper(lower(x)), module(x))
    assert isinstance(lower(x), torch.Tensor)
    lower, upper = split_at(module, ordered_blocks(module), "second")
    assert torch.equal(upper(lower(x)), module(x))
    assert all(part.shape == (5, 4) for part in lower(x))


def test_both_parts_follow_the_mode_of_training():
    torch.manual_seed(0)
    module = Branching()
    lower, upper = split_at(module, ordered_blocks(module), "second")
    x = torch.randn(50, 4)
    for mode in (True, False, True):
        for part in (module, lower, upper):
            part.train(mode)
        torch.manual_seed(7)
        wanted = module(x)
        torch.manual_seed(7)
        assert torch.equal(upper(lower(x)), wanted)
    upper.eval()
    assert torch.equal(upper(lower(x)), upper(lower(x)))


def test_tracing_leaves_the_modes_alone():
    module = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)))
    module[1][0].eval()
    before = [part.training for part in module.modules()]
    split_at(module, {"0": module[0], "1": module[1]}, "1", sample=(torch.randn(4, 3),))
    assert [part.training for part in module.modules()] == before


def test_a_forward_of_any_number_of_inputs_needs_no_sample():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    for inner, sample in ((nn.Linear(3, 3), [torch.randn(4, 3)]), (Two(), [torch.randn(4, 3), torch.randn(4, 3)])):
        network = Tuned(inner, nn.Linear(3, 2))
        lower, upper = split_at(network, {"inner": inner, "head": network.head}, "head")
        assert torch.equal(upper(lower(*sample)), network(*sample))


def test_training_the_upper_part_trains_the_whole():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    x = torch.randn(4, 3)
    lower, upper = split_at(module, {"0": module[0], "1": module[1]}, "1")
    upper(lower(x).detach()).sum().backward()
    assert module[0].weight.grad is None
    assert module[1].weight.grad is not None
    assert list(upper.state_dict()) == ["1.weight", "1.bias"]


class Restless(nn.Module):
    """Its code branches on values, and what stands in for its first block cannot tell them."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.unused = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        early = self.first(x)
        late = self.second(early.exp())
        return late + early if bool((x > -9).all()) else late


def test_what_cannot_be_cut_is_told_in_one_line():
    module = Restless()
    blocks = ordered_blocks(module)
    with pytest.raises(InputError, match=r"place to cut before block 'second', got none .* Train the whole") as told:
        split_at(module, blocks, "second", sample=(torch.randn(2, 3),))
    assert "\n" not in str(told.value)
    assert "differ from the whole" in str(told.value)
    with pytest.raises(InputError, match="sample of inputs"):
        split_at(module, blocks, "second")
    with pytest.raises(UnknownNameError, match="second"):
        split_at(module, blocks, "secnod")
    with pytest.raises(InputError, match="not a part of it"):
        split_at(module, {"first": nn.Linear(1, 1)}, "first")


def test_a_block_that_is_never_called_is_told():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.unused = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.first(x)

    module = Idle()
    with pytest.raises(InputError, match="no part in the forward"):
        split_at(module, ordered_blocks(module), "unused", sample=(torch.randn(2, 3),))
