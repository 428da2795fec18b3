"""Fine-tuning of raw examples: what goes in, what goes on, what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from headstart.errors import InputError, UnknownNameError
from headstart.heads.logistic import LogisticRegressionPath
from headstart.strategies.parameter._tuning_answers import features_of
from headstart.strategies.parameter.fine_tune import FineTune
from headstart.training.moving.gradual_unfreeze import GradualUnfreeze
from headstart.training.moving.last_blocks import LastBlocks
from headstart.training.moving.layer_decay import LayerDecay
from headstart.training.moving.lora import Lora
from headstart.training.moving.named_blocks import NamedBlocks
from headstart.training.own_backbone import own_backbone
from headstart.training.regularisers.co_tuning import CoTuning
from headstart.training.regularisers.l2_sp import L2SP
from headstart.training.regularisers.registry import REGULARISERS
from headstart.training.trunk import open_trunk
from headstart.types import ImageInput

FAST = {"epochs": 2, "cache": False, "device": "cpu"}


def pictures(n=24, n_classes=2, seed=0, side=20):
    """Classes of different colour, with noise."""
    draw = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    X = [draw.integers(0, 120, (side, side, 3), dtype=np.uint8) for _ in y]
    for picture, code in zip(X, y, strict=True):
        picture[..., code] += 100
    return X, y


class Rows(nn.Module):
    """(n, 6) -> (n, 5)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        self.second = nn.Linear(8, 5)

    def forward(self, x):
        return self.second(self.first(x))


def rows(n=40, seed=0):
    draw = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return (draw.normal(size=(n, 6)) + 2 * y[:, None]).astype(np.float32), y


def own_rows():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Rows()


@pytest.fixture(scope="module")
def tuned():
    X, y = pictures(n_classes=3)
    return FineTune("two_convolutions", **FAST).fit(X, np.array(["ant", "bee", "cat"])[y])


def test_begins_where_the_probe_of_the_frozen_features_ends():
    X, y = pictures()
    model = FineTune("two_convolutions", trainable="linear_probe", **FAST).fit(X, y)
    features = features_of(open_trunk("two_convolutions"), X)
    probe = LogisticRegressionPath(random_state=0).fit(features, y)
    assert np.allclose(model.predict_proba(X), probe.predict_proba(features), atol=1e-5)
    assert model.history_ is None
    assert not model.is_tuned_


def test_head_of_three_classes_begins_at_the_probe(tuned):
    X, y = pictures(n_classes=3)
    model = FineTune("two_convolutions", trainable="linear_probe", **FAST).fit(X, y)
    features = features_of(open_trunk("two_convolutions"), X)
    probe = LogisticRegressionPath(random_state=0).fit(features, y)
    assert np.allclose(model.predict_proba(X), probe.predict_proba(features), atol=1e-5)


def test_probe_leaves_every_byte_of_the_trunk():
    X, y = pictures()
    model = FineTune("two_convolutions", trainable="linear_probe", head_first=False, **FAST).fit(X, y)
    first = open_trunk("two_convolutions").module.state_dict()
    for name, tensor in model.network_.trunk.state_dict().items():
        assert torch.equal(tensor, first[name]), name
    assert model.history_.n_steps > 0


def test_probe_on_features_is_the_probe_through_the_trunk():
    """A penalty of 0 makes the trunk run in every step; without one its features are computed once."""
    X, y = pictures()
    settings = {"trainable": "linear_probe", "head_first": False, **FAST}
    once = FineTune("two_convolutions", **settings).fit(X, y)
    each = FineTune("two_convolutions", regulariser=L2SP(alpha=0.0, beta=0.0), **settings).fit(X, y)
    assert np.allclose(once.predict_proba(X), each.predict_proba(X), atol=1e-5)


def test_moves_what_it_is_told():
    X, y = pictures()
    model = FineTune("two_convolutions", trainable=LastBlocks(1), **FAST).fit(X, y)
    first = open_trunk("two_convolutions").module.state_dict()
    moved = {name for name, t in model.network_.trunk.state_dict().items() if not torch.equal(t, first[name])}
    assert moved == {"module.dense.weight", "module.dense.bias"}


@pytest.mark.parametrize("head", ["linear", "mlp", "dense", "cosine"])
def test_every_head_learns(head):
    X, y = pictures()
    assert FineTune("two_convolutions", head=head, **{**FAST, "epochs": 4}).fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("trainable", ["lora", "side_adapters", "gradual_unfreeze", "norms", "biases"])
def test_state_has_the_plain_architecture_whatever_moved(trainable):
    X, y = pictures()
    with_norms = "timm/test_resnet@random" if trainable == "norms" else "two_convolutions"
    model = FineTune(with_norms, trainable=trainable, **FAST).fit(X, y)
    assert list(model.network_.trunk.state_dict()) == list(open_trunk(with_norms).module.state_dict())
    info, arrays = model.to_state()
    loaded = FineTune.from_state(json.loads(json.dumps(info)), arrays)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("name", REGULARISERS.names())
def test_every_regulariser_joins_in(name):
    X, y = pictures()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        regulariser = CoTuning(source_head=nn.Linear(128, 5)) if name == "co_tuning" else name
    settings = {**FAST, "trainable": "full", "learning_rate": 1e-3}
    plain = FineTune("two_convolutions", **settings).fit(X, y)
    model = FineTune("two_convolutions", regulariser=regulariser, **settings).fit(X, y)
    assert not np.array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert model.score(X, y) > 0.9


def test_a_strong_pull_stays_close():
    X, y = pictures()
    first = open_trunk("two_convolutions").module.state_dict()

    def moved(regulariser):
        settings = {**FAST, "trainable": "full", "learning_rate": 1e-3, "weight_decay": 0.0, "epochs": 6}
        model = FineTune("two_convolutions", regulariser=regulariser, **settings).fit(X, y)
        return sum(float((t - first[name]).square().sum()) for name, t in model.network_.trunk.state_dict().items())

    assert moved(L2SP(alpha=1000.0)) < 0.5 * moved(None)


def test_keeps_the_first_weights_where_moving_made_it_worse():
    X, y = pictures(60)
    wrong = 1 - y  # what is trained on contradicts what judges
    judges = {"X_valid": X, "y_valid": wrong}
    model = FineTune("two_convolutions", trainable="full", learning_rate=3e-3, **FAST).fit(X, y, **judges)
    assert not model.is_tuned_
    assert model.valid_loss_ == model.start_loss_
    assert model.history_.n_steps > 0
    probe = FineTune("two_convolutions", trainable="linear_probe", **FAST).fit(X, y, **judges)
    assert np.allclose(model.predict_proba(X), probe.predict_proba(X), atol=1e-6)


def test_a_start_that_knows_nothing_yields_to_whatever_is_better():
    X, y = pictures(60)
    noisy = np.where(np.arange(len(y)) % 20 < 9, 1 - y, y)  # a mean gain below its standard error
    settings = {**FAST, "trainable": "full", "head_first": False, "epochs": 2, "learning_rate": 1e-4}
    model = FineTune("two_convolutions", **settings).fit(X, y, X_valid=X, y_valid=noisy)
    assert model.valid_loss_ < model.start_loss_
    assert model.is_tuned_


def test_probe_learns_from_those_that_judge_too():
    X, y = pictures(160)
    model = FineTune("two_convolutions", trainable="linear_probe", **FAST).fit(X, y)
    probe = LogisticRegressionPath(random_state=0).fit(features_of(open_trunk("two_convolutions"), X), y)
    assert np.allclose(model.predict_proba(X), probe.predict_proba(features_of(model.trunk_, X)), atol=1e-5)


def test_numbers():
    X, y = pictures(60)
    draw = np.random.default_rng(0)
    numbers = 1000 + 50 * y + draw.normal(size=60)
    model = FineTune("two_convolutions", task="regression", **FAST).fit(X, numbers)
    assert model.score(X, numbers) > 0.8
    assert is_regressor(model)
    assert not is_classifier(model)
    assert not hasattr(model, "predict_proba")
    info, arrays = model.to_state()
    assert np.array_equal(FineTune.from_state(json.loads(json.dumps(info)), arrays).predict(X), model.predict(X))


def test_works_at_the_end_of_a_pipeline():
    X, y = pictures()
    flip = FunctionTransformer(lambda pictures: [picture[:, ::-1] for picture in pictures])
    model = make_pipeline(flip, FineTune("two_convolutions", trainable="linear_probe", **FAST))
    assert cross_val_score(model, X, y, cv=2, error_score="raise").mean() > 0.9


def test_classes_of_equal_weight():
    X, y = pictures(40)
    few = np.r_[np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:4]]
    noise = [np.random.default_rng(row).integers(0, 255, (20, 20, 3), dtype=np.uint8) for row in few]
    model = FineTune("two_convolutions", trainable="linear_probe", **FAST)
    plain = clone(model).fit(noise, y[few]).predict_proba(noise)[:, 1].mean()
    balanced = clone(model).fit(noise, y[few], class_weight="balanced").predict_proba(noise)[:, 1].mean()
    by_hand = clone(model).fit(noise, y[few], class_weight={0: 24 / 40, 1: 24 / 8}).predict_proba(noise)[:, 1].mean()
    assert balanced > plain + 0.1
    assert np.isclose(balanced, by_hand, atol=1e-6)


def test_partial_fit_goes_on():
    X, y = pictures(40)
    model = FineTune("two_convolutions", head_first=False, learning_rate=1e-3, **FAST)
    model.partial_fit(X[:20], y[:20], classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]
    first = {name: t.clone() for name, t in model.network_.state_dict().items()}
    model.partial_fit(X[20:], y[20:])
    assert any(not torch.equal(t, first[name]) for name, t in model.network_.state_dict().items())
    for _ in range(4):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9
    with pytest.raises(InputError, match=r"among its 3 classes, got 7 \(position 1\)"):
        model.partial_fit(X[:2], [0, 7])


def test_goes_on_from_a_fitted_one(tuned):
    X, _ = pictures(n_classes=3)
    labels = np.array(["ant", "bee", "cat"])[np.arange(24) % 3]
    still = {"trainable": "linear_probe", "learning_rate": 1e-9, **FAST}
    for source in (tuned, FrozenEstimator(tuned), tuned.to_state()):
        again = FineTune(source, **still).fit(X, labels)  # all classes known: begins with the head that came along
        assert np.allclose(again.predict_proba(X), tuned.predict_proba(X), atol=1e-5)
    assert np.allclose(clone(FineTune(FrozenEstimator(tuned), **still)).fit(X, labels).score(X, labels), 1)


def test_a_head_that_came_along_learns_the_labels_that_are_new(tuned):
    X, _ = pictures(n_classes=3)
    turned = np.array(["bee", "cat", "ant"])[np.arange(24) % 3]
    settings = {**FAST, "epochs": 40, "learning_rate": 0.1, "validation_fraction": 0.0}
    again = FineTune(tuned, trainable="linear_probe", **settings).fit(X, turned)
    assert tuned.score(X, turned) < 0.2
    assert again.score(X, turned) > 0.9


def test_rows_of_shared_classes_are_carried_over(tuned):
    X, y = pictures(n_classes=3)
    labels = np.array(["bee", "cat", "dog"])[y]
    for head_first in (True, False):
        model = FineTune(tuned, trainable="linear_probe", head_first=head_first, learning_rate=1e-9, **FAST)
        model.fit(X, labels)
        own, earlier = model.network_.head.output.weight, tuned.network_.head.output.weight
        assert torch.allclose(own[:2], earlier[1:], atol=1e-6)  # bee and cat
        assert torch.allclose(own[2], torch.zeros(()), atol=1e-6) is not head_first
    assert float(FineTune(tuned, trainable="linear_probe", **FAST).fit(X, labels).score(X, labels)) > 0.3


def test_a_fitted_one_stays_as_it_is(tuned):
    X, y = pictures()
    before = {name: t.clone() for name, t in tuned.network_.state_dict().items()}
    FineTune(tuned, trainable="full", **FAST).fit(X, y)
    assert all(torch.equal(t, before[name]) for name, t in tuned.network_.state_dict().items())


def test_another_resolution_and_grey_pictures():
    X, y = pictures()
    grey = [picture.mean(axis=2).astype(np.uint8) + 60 * np.uint8(code) for picture, code in zip(X, y, strict=True)]
    source = FineTune("two_convolutions", **FAST).fit(X, y)
    model = FineTune(source, resolution=32, **FAST).fit(grey, y)
    assert model.trunk_.resolution == 32
    assert model.trunk_.loader(grey)(np.arange(2), 0)[0].shape == (2, 32, 32, 3)
    assert model.score(grey, y) > 0.9


def test_module_of_ones_own():
    X, y = rows()
    module = own_rows()
    before = [p.detach().clone() for p in module.parameters()]
    model = FineTune(module, trainable="full", **FAST).fit(X, y)
    assert model.score(X, y) > 0.8
    cloned = clone(model).fit(X, y)
    assert np.array_equal(cloned.predict_proba(X), model.predict_proba(X))
    assert list(model.trunk_.blocks) == ["first.0", "second"]
    assert all(torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))
    info, arrays = model.to_state()
    loaded = FineTune.from_state(json.loads(json.dumps(info)), arrays, backbone=own_rows())
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    with pytest.raises(InputError, match="which is one's own, got none. Pass backbone="):
        FineTune.from_state(info, arrays)


def test_module_of_ones_own_on_pictures():
    X, y = pictures()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())
    backbone = own_backbone(module, ImageInput(16, 16))
    model = FineTune(backbone, **FAST).fit(X, y)
    assert model.network_.features(*model.trunk_.loader(X)(np.arange(3), 0)).shape == (3, 8 * 7 * 7)
    assert model.score(X, y) > 0.9


def test_another_seed_is_another_scratch():
    first, same, other = (open_trunk("two_convolutions", random_state=seed).module for seed in (0, 0, 5))
    for name, p in first.named_parameters():
        assert torch.equal(p, same.state_dict()[name])
        if p.numel() > 100:
            assert not torch.equal(p, other.state_dict()[name])
        assert torch.equal(p.flatten().sort().values, other.state_dict()[name].flatten().sort().values)


def test_flipped_views_differ_from_epoch_to_epoch():
    X, _ = pictures(4)
    X[0][:, :10] = 0
    loader = open_trunk("two_convolutions").loader(X, "flip")
    plain, flipped = (loader(np.arange(4), epoch)[0] for epoch in (0, 1))
    assert torch.equal(plain.flip(2), flipped)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "ranking"}, "task of classification, regression, got 'ranking'"),
        ({"epochs": 0, "batch_size": -1}, "epochs above 0, got 0; batch_size above 0, got -1"),
        ({"validation_fraction": 1.0}, "validation_fraction in 0..1, got 1.0"),
        ({"batch_norm": "warm"}, "batch_norm of frozen, own, moving, re-estimated, got 'warm'"),
        ({"backbone": "colour_histogram"}, "a backbone with a gradient, got 'colour_histogram'"),
        ({"backbone": 3}, "a backbone by name, a Backbone, a torch module or a fitted FineTune, got 3"),
        ({"precision": "fp8"}, "precision of auto, fp32, bf16, got 'fp8'"),
        ({"trainable": 3}, "needs trainable of"),
        ({"regulariser": 3}, "needs regulariser of"),
        ({"resolution": 8}, "between 16 and 2048 pixels, got 8"),
        ({"head": "cosine", "task": "regression"}, "2 classes or more"),
    ],
)
def test_settings_are_told(settings, message):
    X, y = pictures(8)
    with pytest.raises(InputError, match=message):
        FineTune(**{"backbone": "two_convolutions", **FAST, **settings}).fit(X, y)


@pytest.mark.parametrize("setting", ["backbone", "trainable", "head", "regulariser", "augmentation"])
def test_unknown_names_are_told(setting):
    X, y = pictures(8)
    with pytest.raises(UnknownNameError):
        FineTune(**{"backbone": "two_convolutions", **FAST, setting: "nothing_like_it"}).fit(X, y)


class NoStep(Exception):
    """Training began."""


@pytest.fixture
def no_step(monkeypatch):
    """Whoever takes a step fails."""

    def refuse(*_, **__):
        raise NoStep

    monkeypatch.setattr("headstart.training.loop.add_gradient", refuse)


@pytest.mark.usefixtures("no_step")
class TestToldBeforeTheFirstEpoch:
    def test_labels_of_the_judges(self):
        X, y = pictures()
        with pytest.raises(InputError, match=r"among its 2 classes, got 2 \(position 2\)"):
            FineTune("two_convolutions", **FAST).fit(X, y, X_valid=X[:3], y_valid=[0, 1, 2])

    def test_judges_without_labels(self):
        X, y = pictures()
        with pytest.raises(InputError, match="X_valid and y_valid together"):
            FineTune("two_convolutions", **FAST).fit(X, y, X_valid=X[:3])

    @pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")
    def test_batch_of_one_with_batch_norm(self):
        X, y = pictures(8)
        with pytest.raises(
            InputError, match="batches of 2 or more to train the batch norm 'trunk.module.conv1.1', got 1"
        ):
            FineTune("timm/test_resnet@random", batch_size=1, trainable="full", **FAST).fit(X, y)

    @pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")
    def test_picture_smaller_than_the_stem(self):
        X, y = pictures(8)
        with pytest.raises(InputError, match="pictures of at least 32 pixels, the stride of .*, got resolution=16"):
            FineTune("timm/test_resnet@random", resolution=16, **FAST).fit(X, y)

    def test_array_smaller_than_the_stem(self):
        X = np.zeros((8, 3, 4, 4), np.float32)
        with pytest.raises(InputError, match=r"examples that pass through 'own:Conv2d', got one of shape \(3, 4, 4\)"):
            FineTune(nn.Conv2d(3, 4, 7), **FAST).fit(X, np.arange(8) % 2)

    def test_backbone_without_weights_that_move(self):
        X, y = pictures(8)
        with pytest.raises(InputError, match="a backbone with a gradient, got 'own:Identity'"):
            FineTune(nn.Identity(), **FAST).fit(X, y)

    def test_single_example(self):
        with pytest.raises(InputError, match="a list of examples, got 'one.jpg'"):
            FineTune("two_convolutions", **FAST).fit("one.jpg", ["a"])

    def test_table(self):
        frame = pd.DataFrame({"path": ["a.png", "b.png"], "label": ["x", "y"]})
        with pytest.raises(InputError, match="got a table. Pass the column"):
            FineTune("two_convolutions", **FAST).fit(frame, frame["label"])

    def test_unreadable_example(self, tmp_path):
        X, y = pictures(8)
        X[5] = str(tmp_path / "absent.png")
        with pytest.raises(InputError, match=r"position 5"):
            FineTune("two_convolutions", **FAST).fit(X, y)

    def test_text_in_place_of_arrays(self):
        with pytest.raises(InputError, match=r"takes arrays of numbers.*position 0"):
            FineTune(own_rows(), **FAST).fit(["a", "b"] * 4, [0, 1] * 4)

    def test_numbers_that_are_none(self):
        X, _ = pictures(4)
        for y, message in (([1, 2, np.nan, 4], "finite numbers, got nan at position 2"), (list("abcd"), "got others")):
            with pytest.raises(InputError, match=message):
                FineTune("two_convolutions", task="regression", **FAST).fit(X, y)


def test_example_that_is_not_finite_is_named():
    X, y = rows()
    X[7, 2] = np.nan
    X_more, y_more = rows(200)
    for head_first in (True, False):  # a part judges, and example 207 stands elsewhere among the others
        with pytest.raises(InputError, match="finite .*, got .* example 207 "):
            FineTune(own_rows(), head_first=head_first, **FAST).fit(np.r_[X_more, X], np.r_[y_more, y])
    with pytest.raises(InputError, match="finite .*, got .* example 7 "):
        FineTune(own_rows(), head_first=False, **FAST).fit(X, y)
    with pytest.raises(InputError, match="finite .*, got .* example 7 "):
        FineTune(own_rows(), **FAST).fit(X, y)


def test_states_of_others_are_told(tuned):
    info, arrays = tuned.to_state()
    other = dict(arrays)
    other["network:head.output.weight"] = np.zeros((3, 5), np.float32)
    with pytest.raises(InputError, match=r"'head.output.weight' has shape \(3, 128\), got shape \(3, 5\)"):
        FineTune.from_state(info, other)
    lacking = {name: array for name, array in arrays.items() if "conv2" not in name}
    with pytest.raises(InputError, match=r"'trunk.module.conv2.0.weight' has shape .*, got none"):
        FineTune.from_state(info, lacking)
    X, y = rows()
    module, info_arrays = own_rows(), FineTune(own_rows(), **FAST).fit(X, y).to_state()
    module.second = nn.Linear(8, 4)
    with pytest.raises(InputError, match="another architecture"):
        FineTune.from_state(*info_arrays, backbone=module)


def test_asked_before_the_fit():
    with pytest.raises(NotFittedError):
        FineTune("two_convolutions").predict(pictures(2)[0])
    with pytest.raises(InputError, match="needs a fitted FineTune to go on from"):
        FineTune(FineTune("two_convolutions"), **FAST).fit(*pictures(4))


def test_no_example_gives_no_row(tuned):
    assert tuned.predict_proba([]).shape == (0, 3)
    assert tuned.predict([]).shape == (0,)


class Killed(Exception):
    """The power went."""


def test_goes_on_where_it_was_killed(tmp_path, monkeypatch):
    X, y = pictures(48)
    settings = {**FAST, "epochs": 3, "batch_size": 8, "trainable": "full"}
    whole = FineTune("two_convolutions", **settings).fit(X, y)
    from headstart.training import loop

    step, seen = loop.add_gradient, []

    def counted(*args, **kwargs):
        seen.append(1)
        if len(seen) == 9:
            raise Killed
        return step(*args, **kwargs)

    monkeypatch.setattr(loop, "add_gradient", counted)
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        FineTune("two_convolutions", checkpoint=folder, **settings).fit(X, y)
    n_before = len(seen)
    resumed = FineTune("two_convolutions", checkpoint=folder, **settings).fit(X, y)
    assert len(seen) - n_before < whole.history_.n_steps
    for name, tensor in whole.network_.state_dict().items():
        assert torch.equal(tensor, resumed.network_.state_dict()[name]), name
    with pytest.raises(InputError, match="needs the run that wrote it, got another one"):
        FineTune("two_convolutions", checkpoint=folder, **settings).fit(X, 1 - y)


@pytest.mark.parametrize(
    ("setting", "first", "same", "other"),
    [
        ("trainable", LastBlocks(k=1), LastBlocks(k=1), LastBlocks(k=2)),
        ("trainable", Lora(rank=2), Lora(rank=2), Lora(rank=2, random_state=1)),
        ("trainable", NamedBlocks(["second"]), NamedBlocks(["second"]), NamedBlocks(["first.0"])),
        ("trainable", GradualUnfreeze(), GradualUnfreeze(), GradualUnfreeze(epochs_each=2)),
        ("trainable", LayerDecay(0.5), LayerDecay(0.5), LayerDecay(0.6)),
        ("trainable", LastBlocks(k=1), LastBlocks(k=1), "full"),
        ("regulariser", L2SP(alpha=0.1), L2SP(alpha=0.1), L2SP(alpha=0.2)),
        ("precision", "bf16", "bf16", "fp32"),
    ],
)
def test_another_setting_of_what_moves_is_another_run(tmp_path, setting, first, same, other):
    X, y = rows(24)
    module = own_rows()

    def run(value):
        return FineTune(module, checkpoint=tmp_path / "run", **{**FAST, setting: value}).fit(X, y)

    begun, resumed = run(first), run(same)
    for name, tensor in begun.network_.state_dict().items():
        assert torch.equal(tensor, resumed.network_.state_dict()[name]), name
    with pytest.raises(InputError, match="needs the run that wrote it, got another one"):
        run(other)


class Positions(nn.Module):
    """Six numbers, each a position, that look at one another: (n, 6) -> (n, 12)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(1, 12)
        self.second = nn.MultiheadAttention(12, 2, batch_first=True)

    def forward(self, x):
        positions = self.first(x[:, :, None])
        return self.second(positions, positions, positions, need_weights=False)[0].mean(dim=1)


def test_precision_is_that_of_training_alone(monkeypatch):
    from headstart.training import precision

    X, y = rows(60)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Positions()
    settings = {**FAST, "trainable": "full", "validation_fraction": 0.4}
    monkeypatch.setattr(precision, "has_bf16_instructions", lambda: True)
    auto, asked = FineTune(module, **settings).fit(X, y), FineTune(module, precision="fp32", **settings).fit(X, y)
    assert (auto.history_.precision, asked.history_.precision) == ("bf16", "fp32")
    assert auto.start_loss_ == asked.start_loss_  # judged in float32, from a head that was solved for in float32
    assert {tensor.dtype for tensor in auto.network_.parameters()} == {torch.float32}
    monkeypatch.setattr(precision, "has_bf16_instructions", lambda: False)
    plain = FineTune(module, **settings).fit(X, y)
    assert plain.history_.precision == "fp32"
    for name, tensor in asked.network_.state_dict().items():
        assert torch.equal(tensor, plain.network_.state_dict()[name]), name
    with torch.no_grad():
        scores = auto.network_(torch.from_numpy(X)).double()
    assert np.allclose(auto.predict_proba(X), torch.softmax(scores, dim=1).numpy(), atol=1e-6)
    info, arrays = auto.to_state()
    assert info["params"]["precision"] == "auto"
    assert FineTune.from_state(info, arrays, backbone=module).precision == "auto"


def test_time_is_kept():
    X, y = pictures(48)
    model = FineTune("two_convolutions", **{**FAST, "epochs": 10_000, "patience": None, "max_seconds": 3.0})
    assert model.fit(X, y).history_.stopped_by == "deadline"
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("augmentation", ["none", "flip"])
def test_trains_from_the_border_what_it_would_train_through_the_whole(tmp_path, augmentation):
    X, y = pictures(60)
    settings = {"trainable": LastBlocks(1), "augmentation": augmentation, **FAST, "epochs": 4}
    whole = FineTune("two_convolutions", **settings).fit(X, y)
    cut = FineTune("two_convolutions", **{**settings, "cache": str(tmp_path)}).fit(X, y)
    assert whole.border_ is None
    assert cut.border_.bytes > 0
    assert cut.border_.n_views == (1 if augmentation == "none" else 2)
    assert np.allclose(whole.predict_proba(X), cut.predict_proba(X), atol=2e-2)  # activations are kept as float16
    first = open_trunk("two_convolutions").module.state_dict()
    moved = {name for name, t in cut.network_.trunk.state_dict().items() if not torch.equal(t, first[name])}
    assert moved == {"module.dense.weight", "module.dense.bias"}


def test_trains_the_whole_where_a_border_is_of_no_use(tmp_path):
    X, y = pictures()
    for settings in ({"trainable": "full"}, {"trainable": LastBlocks(1), "regulariser": "l2_sp"}):
        model = FineTune("two_convolutions", **{**FAST, **settings, "cache": str(tmp_path)}).fit(X, y)
        assert model.border_ is None
