"""Estimators on raw examples pass the public checks, and every check fails one that is broken in its way."""

import numpy as np
import pytest
import torch

from headstart.strategies.parameter.fine_tune import FineTune
from headstart.strategies.parameter.head2toe import Head2Toe
from headstart.strategies.parameter.table_transfer import TableTransfer
from headstart.strategies.parameter.text_lstm import TextLSTM
from headstart.testing import raw_estimator_checks as checks
from headstart.training.table.encoder import TableEncoder

FAST = {"epochs": 2, "cache": False, "device": "cpu"}


def tiny_text_encoder(folder):
    """A BERT of two layers with its tokenizer, as sentence-transformers lays them out."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"good fine warm bad poor cold".split()]
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=16, max_position_embeddings=20, **sizes)).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    return str(folder)


MEMBERS = {
    "pictures": ("image", lambda folder: FineTune("two_convolutions", **FAST)),
    "pictures-norms": (
        "image",
        lambda folder: FineTune("timm/test_resnet@random", trainable="full", **{**FAST, "epochs": 1}),
    ),
    "texts": ("text", lambda folder: FineTune(tiny_text_encoder(folder), **FAST)),
    "sounds": ("audio", lambda folder: FineTune("sound_convolutions", head="mlp", **{**FAST, "epochs": 1})),
    "probe": ("image", lambda folder: FineTune("two_convolutions", trainable="linear_probe", **FAST)),
    "head2toe": ("image", lambda folder: Head2Toe("timm/test_resnet@random", layer_size=64, cache=str(folder))),
    "text_lstm": ("text", lambda folder: TextLSTM(dim=8, n_filters=8, n_hidden=8, epochs=2)),
    "table_transfer": ("table", lambda folder: TableTransfer(TableEncoder(dim=8, epochs=1), epochs=2)),
}

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:timm")


@pytest.fixture(scope="module", params=list(MEMBERS))
def case(request, tmp_path_factory):
    modality, build = MEMBERS[request.param]
    return checks.raw_case(build(tmp_path_factory.mktemp("backbone")), modality)


@pytest.mark.parametrize("check", checks.RAW_CHECKS, ids=lambda check: check.__name__)
def test_keeps_the_contract(case, check):
    check(case)


def test_checks_are_all_listed():
    named = {name for name in vars(checks) if name.startswith("check_")}
    assert named == {check.__name__ for check in checks.RAW_CHECKS}


def broken(name, replace):
    """A quick estimator with one method that is not right."""
    kind = type("Broken", (TextLSTM,), {"__init__": TextLSTM.__init__, name: replace})
    return checks.raw_case(kind(dim=8, n_filters=8, n_hidden=8, epochs=1), "text")


def proba_not_normed(self, X):
    return 2 * TextLSTM.predict_proba(self, X)


def fit_sorts_labels(self, X, y, *, sample_weight=None):
    np.asarray(y).sort()
    return TextLSTM.fit(self, X, y, sample_weight=sample_weight)


def fit_goes_on(self, X, y, *, sample_weight=None):
    before = getattr(self, "network_", None)
    TextLSTM.fit(self, X, y, sample_weight=sample_weight)
    if before is not None:
        with torch.no_grad():
            self.network_.output.bias.add_(before.output.bias + 1)
    return self


def fit_draws_globally(self, X, y, *, sample_weight=None):
    torch.rand(3)
    return TextLSTM.fit(self, X, y, sample_weight=sample_weight)


def fit_reads_label_values(self, X, y, *, sample_weight=None):
    TextLSTM.fit(self, X, y, sample_weight=sample_weight)
    if np.asarray(y).dtype.kind in "if":
        with torch.no_grad():
            self.network_.output.bias[0] += float(np.mean(y))
    return self


def proba_of_the_batch(self, X):
    proba = TextLSTM.predict_proba(self, X) + len(X) / 100
    return proba / proba.sum(axis=1, keepdims=True)


def clone_that_stays_fitted(self):
    return self


def state_that_rounds(self):
    info, arrays = TextLSTM.to_state(self)
    return info, {name: np.round(array, 1) for name, array in arrays.items()}


def state_of_anything(cls, info, arrays):
    return TextLSTM.from_state({**info, "strategy": "text_lstm"}, arrays)


def fit_reads_the_container(self, X, y, *, sample_weight=None):
    TextLSTM.fit(self, list(X), y, sample_weight=sample_weight)
    if not isinstance(X, list):
        with torch.no_grad():
            self.network_.output.bias[0] += 1
    return self


def fit_without_weights(self, X, y, *, sample_weight=None):
    return TextLSTM.fit(self, X, y)


def fit_takes_any_label(self, X, y, *, sample_weight=None):
    labels = np.resize(np.asarray([str(label) for label in y]), len(X))
    labels[0] = "another"
    return TextLSTM.fit(self, X, labels, sample_weight=sample_weight)


def fit_of_all_24(self, X, y, *, sample_weight=None):
    assert len(X) == 24
    return TextLSTM.fit(self, X, y, sample_weight=sample_weight)


BROKEN = {
    "check_answers_are_probabilities": ("predict_proba", proba_not_normed),
    "check_leaves_inputs": ("fit", fit_sorts_labels),
    "check_same_seed_same_model": ("fit", fit_goes_on),
    "check_leaves_random_state": ("fit", fit_draws_globally),
    "check_labels_are_names": ("fit", fit_reads_label_values),
    "check_one_at_a_time": ("predict_proba", proba_of_the_batch),
    "check_clones": ("__sklearn_clone__", clone_that_stays_fitted),
    "check_state_roundtrip": ("to_state", state_that_rounds),
    "check_refuses_another_state": ("from_state", classmethod(state_of_anything)),
    "check_takes_lists_and_arrays": ("fit", fit_reads_the_container),
    "check_equal_weights_change_nothing": ("fit", fit_without_weights),
    "check_refuses_bad_labels": ("fit", fit_takes_any_label),
    "check_works_in_cross_validation": ("fit", fit_of_all_24),
}


@pytest.mark.parametrize("check", checks.RAW_CHECKS, ids=lambda check: check.__name__)
def test_fails_what_is_broken(check):
    with pytest.raises(AssertionError):
        check(broken(*BROKEN[check.__name__]))
