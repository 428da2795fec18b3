"""Features of texts against Transformers run plainly, one text at a time, window by window."""

import numpy as np
import pytest

from headstart.backbones.registry import open_backbone
from headstart.errors import InputError, IntegrityError
from headstart.features.choose_runtime import centred_deviation
from headstart.features.encoder import Encoder

NAME = "all_minilm_l6_v2"
WORDS = "the cat sat on a mat while seven grey birds sang about rain and old houses near the quiet river".split()


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    lengths = [1, 2, 3, 5, 8, 8, 13, 40, 90, 254, 255, 700]
    return [" ".join(rng.choice(WORDS, length)) for length in lengths] + ["Café naïve!", "中文文本", "x" * 500]


@pytest.fixture(scope="module")
def expected(texts):
    """Windows of 254 tokens between [CLS] and [SEP], mean over each, weighted mean over windows, length 1."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = open_backbone(NAME).provider._embedded_folder()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        tokens = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        windows = [[101, *tokens[begin : begin + 254], 102] for begin in range(0, max(1, len(tokens)), 254)]
        with torch.inference_mode():
            sums = [model(input_ids=torch.tensor([ids])).last_hidden_state[0].sum(0).numpy() for ids in windows]
        row = np.sum(sums, axis=0, dtype=np.float64)
        rows.append(row / np.linalg.norm(row))
    return np.array(rows)


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_equals_the_plain_way(runtime, texts, expected):
    rows = Encoder(NAME, runtime=runtime, cache=False).transform(texts)
    assert rows.dtype == np.float32
    assert centred_deviation(rows.astype(float), expected) < 1e-3
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_bf16_stays_close(texts, expected):
    rows = Encoder(NAME, runtime="openvino", precision="bf16", cache=False).transform(texts)
    assert (rows * expected).sum(axis=1).min() > 0.995


def test_company_and_order_do_not_matter(texts):
    encoder = Encoder(NAME, runtime="openvino", cache=False)
    whole = encoder.transform(texts)
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_allclose(encoder.transform([texts[i] for i in order]), whole[order], atol=1e-5)
    np.testing.assert_allclose(np.vstack([encoder.transform([text]) for text in texts[:5]]), whole[:5], atol=1e-5)


def test_a_layer_and_the_cache(texts, tmp_path):
    encoder = Encoder(NAME, layer="model.encoder.layer.2", runtime="openvino", cache=tmp_path)
    first = encoder.encode(texts)
    assert first.features.shape == (len(texts), 384)
    assert first.n_computed == len(texts)
    again = encoder.encode([*texts, "a new one"])
    assert again.n_computed == 1
    np.testing.assert_array_equal(again.features[:-1], first.features)


def test_a_document_is_its_text(texts, tmp_path):
    path = tmp_path / "one.txt"
    path.write_text(texts[5])
    encoder = Encoder(NAME, runtime="openvino", cache=tmp_path / "cache")
    assert encoder.encode([texts[5]]).n_computed == 1
    assert encoder.encode([path]).n_computed == 0
    with pytest.raises(InputError, match="blank"):
        encoder.transform([" "])
    found = encoder.encode([" ", texts[0]], keep_going=True)
    assert list(found.problems) == [0]
    assert not found.features[0].any()


def test_a_changed_tokenizer_or_weight_is_refused(tmp_path, monkeypatch):
    import shutil

    from headstart.backbones import transformers_text as provider

    copy = tmp_path / "model"
    shutil.copytree(provider._embedded_folder(), copy)
    monkeypatch.setattr(provider, "_embedded_folder", lambda: copy)
    tokenizer = copy / "tokenizer.json"
    whole = tokenizer.read_text()
    tokenizer.write_text(whole.replace("river", "rivex", 1))
    with pytest.raises(IntegrityError, match="sha256"):
        open_backbone(NAME).open_tokenizer()
    tokenizer.write_text(whole)
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256"):
        open_backbone(NAME).open()
