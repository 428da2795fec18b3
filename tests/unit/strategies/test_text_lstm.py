"""The word-vector LSTM on raw strings."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from torch import nn
from torch.nn import functional

from headstart.backbones._word_vectors.skip_gram import SkipGram
from headstart.backbones._word_vectors.train import train_word_vectors
from headstart.errors import InputError
from headstart.strategies.parameter._text_network import TextNetwork
from headstart.strategies.parameter.text_lstm import TextLSTM
from headstart.training.held_out_rows import held_out_rows

QUICK = {"dim": 16, "n_filters": 16, "n_hidden": 16, "epochs": 8, "learning_rate": 1e-2}


def texts(n=240, seed=0):
    """Two classes that only the order of two words tells apart, in the midst of others."""
    draw = np.random.default_rng(seed)
    found, labels = [], []
    for row in range(n):
        before, after = (" ".join(draw.choice(list("abcdefgh"), draw.integers(0, 6))) for _ in range(2))
        pair = "dog bites man" if row % 2 else "man bites dog"
        found.append(f"{before} {pair} {after}".strip())
        labels.append("news" if row % 2 == 0 else "none")
    return found, np.array(labels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    vectors = train_word_vectors(texts()[0], kind="fasttext", skip_gram=SkipGram(dim=16, epochs=2))
    return str(vectors.save(tmp_path_factory.mktemp("vectors")))


def by_hand(network, vectors):
    """One text through sums over its words, in double precision."""
    weight, bias = network.convolution.weight.double(), network.convolution.bias.double()
    n, kernel = len(vectors), weight.shape[2]
    left = (kernel - 1) // 2
    values = torch.zeros(n, len(weight), dtype=torch.float64)
    for place in range(n):
        for tap in range(kernel):
            if 0 <= place + tap - left < n:
                values[place] += weight[:, :, tap] @ vectors[place + tap - left]
    values = (values + bias).clamp_min(0)
    pooled = [values[start : start + network.pool].amax(dim=0) for start in range(0, n, network.pool)]
    lstm = network.lstm
    h = c = torch.zeros(lstm.hidden_size, dtype=torch.float64)
    for value in pooled:
        gates = lstm.weight_ih_l0.double() @ value + lstm.bias_ih_l0.double()
        gates = gates + lstm.weight_hh_l0.double() @ h + lstm.bias_hh_l0.double()
        i, f, g, o = gates.chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
    return network.output.weight.double() @ h + network.output.bias.double()


@pytest.mark.parametrize(("kernel", "pool"), [(3, 2), (4, 3), (1, 1)])
@torch.no_grad()
def test_the_network_is_its_sums_whatever_stands_behind_the_end(kernel, pool):
    table = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    table[0] = 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = TextNetwork(
            table,
            embedding_trainable=True,
            n_filters=5,
            kernel=kernel,
            pool=pool,
            n_hidden=4,
            dropout=0.5,
            n_classes=3,
        ).eval()
    lengths = torch.tensor([1, 2, 3, 7, 12])
    ids = torch.randint(1, 20, (5, 12), generator=torch.Generator().manual_seed(2))
    ids = torch.where(torch.arange(12) < lengths[:, None], ids, 0)
    found = network(ids, lengths)
    torch.testing.assert_close(found, network(network.words(ids), lengths))
    for row, n in enumerate(lengths.tolist()):
        wanted = by_hand(network, table[ids[row, :n]].double())
        torch.testing.assert_close(found[row].double(), wanted, rtol=1e-4, atol=1e-5)


def test_it_reads_the_order_of_words_and_works_in_cross_validation():
    X, y = texts()
    assert cross_val_score(TextLSTM(**QUICK), X, y, cv=3).mean() > 0.95


def test_labels_that_say_nothing_are_not_learnt():
    X, y = texts()
    shuffled = np.random.default_rng(1).permutation(y)
    assert abs(cross_val_score(TextLSTM(**QUICK), X, shuffled, cv=3).mean() - 0.5) < 0.15


def test_one_text_at_a_time_is_all_at_once():
    X, y = texts()
    model = TextLSTM(**QUICK).fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(np.concatenate([model.predict_proba([x]) for x in X]), proba, atol=1e-5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
    assert proba.dtype == np.float64
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(model.predict_proba([X[i] for i in order]), proba[order], atol=1e-5)
    assert model.predict_proba([]).shape == (0, 2)


def test_the_same_seed_is_the_same_model_and_the_input_stays():
    X, y = texts(80)
    before, labels = list(X), y.copy()
    first, second = (TextLSTM(**QUICK).fit(X, y).predict_proba(X) for _ in range(2))
    assert np.array_equal(first, second)
    assert before == X
    assert np.array_equal(labels, y)
    assert not np.array_equal(first, TextLSTM(**QUICK, random_state=1).fit(X, y).predict_proba(X))


@pytest.mark.parametrize("labels", [["owl", "猫"], [7, -1], [True, False]], ids=["str", "int", "bool"])
@pytest.mark.parametrize("embedding", [None, "random", "folder"])
def test_it_round_trips_through_plain_arrays(labels, embedding, folder):
    X, y = texts(60)
    y = np.array(labels)[(y == "news").astype(int)]
    model = TextLSTM(folder if embedding == "folder" else embedding, **{**QUICK, "epochs": 2}).fit(X, y)
    info, arrays = model.to_state()
    again = TextLSTM.from_state(json.loads(json.dumps(info)), load(save(arrays)))
    new = [*X, "dogs are bitten by men", "", "猫"]
    assert np.array_equal(model.predict_proba(new), again.predict_proba(new))
    assert np.array_equal(model.predict(new), again.predict(new))
    assert again.classes_.dtype == model.classes_.dtype
    assert again.get_params() == model.get_params()
    with pytest.raises(InputError, match="state of 'text_lstm'"):
        TextLSTM.from_state({**info, "strategy": "other"}, arrays)


def vector_of(model, word):
    return model.network_.words.weight[2 + model.words_.index(word)].detach().numpy()


@pytest.mark.parametrize("trainable", [False, True])
def test_pretrained_vectors_are_the_first_rows_and_move_only_where_they_may(trainable, folder):
    from headstart.backbones.registry import open_backbone

    X, y = texts(60)
    model = TextLSTM(folder, embedding_trainable=trainable, **QUICK).fit(X, y)
    expected = open_backbone(folder).encode(["dog"])[0, :16]
    assert np.array_equal(vector_of(model, "dog"), expected) != trainable
    assert not model.network_.words.weight[0].any()


def test_a_word_that_training_never_saw_has_the_vector_of_its_source(folder):
    X, y = texts(60)
    model = TextLSTM(folder, **QUICK).fit([x.replace("bites", "bit") for x in X], y)
    assert "bites" not in model.words_
    plain = TextLSTM(**QUICK).fit([x.replace("bites", "bit") for x in X], y)
    same, other = "man bites dog", "man zzzz dog"
    assert not np.allclose(model.predict_proba([same]), model.predict_proba([other]), atol=1e-9)
    assert np.allclose(plain.predict_proba([same]), plain.predict_proba([other]), atol=1e-9)


def test_glove_is_taken_by_name():
    X, y = texts(80)
    model = TextLSTM("glove_50d", **QUICK).fit(X, y)
    assert model.network_.words.weight.shape[1] == 50
    with pytest.raises(InputError, match="word vectors as embedding"):
        TextLSTM("word_ngrams").fit(X, y)


def test_early_stopping_reads_rows_that_are_not_trained_on():
    X, y = texts()
    fitting, held = held_out_rows((y == "none").astype(np.int64), fraction=0.1, least=20, random_state=0)
    assert len(held) == 24
    model = TextLSTM(**QUICK).fit(X, y)
    assert model.history_.epochs[0].valid_loss is not None
    with torch.no_grad():
        proba = model.predict_proba([X[row] for row in held])
    codes = (y[held] == "none").astype(int)
    found = functional.nll_loss(torch.from_numpy(np.log(proba)), torch.from_numpy(codes)).item()
    best = model.history_.epochs[model.history_.best_epoch].valid_loss
    assert found == pytest.approx(best, rel=1e-3)
    assert best == min(epoch.valid_loss for epoch in model.history_.epochs)
    few = TextLSTM(**{**QUICK, "epochs": 2}).fit(X[:40], y[:40])
    assert few.history_.best_epoch is None


def test_held_out_rows_keep_the_shares_and_a_row_of_each_class():
    codes = np.repeat([0, 1, 2], [100, 50, 1])
    fitting, held = held_out_rows(codes, fraction=0.2, least=10, random_state=0)
    assert np.bincount(codes[held], minlength=3).tolist() == [20, 10, 0]
    assert sorted([*fitting, *held]) == list(range(151))
    fitting, held = held_out_rows(codes, fraction=0.2, least=31, random_state=0)
    assert (len(fitting), len(held)) == (151, 0)


def test_the_label_of_a_row_without_weight_is_not_read():
    X, y = texts(80)
    other = np.where(np.arange(80) % 4, y, "news")
    weights = np.where(np.arange(80) % 4, 1.0, 0.0)
    quick = {**QUICK, "validation_fraction": 0.0}
    model = TextLSTM(**quick).fit(X, y, sample_weight=weights)
    again = TextLSTM(**quick).fit(X, other, sample_weight=weights)
    assert np.array_equal(model.predict_proba(X), again.predict_proba(X))
    assert not np.array_equal(model.predict_proba(X), TextLSTM(**quick).fit(X, y).predict_proba(X))
    scaled = TextLSTM(**quick).fit(X, y, sample_weight=7 * weights)
    np.testing.assert_allclose(model.predict_proba(X), scaled.predict_proba(X), atol=1e-5)


def test_balanced_classes_weigh_the_same():
    X, y = texts(200)
    keep = np.flatnonzero((y == "news") | (np.arange(200) % 20 == 1))
    X, y = [X[row].replace("bites", "a") for row in keep], y[keep]
    model = TextLSTM(**QUICK, class_weight="balanced")
    model.classes_ = np.array(["news", "none"])
    codes = (y == "none").astype(int)
    weights = model._class_weights(codes).numpy()
    np.testing.assert_allclose(weights[0] * (codes == 0).sum(), weights[1] * (codes == 1).sum(), rtol=1e-6)
    assert np.mean(weights[codes]) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("X", "y", "told"),
    [
        ("one text", ["a"], "list of texts"),
        (["a", 3], [0, 1], "strings, got int as example 1"),
        (["a", "b"], [0], "one label an example"),
        (["a", "b"], [0, None], "got none for example 1"),
        (["a", "b"], [0.0, float("nan")], "got none for example 1"),
        (["a", "b"], [1, 1], "at least 2 classes"),
        ([], [], "at least 2 classes"),
    ],
)
def test_unusable_input_is_one_line(X, y, told):
    with pytest.raises(InputError, match=told):
        TextLSTM(**QUICK).fit(X, y)


def test_unusable_settings_are_told():
    X, y = texts(20)
    with pytest.raises(InputError, match="epochs at least 1"):
        TextLSTM(epochs=0).fit(X, y)
    with pytest.raises(InputError, match="class_weight None or 'balanced'"):
        TextLSTM(class_weight="even").fit(X, y)


def test_settings_survive_cloning():
    model = TextLSTM("random", embedding_trainable=True, n_hidden=3)
    assert clone(model).get_params() == model.get_params()
    assert isinstance(TextNetwork, type)
    assert issubclass(TextNetwork, nn.Module)


def test_time_is_kept():
    import time

    X, y = texts()
    begun = time.monotonic()
    model = TextLSTM(**{**QUICK, "epochs": 100_000, "patience": 100_000}, max_seconds=1.0).fit(X, y)
    assert time.monotonic() - begun < 8
    assert model.history_.stopped_by == "deadline"
