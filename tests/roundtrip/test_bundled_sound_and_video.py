"""Encoders of samples of sound and of whole clips: saved, loaded without their folder, the same features."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.backbones import registry
from headstart.bundle.load import load_bundle
from headstart.bundle.save import BundledEncoder, save_bundle
from headstart.features.direct import DirectEncoder
from headstart.features.settings import EncoderSettings
from headstart.heads.registry import make

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'headstart[text]'")

_TRANSFORMER = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
_WAVE = {
    "conv_dim": [8, 8], "conv_kernel": [10, 3], "conv_stride": [5, 2], "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
SETTINGS = {
    "wav2vec2": {**_TRANSFORMER, **_WAVE},
    "videomae": {**_TRANSFORMER, "image_size": 16, "num_frames": 4, "patch_size": 8, "tubelet_size": 2},
}


def save_folder(kind, folder):
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModel.from_config(AutoConfig.for_model(kind, **SETTINGS[kind])).save_pretrained(folder)
    return str(folder)


def sounds():
    draw = np.random.default_rng(0)
    return [(draw.normal(0, 0.1, n).astype(np.float32), 16_000) for n in (900, 1500, 1500, 2400, 800, 1100)]


def bundled(backbone, folder, examples):
    """Features before, and probabilities before and after a bundle."""
    encoder = DirectEncoder(backbone, EncoderSettings(), "torch", "fp32")
    features, problems = encoder.encode(examples)
    assert problems == {}
    codes = np.arange(len(examples)) % 2
    head = make("logistic").fit(features, codes)
    saved = BundledEncoder(backbone, EncoderSettings(), "torch", "fp32")
    about = {"modality": backbone.card.modality}
    save_bundle(folder, classes=("a", "b"), encoders=[saved], head=head, calibration={"temperature": 1.0}, about=about)
    return features, head.predict_proba(features)


def test_sound(tmp_path):
    folder = save_folder("wav2vec2", tmp_path / "model")
    features, proba = bundled(registry.open_backbone(folder), tmp_path / "bundle", sounds())
    assert features.shape == (6, 16)
    shutil.rmtree(folder)
    model = load_bundle(tmp_path / "bundle")
    assert model.modality == "audio"
    np.testing.assert_allclose(model.predict_proba(sounds()), proba, atol=1e-6)


def test_a_pulled_encoder_s_architecture(tmp_path):
    """Its network is this package's own, so that a bundle needs no package beside it."""
    draw = np.random.default_rng(1)
    clips = [(draw.normal(0, 0.1, n).astype(np.float32), 16_000) for n in (9000, 30_000)]
    _, proba = bundled(registry.open_backbone("resemblyzer@random"), tmp_path / "bundle", clips)
    np.testing.assert_allclose(load_bundle(tmp_path / "bundle").predict_proba(clips), proba, atol=1e-6)


def test_video(tmp_path, monkeypatch):
    from headstart.features import clip_backbone

    draw = np.random.default_rng(2)
    clips = {bytes([n]): draw.integers(0, 256, (4, 20, 24, 3), dtype=np.uint8) for n in range(4)}

    def opened(source, *, n_frames):
        return [Image.fromarray(frame) for frame in clips[source]]

    monkeypatch.setattr(clip_backbone, "open_frames", opened)
    folder = save_folder("videomae", tmp_path / "model")
    _, proba = bundled(registry.open_backbone(folder), tmp_path / "bundle", list(clips))
    shutil.rmtree(folder)
    model = load_bundle(tmp_path / "bundle")
    np.testing.assert_allclose(model.predict_proba(list(clips)), proba, atol=1e-6)
