"""The speech encoder against Transformers' own feature extractor and encoder."""

import numpy as np
import pytest

from headstart.backbones.registry import open_backbone
from headstart.features.choose_runtime import centred_deviation
from headstart.features.encoder import Encoder
from headstart.features.log_mel import log_mel
from headstart.types import AudioInput

NAME = "whisper_tiny"
RATE = 16_000


def tone(seconds, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    sound = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 2000) * time * (1 + 0.2 * time)) + 0.02 * rng.normal(
        size=len(time)
    )
    return sound.astype(np.float32)


@pytest.fixture(scope="module")
def clips():
    return [(tone(seconds, seed), RATE) for seed, seconds in enumerate([0.3, 0.7, 1.0, 1.2, 2.5, 0.3])]


def test_log_mel_is_whispers():
    from transformers import WhisperFeatureExtractor

    sound = np.zeros(30 * RATE, np.float32)
    sound[: 3 * RATE] = tone(3, 0)
    expected = WhisperFeatureExtractor()(sound, sampling_rate=RATE, return_tensors="np")["input_features"][0]
    np.testing.assert_allclose(log_mel(sound, AudioInput()), expected, atol=1e-3)


def test_half_a_minute_is_transformers_own_encoder():
    """The weights went into their places: the same module in Transformers' own code gives the same states."""
    import torch
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    from headstart.backbones import whisper

    opened = open_backbone(NAME).open()
    plain = WhisperEncoder(WhisperConfig(**whisper._TINY)).eval()
    plain.load_state_dict(opened.module.state_dict())
    mel = torch.from_numpy(log_mel(tone(30, 1), AudioInput()))[None]
    with torch.inference_mode():
        expected = plain(mel).last_hidden_state
        found = opened.module(mel)
    assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_features_are_the_mean_over_what_is_heard(runtime, clips):
    import torch

    opened = open_backbone(NAME).open()
    expected = []
    for sound, _ in clips:
        filled = np.zeros(-(-len(sound) // RATE) * RATE, np.float32)
        filled[: len(sound)] = sound
        with torch.inference_mode():
            states = opened.module(torch.from_numpy(log_mel(filled, AudioInput()))[None])[0].numpy()
        expected.append(states[: -(-len(sound) // 320)].mean(0))
    rows = Encoder(NAME, runtime=runtime, cache=False).transform(clips)
    assert centred_deviation(rows, np.array(expected)) < 1e-3


def test_company_does_not_matter_and_long_clips_go_in_windows(clips):
    encoder = Encoder(NAME, runtime="openvino", cache=False)
    whole = encoder.transform(clips)
    np.testing.assert_allclose(np.vstack([encoder.transform([clip]) for clip in clips]), whole, atol=1e-4)
    halves = tone(30, 3), tone(10, 4)
    parts = encoder.transform([(half, RATE) for half in halves])
    joined = encoder.transform([(np.concatenate(halves), RATE)])
    np.testing.assert_allclose(joined[0], (1500 * parts[0] + 500 * parts[1]) / 2000, atol=1e-4)


def test_a_file_and_the_cache(clips, tmp_path):
    import soundfile

    path = tmp_path / "one.wav"
    soundfile.write(path, clips[2][0], RATE, subtype="FLOAT")
    encoder = Encoder(NAME, runtime="openvino", cache=tmp_path / "cache")
    np.testing.assert_allclose(encoder.transform([path]), encoder.transform([clips[2]]), atol=1e-4)
    assert encoder.encode([path]).n_computed == 0
