import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones._blocks import ordered_blocks
from headstart.errors import InputError, UnknownNameError
from headstart.features.cache import FeatureCache
from headstart.training.batches import Batch, Batches
from headstart.training.border.cache import BorderCache
from headstart.training.border.inputs import BorderInputs, inputs_of
from headstart.training.border.layout import layout_of
from headstart.training.forward import outputs_of
from headstart.training.loop import train
from headstart.training.losses.cross_entropy import CrossEntropy
from headstart.training.settings import TrainSettings
from headstart.training.split import split_at
from headstart.training.trunk import Trunk, open_trunk
from headstart.training.tuned import Tuned

N = 20


def small_network(seed=0):
    torch.manual_seed(seed)
    trunk = nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2),
        nn.BatchNorm2d(5),
        nn.Sequential(nn.Conv2d(5, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
    )
    network = Tuned(nn.Sequential(trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(6, 2))
    trunk[1].running_mean.normal_()
    trunk[:2].requires_grad_(False)
    return network, {str(place): block for place, block in enumerate(trunk)}


def pictures(n=N):
    return torch.randn(n, 3, 9, 9, generator=torch.Generator().manual_seed(1))


def plain_inputs(x, *, calls=None):
    """View v of a picture is the picture and v."""

    def load(rows, view):
        if calls is not None:
            calls.append((rows.tolist(), view))
        return (x[torch.from_numpy(rows)] + view,)

    digests = [row.to_bytes(32, "big") for row in range(len(x))]
    return BorderInputs(load, digests, {"of": "test"}, lambda view: view)


def border(tmp_path, *, seed=0, x=None, block="2", inputs=None, cache=None, **settings):
    network, blocks = small_network(seed)
    x = pictures() if x is None else x
    lower, upper = split_at(network, blocks, block, sample=(x[:3],))
    cache = cache or FeatureCache(tmp_path / "cache")
    return network, upper, BorderCache(lower, inputs or plain_inputs(x), block=block, cache=cache, **settings)


class LowerInEval:
    """The loop puts everything in training mode; the frozen part does not take part in that."""

    def __init__(self, network):
        self.frozen = network.trunk[0][:2]

    def __getattr__(self, hook):
        return lambda state: self.frozen.eval()


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float16", 1e-2)])
def test_training_from_the_cache_is_training_the_whole_with_its_lower_part_frozen(tmp_path, precision, tolerance):
    x, y = pictures(), torch.arange(N) % 2
    settings = TrainSettings(epochs=5, learning_rate=0.01)

    def load(rows, epoch):
        places = torch.from_numpy(rows)
        return Batch((x[places] + 1 + epoch % 3,), (y[places],), rows)

    whole, _ = small_network()
    first = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    train(whole, Batches(load, N, 6), CrossEntropy(), settings=settings, callbacks=[LowerInEval(whole)])

    network, upper, cache = border(tmp_path, precision=precision)
    batches = cache.batches((y,), size=6, views=(1, 2, 3))
    train(upper, batches, CrossEntropy(), settings=settings)
    wanted, got = whole.state_dict(), network.state_dict()
    assert list(wanted) == list(got)
    moved = {name for name, tensor in wanted.items() if not torch.equal(tensor, first[name])}
    assert {"head.weight", "trunk.0.2.0.weight", "trunk.0.2.1.running_mean"} <= moved
    assert not any(name.startswith(("trunk.0.0", "trunk.0.1")) for name in moved)
    for name, tensor in wanted.items():
        assert torch.allclose(got[name].float(), tensor.float(), rtol=tolerance, atol=tolerance), name


def test_each_example_and_view_is_computed_once(tmp_path):
    calls = []
    x = pictures()
    _, _, cache = border(tmp_path, inputs=plain_inputs(x, calls=calls))
    assert cache.fill((0, 1), rows=np.arange(7)) == 14
    assert cache.fill((0, 1), rows=np.arange(7)) == 0
    assert cache.fill((1,)) == N - 7
    computed = [(row, view) for rows, view in calls[1:] for row in rows]  # the first call asks for the shape
    assert len(computed) == len(set(computed)) == 14 + N - 7
    before = len(calls)
    for rows in cache.batches((), size=6, views=(1,)).epoch(3):
        cache.read(rows, 1)
    assert len(calls) == before


def test_what_is_read_is_what_the_lower_part_gives_and_the_upper_goes_on_with_it(tmp_path):
    x = pictures()
    network, upper, cache = border(tmp_path, precision="float32")
    network.eval()
    upper.eval()
    rows = np.array([3, 0, 17])
    with torch.no_grad():
        for view in (0, 2):
            assert torch.allclose(upper(*cache.read(rows, view)), network(x[rows] + view), atol=1e-6)
    wanted = outputs_of(upper, cache.batches((), size=6))
    assert torch.allclose(wanted, network(x), atol=1e-6)


def test_the_lower_part_is_run_in_evaluation_mode_and_left_in_its_own(tmp_path):
    network, _, cache = border(tmp_path)
    network.train()
    cache.lower.train()
    before = network.trunk[0][1].running_mean.clone()
    cache.fill()
    assert torch.equal(network.trunk[0][1].running_mean, before)
    assert network.trunk[0][1].training


def test_bytes_are_as_planned(tmp_path):
    _, _, cache = border(tmp_path)
    plan = cache.plan((0, 1, 2))
    assert plan.bytes == plan.new_bytes == 3 * N * (5 * 4 * 4 * 2 + 40)
    assert not (tmp_path / "cache").exists()
    cache.fill((0, 1, 2))
    files = [path for path in (tmp_path / "cache").rglob("shard-*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) == plan.bytes
    assert cache.plan((0, 1, 2)).new_bytes == 0
    assert cache.plan((0, 3)).new_bytes == plan.bytes // 3
    assert 0 < plan.deviation < 1e-3
    assert "float16, off by" in str(plan)


def test_alike_views_are_counted_and_kept_once(tmp_path):
    inputs = plain_inputs(pictures())
    alike = BorderInputs(lambda rows, view: inputs.load(rows, view % 2), inputs.digests, {}, lambda view: view % 2)
    _, _, cache = border(tmp_path, inputs=alike)
    assert cache.plan((0, 1, 2, 3)).n_views == 2
    assert cache.plan((0, 1, 2, 3)).bytes == cache.plan((0, 1)).bytes
    assert cache.fill((0, 1, 2, 3)) == 2 * N
    assert cache.plan((3, 4, 5)).new_bytes == 0


def test_alike_examples_are_counted_and_kept_once(tmp_path):
    x = pictures()
    inputs = plain_inputs(x)
    inputs = BorderInputs(inputs.load, [*inputs.digests[:10], *inputs.digests[:10]], inputs.key, inputs.view_key)
    _, _, cache = border(tmp_path, inputs=inputs)
    plan = cache.plan()
    assert plan.n_examples == 10
    assert plan.bytes == 10 * (5 * 4 * 4 * 2 + 40)
    assert cache.fill() == 10


def test_what_does_not_fit_is_refused_before_anything_is_computed(tmp_path, monkeypatch):
    calls = []
    _, _, cache = border(tmp_path, inputs=plain_inputs(pictures(), calls=calls), max_bytes="1KB")
    with pytest.raises(InputError, match=r"needs 4 KB for 20 examples in 1 views at '2', got max_bytes=1 KB. Take a"):
        cache.fill()
    assert len(calls) == 1
    assert not (tmp_path / "cache").exists()
    assert cache.fill(rows=np.arange(5)) == 5
    _, _, cache = border(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(InputError, match="10 B free on disk"):
        cache.fill()


@pytest.mark.parametrize("what", ["weights", "block", "inputs", "precision", "statistics", "code"])
def test_what_decides_the_activations_is_in_the_key(tmp_path, what):
    x = pictures()
    shared = FeatureCache(tmp_path / "cache")
    border(tmp_path, cache=shared)[2].fill()
    assert border(tmp_path, cache=shared)[2].plan().new_bytes == 0
    inputs, settings = plain_inputs(x), {}
    if what == "inputs":
        inputs = BorderInputs(inputs.load, inputs.digests, {"of": "something else"}, inputs.view_key)
    if what == "precision":
        settings["precision"] = "bfloat16"
    if what == "block":
        settings["block"] = "1"
    network, _, cache = border(tmp_path, inputs=inputs, cache=shared, **settings)
    with torch.no_grad():
        if what == "weights":
            network.trunk[0][0].weight[0, 0, 0, 0] += 1e-3
        if what == "statistics":
            network.trunk[0][1].running_var[2] += 1e-3
        if what == "code":
            network.trunk[0][1].eps = 0.1
        plan = cache.plan()
    assert plan.new_bytes == plan.bytes
    with torch.no_grad():  # what lies above the border does not matter
        network, _, cache = border(tmp_path, cache=shared)
        network.trunk[0][2][0].weight += 1
        assert cache.plan().new_bytes == 0


def test_a_damaged_row_is_computed_again(tmp_path):
    _, _, cache = border(tmp_path)
    cache.fill()
    wanted = cache.read(np.arange(N), 0)[0]
    path = next((tmp_path / "cache").rglob("*.rows"))
    data = bytearray(path.read_bytes())
    data[5 * 4 * 4 * 2 * 3 + 8] ^= 0xFF
    path.write_bytes(data)
    again = border(tmp_path)[2].read(np.arange(N), 0)[0]
    assert torch.equal(again, wanted)


def test_a_lower_part_that_may_move_is_refused(tmp_path):
    network, blocks = small_network()
    network.requires_grad_(True)
    lower, _ = split_at(network, blocks, "2", sample=(pictures()[:2],))
    with pytest.raises(InputError, match=r"frozen lower part, got 4 parameters that may move, .*'trunk.0.0.weight'"):
        BorderCache(lower, plain_inputs(pictures()), block="2", cache=FeatureCache(tmp_path))
    with pytest.raises(UnknownNameError, match="float16"):
        border(tmp_path, precision="flaot16")[2].plan()


def test_numbers_too_large_for_the_precision_are_refused(tmp_path):
    x = pictures() * 1e6
    with pytest.raises(InputError, match=r"that float16 can hold, got .* precision='bfloat16'"):
        border(tmp_path, x=x)[2].plan()
    assert border(tmp_path, x=x, precision="bfloat16")[2].fill() == N


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_rows_hold_tensors_of_every_kind(precision):
    torch.manual_seed(0)
    given = (
        torch.randn(6, 3, 5, 5).to(memory_format=torch.channels_last),
        torch.randn(3, 7, dtype=torch.float64),
        torch.tensor([[1, 30522], [0, -5], [2**24, 3]]),
        torch.tensor([True, False, True]),
        torch.empty(3, 0, dtype=torch.int64),
    )
    layout = layout_of(given, 3, precision)
    rows = layout.pack(given)
    assert rows.shape == (3, layout.words)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    exact = precision == "float32"
    for again, one in zip(layout.unpack(rows), given, strict=True):
        assert again.dtype == one.dtype
        assert again.shape == one.shape
        wanted = one if exact or not one.is_floating_point() else one.to(getattr(torch, precision)).to(one.dtype)
        assert torch.equal(again, wanted.float().to(one.dtype))
    assert layout.unpack(rows)[0].is_contiguous(memory_format=torch.channels_last)
    bound = {"float32": 1e-7, "float16": 1e-3, "bfloat16": 1e-2}[precision]
    assert bound / 100 < layout.deviation(given) < bound
    with pytest.raises(InputError, match="whole numbers up to"):
        layout.pack((*given[:2], given[2] * 9, *given[3:]))


def test_texts_of_unlike_lengths_train_from_the_cache(tmp_path):
    from transformers import BertConfig, BertModel

    from headstart.backbones._hidden_states import HiddenStates
    from headstart.backbones.backbone import OpenBackbone
    from headstart.features.token_module import TokenModule

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    module = HiddenStates(BertModel(BertConfig(vocab_size=50, max_position_embeddings=40, **sizes)).eval())
    blocks = ordered_blocks(module)
    network = Tuned(TokenModule(OpenBackbone(None, module, blocks), "mean"), nn.Linear(16, 2))
    network.trunk.requires_grad_(False)
    blocks["model.encoder.layer.1"].requires_grad_(True)
    lengths = np.random.default_rng(0).integers(2, 30, 25)
    texts = [torch.randint(1, 50, (length,)) for length in lengths]

    def load(rows, view):
        t = -(-max(lengths[rows]) // 8) * 8
        ids, mask = torch.zeros(len(rows), t, dtype=torch.int64), torch.zeros(len(rows), t, dtype=torch.int64)
        for place, row in enumerate(rows):
            ids[place, : lengths[row]], mask[place, : lengths[row]] = texts[row], 1
        return ids, mask

    digests = [row.to_bytes(32, "big") for row in range(25)]
    inputs = BorderInputs(load, digests, {}, lambda view: 0, lengths)
    name = "model.encoder.layer.1"
    lower, upper = split_at(network, blocks, name, sample=load(np.arange(2), 0))
    cache = BorderCache(lower, inputs, block=name, precision="float32", cache=FeatureCache(tmp_path))
    assert cache.fill() == 25
    assert len({tuple(part.shape) for rows in np.arange(25) for part in cache.read(np.array([rows]), 0)[:1]}) == 4
    wanted = torch.cat([network(*load(np.array([row]), 0)) for row in range(25)]).detach()
    batches = cache.batches((torch.arange(25) % 2,), size=5)
    assert torch.allclose(outputs_of(upper, batches), wanted, atol=1e-5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    train(upper, batches, CrossEntropy(), settings=TrainSettings(epochs=2))
    moved = {key for key, tensor in network.state_dict().items() if not torch.equal(tensor, before[key])}
    assert moved
    assert all(key.startswith("head.") or "layer.1." in key for key in moved)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")
def test_pictures_of_a_trunk_in_views_that_hang_on_content_alone(tmp_path):
    draw = np.random.default_rng(0)
    examples = [draw.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(3)]
    trunk = open_trunk("efficientnet_lite0@random", resolution=32)
    assert isinstance(trunk, Trunk)
    trunk.module.requires_grad_(False)
    lower, upper = split_at(trunk.module, trunk.blocks, "blocks.6")
    cache = FeatureCache(tmp_path)

    def made(some, augmentation="crop_flip"):
        return BorderCache(lower, inputs_of(trunk, some, augmentation=augmentation), block="blocks.6", cache=cache)

    first = made(examples)
    assert first.fill((0, 1, 2)) == 9
    assert made(examples[::-1]).fill((0, 1, 2)) == 0
    assert made(examples, "none").fill((0,)) == 0
    plain, one, two = (first.read(np.array([0]), view)[0] for view in (0, 1, 2))
    assert not torch.equal(plain, one)
    assert not torch.equal(one, two)
    wanted = trunk.module(*trunk.loader(examples)(np.array([0]), 0))
    assert torch.allclose(upper(plain), wanted, rtol=1e-2, atol=1e-2 * float(wanted.abs().max()))
    with pytest.raises(UnknownNameError, match="crop_flip"):
        inputs_of(trunk, examples, augmentation="crop")
