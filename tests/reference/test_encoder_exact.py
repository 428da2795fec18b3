"""Features from file to row, against Pillow, torchvision's transform and eager single-precision PyTorch."""

import numpy as np
import pytest

from headstart.backbones.registry import open_backbone
from headstart.features.choose_runtime import centred_deviation
from headstart.features.encoder import Encoder
from headstart.features.pixels import prepare
from headstart.features.runtimes.runtime import RUNTIMES, is_installed

NAME = "efficientnet_lite0"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    paths = []
    for number, (width, height, mode, kind) in enumerate(
        [(300, 300, "L", "png"), (320, 211, "RGB", "png"), (211, 320, "RGB", "jpg"), (641, 480, "RGB", "jpg")] * 2
    ):
        small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert(mode)
        paths.append(str(folder / f"{number}.{kind}"))
        picture.save(paths[-1])
    return paths


def plainly(paths, hook=None):
    """The reference: torchvision's own resize, crop and normalise, one picture at a time, no headstart in between."""
    import torch
    from PIL import Image
    from torchvision.transforms import v2

    backbone = open_backbone(NAME)
    spec, opened = backbone.card.input, backbone.open()
    taken = []
    if hook is not None:
        opened.blocks[hook].register_forward_hook(lambda module, inputs, output: taken.append(output.mean((2, 3))))
    transform = v2.Compose(
        [
            v2.Resize(256, v2.InterpolationMode.BICUBIC),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(spec.mean, spec.std),
        ]
    )
    rows = []
    for path in paths:
        with torch.inference_mode():
            rows.append(opened.module(transform(Image.open(path).convert("RGB"))[None]))
    return torch.cat(taken if hook is not None else rows).numpy()


@pytest.mark.parametrize("runtime", [name for name in RUNTIMES if is_installed(name)])
def test_exact_features_equal_plain_pytorch(files, runtime):
    rows = Encoder(NAME, runtime=runtime, cache=False).fit(files).transform(files)
    assert rows.shape == (len(files), 1280)
    assert rows.dtype == np.float32
    assert centred_deviation(rows, plainly(files)) < 1e-3


def test_features_of_a_layer_equal_a_hook(files):
    rows = Encoder(NAME, layer="blocks.3", cache=False).transform(files)
    assert centred_deviation(rows, plainly(files, hook="blocks.3")) < 1e-3


def test_one_at_a_time_equals_all_at_once(files):
    encoder = Encoder(NAME, runtime="openvino", cache=False)
    together = encoder.transform(files)
    alone = np.concatenate([encoder.transform([path]) for path in files])
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("size", [(300, 300), (320, 211), (211, 320), (641, 480), (90, 1000), (224, 224), (17, 40)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_prepared_pixels_equal_resize_then_crop(size, mode):
    from PIL import Image
    from torchvision.transforms import v2

    small = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(small).convert(mode)
    spec = open_backbone(NAME).card.input
    expected = v2.CenterCrop(224)(v2.Resize(256, v2.InterpolationMode.BICUBIC)(picture)).convert("RGB")
    difference = np.abs(prepare(picture, spec).astype(int) - np.asarray(expected, dtype=int))
    assert difference.max() <= 1
    assert difference.mean() < 0.005  # Pillow keeps the window's edges in single precision


def test_reduced_decoding_stays_close(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(2)
    paths = []
    for number in range(6):
        small = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(small).resize((2400, 1600), Image.Resampling.BICUBIC).save(
            tmp_path / f"{number}.jpg", quality=92
        )
        paths.append(tmp_path / f"{number}.jpg")
    full = Encoder(NAME, runtime="openvino", precision="exact", cache=False).transform(paths)
    reduced = Encoder(NAME, runtime="onnxruntime", precision="auto", cache=False).transform(paths)
    assert 0 < centred_deviation(reduced, full) < 0.15


def test_the_reduction_is_principal_component_analysis(files):
    from sklearn.decomposition import PCA

    full = Encoder(NAME, runtime="openvino", cache=False).transform(files)
    reduced = Encoder(NAME, runtime="openvino", n_components=3, cache=False).fit(files).transform(files)
    expected = PCA(3, svd_solver="full").fit_transform(full)
    np.testing.assert_allclose(np.abs(reduced), np.abs(expected), atol=1e-3)
