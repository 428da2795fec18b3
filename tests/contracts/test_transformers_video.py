"""Models of video of Transformers: the contract, Transformers' own features and frames, clips through the encoder."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.backbones import registry
from headstart.errors import InputError, IntegrityError
from headstart.testing import backbone_checks as checks

pytest.importorskip("transformers", reason="transformers is not installed: pip install 'headstart[text]'")

SIDE, FRAMES = 32, 4
_TRANSFORMER = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48,
    "image_size": SIDE, "num_frames": FRAMES,
}  # fmt: skip
TINY = {
    "videomae": {**_TRANSFORMER, "patch_size": 8, "tubelet_size": 2},
    "timesformer": {**_TRANSFORMER, "patch_size": 8},
    "vivit": {**_TRANSFORMER, "tubelet_size": [2, 8, 8]},
}
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]


def build(kind):
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(2)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **TINY[kind]), attn_implementation="eager")
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return model.eval()


def processor(kind):
    from transformers import VideoMAEImageProcessor, VivitImageProcessor

    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    if kind == "vivit":
        return VivitImageProcessor(**size, image_mean=MEAN, image_std=STD)
    return VideoMAEImageProcessor(**size, image_mean=MEAN, image_std=STD)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """kind -> (folder, model), each saved once."""
    root = tmp_path_factory.mktemp("video")
    made = {}

    def folder_of(kind):
        if kind not in made:
            with torch.random.fork_rng(devices=[]):
                model = build(kind)
            model.save_pretrained(root / kind)
            processor(kind).save_pretrained(root / kind)
            made[kind] = (str(root / kind), model)
        return made[kind]

    return folder_of


@pytest.fixture
def copied(saved, tmp_path):
    shutil.copytree(saved("videomae")[0], tmp_path / "videomae")
    return tmp_path / "videomae"


def edit(folder, file="config.json", **changes):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def frames_of(n=FRAMES, seed=0):
    """Frames in the model's size, so that pixels can be compared exactly; they change over time."""
    return np.random.default_rng(seed).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


def theirs(kind, model, frames):
    made = processor(kind)([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    with torch.inference_mode():
        states = model(pixel_values=made["pixel_values"]).last_hidden_state
    return states.mean(1) if kind == "videomae" else states[:, 0]


def encode_frames(folder, clips, monkeypatch, tmp_path, **settings):
    """Through the encoder, with frames in place of files of video."""
    from headstart import Encoder
    from headstart.features import clip_backbone

    kept = {bytes([number]): frames for number, frames in enumerate(clips)}

    def opened(source, *, n_frames):
        assert n_frames == FRAMES
        return [Image.fromarray(frame) for frame in kept[source]]

    monkeypatch.setattr(clip_backbone, "open_frames", opened)
    encoder = Encoder(folder, cache=tmp_path, **settings)
    return encoder.encode(list(kept), digests=[key * 32 for key in kept]).features


@pytest.mark.parametrize("kind", TINY)
def test_keeps_the_contract(kind, saved):
    backbone = registry.open_backbone(saved(kind)[0])
    assert backbone.card.modality == "video"
    for check in checks.checks_for(backbone):
        check(backbone)


def test_the_untrained_twin_keeps_the_contract(saved):
    backbone = registry.open_backbone(saved("videomae")[0] + "@random")
    for check in checks.checks_for(backbone):
        check(backbone)


@pytest.mark.parametrize("kind", TINY)
def test_features_are_those_of_transformers(kind, saved, monkeypatch, tmp_path):
    folder, model = saved(kind)
    clips = [frames_of(seed=seed) for seed in range(3)]  # more than a batch
    found = encode_frames(folder, clips, monkeypatch, tmp_path)
    wanted = torch.cat([theirs(kind, model, frames) for frames in clips]).numpy()
    assert found.shape == wanted.shape == (3, registry.get_card(folder).dim)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_the_order_of_frames_counts(saved, monkeypatch, tmp_path):
    frames = frames_of()
    found = encode_frames(saved("videomae")[0], [frames, frames[::-1]], monkeypatch, tmp_path)
    assert np.abs(found[0] - found[1]).max() > 1e-2 * np.abs(found).max()


@pytest.mark.parametrize("kind", TINY)
def test_a_named_layer(kind, saved, monkeypatch, tmp_path):
    folder, model = saved(kind)
    layers = "model.layers" if kind == "vivit" else "model.encoder.layer"
    parts = dict(registry.open_backbone(folder).open().blocks)
    name = next(name for name in parts if name.startswith(layers))
    found = encode_frames(folder, [frames_of()], monkeypatch, tmp_path, layer=name)
    taken = []
    module = dict(model.named_modules())[name.removeprefix("model.")]
    hook = module.register_forward_hook(lambda _m, _i, out: taken.append(out[0] if isinstance(out, tuple) else out))
    theirs(kind, model, frames_of())
    hook.remove()
    wanted = taken[0].mean(1).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_a_clip_on_disk(saved, tmp_path):
    av = pytest.importorskip("av", reason="av is not installed: pip install 'headstart[video]'")
    from headstart import Encoder

    for number in range(2):
        with av.open(str(tmp_path / f"{number}.mp4"), "w") as file:
            stream = file.add_stream("mpeg4", rate=8)
            stream.width, stream.height, stream.pix_fmt = 48, 40, "yuv420p"
            for place in range(12):
                picture = np.full((40, 48, 3), 20 * place if number else 240 - 20 * place, dtype=np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            file.mux(stream.encode())
    paths = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    encoder = Encoder(saved("timesformer")[0], cache=tmp_path / "cache")
    whole = encoder.transform(paths)
    assert whole.shape == (2, 32)
    assert np.abs(whole[0] - whole[1]).max() > 1e-3
    single = Encoder(saved("timesformer")[0], cache=tmp_path / "other").transform(paths[1:])
    np.testing.assert_allclose(whole[1:], single, atol=1e-5 * np.abs(whole).max())


def test_a_classifier_s_folder(tmp_path):
    from transformers import AutoConfig, VideoMAEForVideoClassification

    with torch.random.fork_rng(devices=[]):
        model = VideoMAEForVideoClassification(AutoConfig.for_model("videomae", **TINY["videomae"])).eval()
    model.save_pretrained(tmp_path / "videomae")
    opened = registry.open_backbone(str(tmp_path / "videomae")).open()
    x = torch.rand(2, FRAMES, 3, SIDE, SIDE)
    with torch.inference_mode():
        wanted = model.videomae(x).last_hidden_state.mean(1)
        torch.testing.assert_close(opened.module(x), wanted, rtol=1e-4, atol=1e-5)


def test_a_hub_name_comes_from_the_cache(saved, tmp_path, monkeypatch):
    from huggingface_hub import constants

    commit = "0" * 40
    root = tmp_path / "hub" / "models--some--clips"
    shutil.copytree(saved("vivit")[0], root / "snapshots" / commit)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(commit, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    card = registry.get_card("hf/some/clips")
    assert (card.name, card.provider, card.dim) == ("hf/some/clips", "transformers_video", 32)
    assert (card.input.n_frames, card.input.image.height, card.input.is_joint) == (FRAMES, SIDE, True)


def test_tensors_travel_with_their_configuration(saved, tmp_path):
    backbone = registry.open_backbone(saved("vivit")[0])
    module = backbone.open().module
    assert not any("pooler" in name for name, _ in module.named_parameters())
    (tmp_path / "config.json").write_bytes(backbone.provider.saved_files(backbone.card)["config"])
    again = backbone.provider.build_from_files({"config": tmp_path / "config.json"})
    again.load_state_dict(module.state_dict(), strict=True)
    x = torch.rand(1, FRAMES, 3, SIDE, SIDE)
    with torch.inference_mode():
        assert torch.equal(again(x), module(x))


def test_weights_of_another_model_are_refused(copied):
    from safetensors.torch import load_file, save_file

    path = copied / "model.safetensors"
    tensors = load_file(path)
    del tensors["encoder.layer.0.layernorm_before.weight"]
    save_file(tensors, path)
    with pytest.raises(IntegrityError, match="needs all weights of its architecture"):
        registry.open_backbone(str(copied)).open()


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("config.json", {"image_size": 100_000}, "image_size of at most 4096"),
        ("config.json", {"num_frames": 0}, "num_frames of at most 256"),
        ("config.json", {"num_channels": 1}, "three colour channels"),
        ("config.json", {"hidden_act": "sneaky"}, "settings that its architecture takes"),
        ("preprocessor_config.json", {"size": "large"}, "needs sizes and statistics"),
    ],
)
def test_configuration_that_makes_no_sense(copied, file, changes, told):
    edit(copied, file, **changes)
    with pytest.raises(InputError, match=told) as caught:
        registry.open_backbone(str(copied))
    assert "\n" not in str(caught.value)
