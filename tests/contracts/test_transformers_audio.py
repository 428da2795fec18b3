"""Models of sound of Transformers: the contract, Transformers' own features, clips of any length, refused folders."""

import json
import shutil

import numpy as np
import pytest
import torch

from headstart.backbones import registry
from headstart.backbones.backbone import OpenBackbone
from headstart.errors import InputError, IntegrityError, MissingPathError
from headstart.features.wave_module import WaveModule
from headstart.testing import backbone_checks as checks

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'headstart[audio]'")
pytest.importorskip("librosa", reason="librosa is not installed: pip install 'headstart[audio]'")

_WAVE = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "conv_dim": [16, 16, 16], "conv_kernel": [10, 3, 2], "conv_stride": [5, 2, 2], "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "vocab_size": 8,
}  # fmt: skip
_STABLE = {**_WAVE, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
_AST = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "max_length": 100, "num_mel_bins": 32,
}  # fmt: skip
_CLAP = {
    "num_mel_bins": 16, "spec_size": 64, "patch_embeds_hidden_size": 8, "depths": [1, 1], "num_attention_heads": [2, 2],
    "hidden_size": 16, "window_size": 4, "num_hidden_layers": 2,
}  # fmt: skip
WAVE_KINDS = {
    "wav2vec2": ("wav2vec2", _WAVE),
    "wav2vec2-stable": ("wav2vec2", _STABLE),
    "wav2vec2-adapter": ("wav2vec2", {**_WAVE, "add_adapter": True, "output_hidden_size": 32}),
    "hubert": ("hubert", _WAVE),
    "hubert-stable": ("hubert", _STABLE),
    "wavlm": ("wavlm", {**_WAVE, "num_buckets": 20, "max_bucket_distance": 40}),
    "unispeech": ("unispeech", _WAVE),
    "unispeech-sat": ("unispeech-sat", _WAVE),
    "data2vec-audio": ("data2vec-audio", _WAVE),
    "wav2vec2-conformer": ("wav2vec2-conformer", _WAVE),
}
OTHER_KINDS = {
    "ast": ("audio-spectrogram-transformer", _AST),
    "clap": ("clap_audio_model", _CLAP),
    "clap-fused": ("clap_audio_model", {**_CLAP, "enable_fusion": True, "fusion_type": "aff_2d"}),
}
KINDS = WAVE_KINDS | OTHER_KINDS


def build(name):
    from transformers import AutoConfig, AutoModel, ClapAudioModel

    kind, settings = KINDS[name]
    torch.manual_seed(3)
    config = AutoConfig.for_model(kind, **settings)
    config._attn_implementation = "eager"
    if kind == "clap_audio_model":
        model = ClapAudioModel(config)
    else:
        model = AutoModel.from_config(config, attn_implementation="eager")
    with torch.no_grad():  # zeros, as some parts begin with, would hide what is wrong with them
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return model.eval()


def processor(name):
    from transformers import ASTFeatureExtractor, ClapFeatureExtractor, Wav2Vec2FeatureExtractor

    if name == "ast":
        return ASTFeatureExtractor(num_mel_bins=32, max_length=100, mean=-3.0, std=2.5)
    if name.startswith("clap"):
        how = "fusion" if name == "clap-fused" else "rand_trunc"
        return ClapFeatureExtractor(
            feature_size=16, sampling_rate=8000, hop_length=80, max_length_s=2, fft_window_size=128,
            frequency_min=50, frequency_max=4000, truncation=how,
        )  # fmt: skip
    return Wav2Vec2FeatureExtractor(do_normalize=name != "wavlm", return_attention_mask=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """name -> (folder, model), each saved once."""
    root = tmp_path_factory.mktemp("audio")
    made = {}

    def folder_of(name):
        if name not in made:
            with torch.random.fork_rng(devices=[]):
                model = build(name)
            model.save_pretrained(root / name)
            processor(name).save_pretrained(root / name)
            made[name] = (str(root / name), model)
        return made[name]

    return folder_of


@pytest.fixture
def copied(saved, tmp_path):
    shutil.copytree(saved("hubert")[0], tmp_path / "hubert")
    return tmp_path / "hubert"


def edit(folder, file="config.json", **changes):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def clip(n, seed=0):
    t = np.arange(n) / 16_000
    noise = np.random.default_rng(seed).normal(0, 0.05, n)
    return (0.3 * np.sin(2 * np.pi * (300 + 90 * seed) * t * (1 + t)) + noise + 0.02).astype(np.float32)


def batch_of(clips):
    n = np.array([len(c) for c in clips])
    waves = np.zeros((len(clips), n.max()), np.float32)
    for row, c in enumerate(clips):
        waves[row, : len(c)] = c
    return torch.from_numpy(waves), torch.from_numpy(n)


def rows_of(name, clips):
    opened = registry.open_backbone(name).open()
    module = WaveModule(OpenBackbone(opened.card, opened.module, opened.blocks), "mean")
    with torch.inference_mode():
        return module(*batch_of(clips))


def theirs(model, name, sound):
    """Transformers' features of one clip by itself, prepared by Transformers."""
    made = processor(name)(sound, sampling_rate=8000 if name.startswith("clap") else 16_000, return_tensors="pt")
    with torch.inference_mode():
        if name == "ast":
            return model(made["input_values"]).pooler_output
        if name.startswith("clap"):
            is_longer = torch.zeros((1, 1), dtype=torch.bool)
            return model(input_features=made["input_features"].float(), is_longer=is_longer).pooler_output
        return model(made["input_values"]).last_hidden_state.mean(1)


def stray(found, wanted):
    assert found.shape == wanted.shape
    return float((found - wanted).abs().max()) / float(wanted.abs().max())


@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2-stable", "ast", "clap"])
def test_keeps_the_contract(name, saved):
    backbone = registry.open_backbone(saved(name)[0])
    for check in checks.checks_for(backbone):
        check(backbone)


def test_the_untrained_twin_keeps_the_contract(saved):
    backbone = registry.open_backbone(saved("hubert")[0] + "@random")
    for check in checks.checks_for(backbone):
        check(backbone)


@pytest.mark.parametrize("name", KINDS)
def test_features_are_those_of_transformers(name, saved):
    folder, model = saved(name)
    sound = clip(9000)
    found = rows_of(folder, [sound])
    assert found.shape[1] == registry.get_card(folder).dim
    assert stray(found, theirs(model, name, sound)) <= 1e-4


@pytest.mark.parametrize(
    "name", ["wav2vec2", "wav2vec2-stable", "hubert", "wavlm", "unispeech", "unispeech-sat", "ast", "clap"]
)
def test_clips_of_unlike_length_together(name, saved):
    folder, model = saved(name)
    assert registry.get_card(folder).input.is_filled_up
    clips = [clip(9000, 1), clip(7777, 2), clip(2500, 3)]
    found = rows_of(folder, clips)
    for row, sound in zip(found, clips, strict=True):
        assert stray(row[None], theirs(model, name, sound)) <= 1e-4


@pytest.mark.parametrize("name", ["data2vec-audio", "wav2vec2-conformer", "wav2vec2-adapter"])
def test_models_that_hear_the_filling_get_none(name, saved):
    assert not registry.get_card(saved(name)[0]).input.is_filled_up


def test_shortest_clip(saved):
    folder, _ = saved("wav2vec2")
    wanted = registry.get_card(folder).input
    assert wanted.min_samples == 5 * (2 * (2 * (1 - 1) + 2 - 1) + 3 - 1) + 10
    module = registry.open_backbone(folder).open().module
    n = torch.arange(wanted.min_samples, wanted.min_samples + 60)
    for size, told in zip(n.tolist(), module.n_states(n).tolist(), strict=True):
        with torch.inference_mode():
            assert module(torch.zeros(1, size), torch.tensor([size])).shape[1] == told >= 1


def test_through_the_encoder_with_windows(saved, tmp_path):
    """A clip of many windows gets the mean of their features, each weighing as many samples as it has."""
    from headstart import Encoder

    folder, model = saved("ast")
    window = registry.get_card(folder).input.window_samples
    long, short = clip(2 * window + 3000, 4), clip(5000, 5)
    found = Encoder(folder, cache=tmp_path).transform([(long, 16_000), (short, 16_000)])
    parts = [long[:window], long[window : 2 * window], long[2 * window :]]
    rows = np.stack([theirs(model, "ast", part)[0].numpy() for part in parts])
    weights = np.array([len(part) for part in parts], dtype=np.float64)
    scale = np.abs(rows).max()
    np.testing.assert_allclose(found[0], weights @ rows / weights.sum(), atol=1e-4 * scale)
    np.testing.assert_allclose(found[1], theirs(model, "ast", short)[0].numpy(), atol=1e-4 * scale)


def test_one_at_a_time_or_all_at_once(saved, tmp_path):
    from headstart import Encoder

    folder, _ = saved("wav2vec2")
    clips = [(clip(n, n), 16_000) for n in (4000, 9000, 30, 3500, 9001, 12_000)]
    whole = Encoder(folder, cache=tmp_path / "a").transform(clips)
    single = np.concatenate([Encoder(folder, cache=tmp_path / "b").transform([c]) for c in clips])
    np.testing.assert_allclose(whole, single, atol=1e-5 * np.abs(whole).max())
    layer = Encoder(folder, layer="model.encoder.layers.0", cache=tmp_path / "c").transform(clips)
    assert layer.shape == whole.shape
    assert not np.allclose(layer, whole)


def test_a_fine_tuned_model_s_folder_with_old_names(saved, tmp_path):
    """Weights as older versions wrote them: a head around the model, the position's weight in magnitude and length."""
    from safetensors.torch import load_file, save_file

    folder, _ = saved("wav2vec2")
    shutil.copytree(folder, tmp_path / "old")
    path = tmp_path / "old" / "model.safetensors"
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    old = {}
    for name, tensor in load_file(path).items():
        for new, former in names.items():
            name = name.replace(new, former)
        old[f"wav2vec2.{name}"] = tensor
    assert any(name.endswith("weight_g") for name in old)
    save_file({**old, "lm_head.weight": torch.zeros(8, 32)}, path, metadata={"format": "pt"})
    sound = [clip(5000)]
    assert torch.equal(rows_of(str(tmp_path / "old"), sound), rows_of(folder, sound))


def test_of_sounds_and_texts_the_audio_tower(tmp_path):
    from transformers import AutoConfig, AutoModel

    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model("clap", audio_config=_CLAP, text_config={**text, "vocab_size": 20})
    with torch.random.fork_rng(devices=[]):
        model = AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path / "clap")
    processor("clap").save_pretrained(tmp_path / "clap")
    sound = clip(6000)
    assert stray(rows_of(str(tmp_path / "clap"), [sound]), theirs(model.audio_model, "clap", sound)) <= 1e-4


def test_gradients_reach_every_weight(saved):
    module = registry.open_backbone(saved("wav2vec2")[0]).open().module
    module(*batch_of([clip(4000, 1), clip(3000, 2)])).square().mean().backward()
    assert [name for name, p in module.named_parameters() if p.requires_grad and p.grad is None] == []


def test_a_hub_name_comes_from_the_cache(saved, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0" * 40
    root = tmp_path / "hub" / "models--some--hubert"
    shutil.copytree(saved("hubert")[0], root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    card = registry.get_card("hf/some/hubert")
    assert (card.name, card.provider, card.dim, card.modality) == ("hf/some/hubert", "transformers_audio", 32, "audio")
    sound = [clip(4000)]
    assert torch.equal(rows_of("hf/some/hubert", sound), rows_of(saved("hubert")[0], sound))
    (root / "snapshots" / commit / "model.safetensors").unlink()
    card = registry.get_card("hf/some/hubert")
    assert registry.readiness(card).endswith("headstart backbones pull hf/some/hubert")
    assert registry.open_backbone("hf/some/hubert@random").open().card.weights == "random"
    with pytest.raises(MissingPathError, match="HF_HUB_OFFLINE is set"):
        registry.get_provider("transformers_audio").pull(card)


def test_pulling_a_hub_name(saved, tmp_path, monkeypatch):
    """Its configuration, which is fetched first, tells which provider fetches the rest."""
    from huggingface_hub import constants
    from typer.testing import CliRunner

    from headstart.cli.backbones import app

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    never = CliRunner().invoke(app, ["pull", "hf/some/clap"])
    assert isinstance(never.exception, MissingPathError)
    assert "HF_HUB_OFFLINE is set" in str(never.exception)
    folder = tmp_path / "hub" / "models--some--clap" / "snapshots" / ("0" * 40)
    shutil.copytree(saved("clap")[0], folder)
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    done = CliRunner().invoke(app, ["pull", "hf/some/clap"])
    assert done.output.strip() == f"hf/some/clap: {folder}"


def test_whisper_by_its_hub_name(tmp_path, monkeypatch):
    from huggingface_hub import constants
    from transformers import WhisperConfig, WhisperModel

    sizes = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16,
             "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16, "vocab_size": 60,
             "pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3}  # fmt: skip
    folder = tmp_path / "models--some--whisper" / "snapshots" / ("0" * 40)
    with torch.random.fork_rng(devices=[]):
        WhisperModel(WhisperConfig(**sizes)).save_pretrained(folder)
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text("0" * 40, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    backbone = registry.open_backbone("hf/some/whisper")
    assert (backbone.card.provider, registry.readiness(backbone.card)) == ("whisper", "")
    mels = torch.randn(1, 80, 100)
    with torch.inference_mode():
        found, same = backbone.open().module(mels), registry.open_backbone(str(folder)).open().module(mels)
    assert torch.equal(found, same)
    assert registry.open_backbone("hf/some/whisper@random").open().card.weights == "random"
    (folder / "model.safetensors").unlink()
    assert registry.readiness(backbone.card).endswith("headstart backbones pull hf/some/whisper")


def test_every_kind_of_folder_has_one_provider(tmp_path):
    wanted = {
        "bert": "transformers_text", "vit": "transformers_vision", "videomae": "transformers_video",
        "wav2vec2": "transformers_audio", "whisper": "whisper", "clap": "transformers_audio",
    }  # fmt: skip
    config = {"hidden_size": 8, "d_model": 8, "encoder_layers": 1, "encoder_attention_heads": 1, "encoder_ffn_dim": 8,
              "num_mel_bins": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 1,
              "image_size": 32, "audio_config": _CLAP}  # fmt: skip
    providers = [
        registry.get_provider(name) for name in registry.provider_names() if name.startswith(("transf", "whi"))
    ]
    for kind, answers in wanted.items():
        told = {**config, **(_WAVE if kind == "wav2vec2" else {}), "model_type": kind}
        (tmp_path / "config.json").write_text(json.dumps(told), encoding="utf-8")
        found = [card.provider for card in (p.find(str(tmp_path)) for p in providers) if card is not None]
        assert found == [answers]


def test_tensors_travel_with_their_configuration(saved, tmp_path):
    for name in ("wav2vec2", "ast", "clap"):
        backbone = registry.open_backbone(saved(name)[0])
        module = backbone.open().module
        (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
        again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
        again.load_state_dict(module.state_dict(), strict=True)
        arrays = batch_of([clip(4000)])
        with torch.inference_mode():
            assert torch.equal(again(*arrays), module(*arrays))


def test_weights_of_another_model_are_refused(copied):
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layers.0.attention.k_proj.weight"]
    save_file(tensors, path)
    with pytest.raises(IntegrityError, match="needs all weights of its architecture") as told:
        registry.open_backbone(str(copied)).open()
    assert "\n" not in str(told.value)


def test_code_in_a_folder_is_never_run(saved, copied, tmp_path):
    evil = tmp_path / "evil"
    (copied / "modeling_evil.py").write_text(f"import os\nos.mkdir({str(evil)!r})\n", encoding="utf-8")
    edit(copied, auto_map={"AutoModel": "modeling_evil.Evil"})
    assert torch.equal(rows_of(str(copied), [clip(3000)]), rows_of(saved("hubert")[0], [clip(3000)]))
    assert not evil.exists()


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("config.json", {"conv_kernel": [10, 3]}, "needs sizes of its kind"),
        ("config.json", {"conv_stride": "large"}, "needs sizes of its kind"),
        ("config.json", {"hidden_act": "sneaky"}, "settings that its architecture takes"),
        ("config.json", {"hidden_size": -4}, "settings that its architecture takes"),
        ("preprocessor_config.json", {"sampling_rate": 10**9}, "needs sizes of its kind"),
    ],
)
def test_configuration_that_makes_no_sense(copied, file, changes, told):
    edit(copied, file, **changes)
    with pytest.raises(InputError, match=told) as caught:
        registry.open_backbone(str(copied))
    assert "\n" not in str(caught.value)
