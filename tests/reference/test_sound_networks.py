"""The networks of sound effects, music and speakers against plain numpy, with the names that their packages use."""

import numpy as np
import pytest
import torch

from headstart.backbones import aisfx, musicnn, registry, resemblyzer
from headstart.backbones._effect_network import EffectNetwork, unit_sum_filters
from headstart.backbones._music_network import MusicNetwork
from headstart.backbones._pulled_weights import safetensors_of
from headstart.backbones._speaker_network import SpeakerNetwork, parts_of
from headstart.features.direct import DirectEncoder
from headstart.features.settings import EncoderSettings
from headstart.testing import backbone_checks as checks

librosa = pytest.importorskip("librosa", reason="librosa is not installed: pip install 'headstart[audio]'")

NAMES = ("aisfx", "musicnn", "resemblyzer")


def clip(n, rate, seed=0):
    t = np.arange(n) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, n)
    return (0.3 * np.sin(2 * np.pi * 220 * t * (1 + t)) * np.exp(-((3 * t) % 1)) + noise).astype(np.float32)


def conv2d(x, kernel, bias=0.0):
    """(h, w, c) by (kh, kw, c, o), nothing beyond the ends."""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))  # (h, w, c, kh, kw)
    rows = view.transpose(0, 1, 3, 4, 2).reshape(*view.shape[:2], -1)
    return rows @ kernel.reshape(-1, kernel.shape[3]) + bias


def batch_norm(x, gamma, beta, mean, variance, epsilon):
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def loaded(network, tensors):
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}, strict=True)
    return network.eval()


def run(network, sound):
    with torch.inference_mode():
        return network(torch.from_numpy(sound)[None], torch.tensor([len(sound)]))[0].numpy()


@pytest.mark.parametrize("name", NAMES)
def test_keeps_the_contract(name):
    backbone = registry.open_backbone(f"{name}@random")
    for check in checks.checks_for(backbone):
        check(backbone)


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_the_remedy_is_told(name):
    card = registry.get_card(name)
    assert registry.readiness(card) == f"weights not pulled. Run: headstart backbones pull {name}"
    assert registry.get_card(f"{name}@random").weights == "random"
    opened = registry.open_backbone(f"{name}@random").open()
    assert sum(p.numel() for p in opened.module.parameters()) == card.parameters


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_of_two_windows(name):
    """Both count as much as they hold; a window holds whole steps between the parts of a clip."""
    steps = {"aisfx": 50 * 1024, "musicnn": 187 * 256, "resemblyzer": 1}
    wanted = registry.get_card(name).input
    sound = clip(wanted.window_samples + wanted.window_samples // 3, wanted.rate)
    backbone = registry.open_backbone(f"{name}@random")
    found, problems = DirectEncoder(backbone, EncoderSettings(), "torch", "fp32").encode([(sound, wanted.rate)])
    assert problems == {}
    assert wanted.window_samples % steps[name] == 0
    module = registry.open_backbone(f"{name}@random").open().module
    first, last = sound[: wanted.window_samples], sound[wanted.window_samples :]
    rows = np.stack([run(module, part).mean(0) for part in (first, last)]).astype(np.float64)
    expected = np.average(rows, axis=0, weights=[len(first), len(last)])
    if wanted.is_normalised:
        expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(found[0], expected, atol=1e-5 * np.abs(expected).max())


def music_checkpoint(draw):
    """Variables as TensorFlow names them."""
    found = {}
    for number, channels in enumerate((1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        for part in ("gamma", "moving_variance"):
            found[f"{name}/{part}"] = draw.uniform(0.5, 1.5, channels)
        for part in ("beta", "moving_mean"):
            found[f"{name}/{part}"] = draw.normal(0, 0.3, channels)
    shapes = [(7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51)]
    for number, shape in enumerate([*shapes, (7, 561, 1, 64), (7, 64, 1, 64), (7, 64, 1, 64)]):
        name = f"conv2d_{number}" if number else "conv2d"
        found[f"{name}/kernel"] = draw.normal(0, np.prod(shape[:3]) ** -0.5, shape)
        found[f"{name}/bias"] = draw.normal(0, 0.1, shape[3])
    found |= {"dense/kernel": draw.normal(0, 0.03, (1506, 200)), "dense/bias": draw.normal(0, 0.1, 200)}
    return {name: value.astype(np.float32) for name, value in found.items()}


def music_by_hand(checkpoint, patch):
    """The network as its authors lay it out: channels last, one patch (187, 96)."""

    def norm(x, number):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        values = (checkpoint[f"{name}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance"))
        return batch_norm(x, *values, 1e-3)

    def relu_conv(x, number):
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = checkpoint[f"{name}/kernel"].astype(np.float64)
        total = kernel.shape[0] - 1
        x = np.pad(x, ((total // 2, total - total // 2), (0, 0), (0, 0)))
        return np.maximum(conv2d(x, kernel, checkpoint[f"{name}/bias"]), 0)

    x = norm(patch.astype(np.float64)[..., None], 0)
    front = np.concatenate([norm(relu_conv(x, n), n + 1).max(axis=1) for n in range(5)], axis=1)  # (187, 561)
    parts = [front]
    for n in (5, 6, 7):
        found = norm(relu_conv(parts[-1][..., None], n), n + 1)[:, 0]  # (187, 64)
        parts.append(found if n == 5 else found + parts[-1])
    states = np.concatenate(parts, axis=1)
    pooled = norm(np.stack([states.max(axis=0), states.mean(axis=0)], axis=1).ravel(), 9)
    return norm(np.maximum(pooled @ checkpoint["dense/kernel"] + checkpoint["dense/bias"], 0), 10)


def test_music(monkeypatch):
    checkpoint = music_checkpoint(np.random.default_rng(0))
    monkeypatch.setattr(musicnn, "read_tensor_bundle", lambda index, data, who: checkpoint)
    network = loaded(MusicNetwork(), musicnn.converted(["index", "data"]))
    sound = clip(2 * 47_872 + 9_000, 16_000)
    found = run(network, sound)
    mel = librosa.feature.melspectrogram(y=sound, sr=16_000, hop_length=256, n_fft=512, n_mels=96).T
    level = np.log10(10_000 * mel + 1)
    expected = np.stack([music_by_hand(checkpoint, level[begin : begin + 187]) for begin in (0, 187)])
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


PARTS = (("weight", 0.5, 1.5), ("bias", -0.3, 0.3), ("running_mean", -0.3, 0.3), ("running_var", 0.5, 1.5))


def effect_checkpoint(draw):
    """Tensors as the package's checkpoint names them."""
    found = {}
    for number, (n_in, n_out) in enumerate(((1, 64), (64, 128), (128, 256), (256, 512)), start=1):
        for conv, channels in ((1, n_in), (2, n_out)):
            mark = f"embedding_net.conv_block{number}"
            found[f"{mark}.conv{conv}.weight"] = draw.normal(0, (4.5 * channels) ** -0.5, (n_out, channels, 3, 3))
            for part, low, high in PARTS:
                found[f"{mark}.bn{conv}.{part}"] = draw.uniform(low, high, n_out)
    found["fc.0.0.weight"] = np.ones((2, 2))
    return {name: value.astype(np.float32) for name, value in found.items()}


def effect_by_hand(checkpoint, block):
    """One block (100, 96) of levels, channels last."""
    x = block.astype(np.float64)[..., None]
    for number in (1, 2, 3, 4):
        for conv in (1, 2):
            mark = f"embedding_net.conv_block{number}"
            kernel = checkpoint[f"{mark}.conv{conv}.weight"].astype(np.float64).transpose(2, 3, 1, 0)
            x = conv2d(np.pad(x, ((1, 1), (1, 1), (0, 0))), kernel)
            values = (checkpoint[f"{mark}.bn{conv}.{p}"] for p in ("weight", "bias", "running_mean", "running_var"))
            x = np.maximum(batch_norm(x, *values, 1e-5), 0)
        if number < 4:
            height, width = x.shape[0] // 2, x.shape[1] // 2
            x = x[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1).max(axis=(1, 3))
    return x.mean(axis=1).max(axis=0)


def test_sound_effects(tmp_path):
    """Blocks of 100 frames every 50, one more frame than whole hops; a short clip is one block with silence behind."""
    checkpoint = effect_checkpoint(np.random.default_rng(1))
    tensors = {name: torch.from_numpy(value) for name, value in checkpoint.items()}
    counts = {"bbc": (0, np.int64(7))}  # the package's file holds numbers of numpy beside the tensors
    torch.save((tensors, counts), tmp_path / "checkpoint.pth")
    network = loaded(EffectNetwork(), aisfx.converted([tmp_path / "checkpoint.pth"]))
    hann = np.hanning(2048)
    for n, n_blocks in ((149 * 1024 - 10, 2), (30_000, 1)):
        sound = clip(n, 44_100)
        padded = np.pad(sound.astype(np.float64), (1024, 4096))
        n_frames = -(-n // 1024) + 1
        frames = np.stack([padded[1024 * i : 1024 * i + 2048] * hann for i in range(n_frames)])
        level = np.log10(10_000 * (np.abs(np.fft.rfft(frames)) ** 2 @ unit_sum_filters()) + 1) / 9.457798957824707
        level = np.pad(level, ((0, max(0, 100 - n_frames)), (0, 0)))
        expected = np.stack([effect_by_hand(checkpoint, level[50 * i : 50 * i + 100]) for i in range(n_blocks)])
        found = run(network, sound)
        assert found.shape == (n_blocks, 512)
        np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


def test_filters_of_unit_sum():
    """Each triangle stands on the middles of its neighbours, even on HTK's mel scale."""
    filters = unit_sum_filters()
    np.testing.assert_allclose(filters.sum(axis=0), 1, rtol=1e-6)
    hz = np.arange(1025) * 44_100 / 2048
    edges = librosa.mel_frequencies(98, fmin=0, fmax=22_050, htk=True)
    for band in (0, 1, 40, 95):
        inside = filters[:, band] > 0
        assert hz[inside].min() > edges[band] - 1
        assert hz[inside].max() < edges[band + 2] + 1
        assert inside.sum() >= 1


def speaker_by_hand(tensors, mel):
    """One part (160, 40) through three layers of gates."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    x = mel.astype(np.float64)
    for layer in range(3):
        into, within = tensors[f"lstm.weight_ih_l{layer}"], tensors[f"lstm.weight_hh_l{layer}"]
        bias = tensors[f"lstm.bias_ih_l{layer}"] + tensors[f"lstm.bias_hh_l{layer}"]
        h, c, states = np.zeros(256), np.zeros(256), []
        for row in x @ into.T + bias:
            enter, forget, new, leave = np.split(row + within @ h, 4)
            c = sigmoid(forget) * c + sigmoid(enter) * np.tanh(new)
            h = sigmoid(leave) * np.tanh(c)
            states.append(h)
        x = np.stack(states)
    row = np.maximum(x[-1] @ tensors["linear.weight"].T + tensors["linear.bias"], 0)
    return row / np.linalg.norm(row)


def test_speaker(tmp_path):
    draw = np.random.default_rng(2)
    shapes = {f"lstm.weight_ih_l{n}": (1024, 256 if n else 40) for n in range(3)}
    shapes |= {f"lstm.weight_hh_l{n}": (1024, 256) for n in range(3)}
    shapes |= {f"lstm.bias_{part}_l{n}": (1024,) for n in range(3) for part in ("ih", "hh")}
    shapes |= {"linear.weight": (256, 256), "linear.bias": (256,), "similarity_weight": (1,)}
    tensors = {name: draw.normal(0, 0.08, shape).astype(np.float32) for name, shape in shapes.items()}
    kept = {name: torch.from_numpy(value) for name, value in tensors.items()}
    torch.save({"step": 3, "model_state": kept, "optimizer_state": {"lr": 0.1}}, tmp_path / "pretrained.pt")
    network = loaded(SpeakerNetwork(), resemblyzer.converted([tmp_path / "pretrained.pt"]))
    for sound in (clip(40_000, 16_000), 0.02 * clip(9_000, 16_000)):
        loudness = np.sqrt(np.mean(sound.astype(np.float64) ** 2))
        raised = sound * max(1.0, 10 ** (-30 / 20) / loudness)
        starts = [77 * part for part in range(parts_of(len(sound)))]
        whole = np.pad(raised, (0, max(0, (starts[-1] + 160) * 160 - len(sound)))).astype(np.float32)
        mel = librosa.feature.melspectrogram(y=whole, sr=16_000, n_fft=400, hop_length=160, n_mels=40).T
        expected = np.stack([speaker_by_hand(tensors, mel[start : start + 160]) for start in starts])
        found = run(network, sound.astype(np.float32))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_parts_of_an_utterance():
    """A part begins every 77 frames while it ends by the end, and one more where three quarters of it are there."""
    for n in [*range(400, 60_000, 331), 25_599, 25_600, 25_601, 31_520, 37_919, 37_920]:
        n_frames = -(-(n + 1) // 160)
        starts = [start for start in range(0, max(1, n_frames - 160 + 77 + 1), 77)]
        if len(starts) > 1 and (n - starts[-1] * 160) / (160 * 160) < 0.75:
            starts.pop()
        assert parts_of(n) == len(starts)


def test_silence_is_finite():
    for network, rate in ((SpeakerNetwork(), 16_000), (EffectNetwork(), 44_100), (MusicNetwork(), 16_000)):
        assert np.isfinite(run(network.eval(), np.zeros(3 * rate, np.float32))).all()


def test_plain_tensors_are_read_by_others():
    from safetensors.numpy import load

    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.float32([1.5]), "c": np.ones((), np.float32)}
    back = load(safetensors_of(arrays))
    assert sorted(back) == ["a", "b", "c"]
    assert all(np.array_equal(back[name], arrays[name]) and back[name].shape == arrays[name].shape for name in arrays)
    assert safetensors_of(arrays) == safetensors_of(dict(reversed(arrays.items())))
