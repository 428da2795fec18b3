"""The image models of keras.applications that run on torch: sizes, pixels, licence and cached file of each."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.types import ImageInput

PIXELS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "caffe": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255)),
    "tf": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "torch": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "raw": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
"""Mean and deviation on the 0..1 scale, in the order red, green, blue, for Keras' ways of preparing pixels.

"caffe" wants blue first, which the module does; "raw" wants 0..255, and scales them itself.
"""

_WEIGHTS = "_weights_tf_dim_ordering_tf_kernels_notop.h5"


@dataclass(frozen=True)
class KerasModel:
    """One architecture.

    Args:
        side: pixels of the square input.
        dim: pooled features.
        parameters: number of weights.
        mode: one of :data:`PIXELS`.
        licence: of the published weights.
        file: name of the published weights in Keras' cache.
    """

    side: int
    dim: int
    parameters: int
    mode: str
    licence: str
    file: str

    @property
    def input(self) -> ImageInput:
        """The pixels that the published weights want."""
        mean, std = PIXELS[self.mode]
        return ImageInput(self.side, self.side, 0.875, "bilinear", mean, std)


def _family(mode: str, licence: str, file: str, members: dict[str, tuple[int, int, int, str]]) -> dict[str, KerasModel]:
    """Name -> model, of name -> (side, dim, parameters, what stands for ``{}`` in the file name)."""
    return {
        name: KerasModel(side, dim, parameters, mode, licence, file.format(part))
        for name, (side, dim, parameters, part) in members.items()
    }


MODELS: dict[str, KerasModel] = {
    **_family(
        "raw",
        "MIT",
        "convnext_{}_notop.h5",
        {
            "ConvNeXtTiny": (224, 768, 27820128, "tiny"),
            "ConvNeXtSmall": (224, 768, 49454688, "small"),
            "ConvNeXtBase": (224, 1024, 87566464, "base"),
            "ConvNeXtLarge": (224, 1536, 196230336, "large"),
            "ConvNeXtXLarge": (224, 2048, 348147968, "xlarge"),
        },
    ),
    **_family(
        "torch",
        "BSD-3-Clause",
        "densenet{}" + _WEIGHTS,
        {
            "DenseNet121": (224, 1024, 7037504, "121"),
            "DenseNet169": (224, 1664, 12642880, "169"),
            "DenseNet201": (224, 1920, 18321984, "201"),
        },
    ),
    **_family(
        "raw",
        "Apache-2.0",
        "efficientnet{}_notop.h5",
        {
            "EfficientNetB0": (224, 1280, 4049571, "b0"),
            "EfficientNetB1": (240, 1280, 6575239, "b1"),
            "EfficientNetB2": (260, 1408, 7768569, "b2"),
            "EfficientNetB3": (300, 1536, 10783535, "b3"),
            "EfficientNetB4": (380, 1792, 17673823, "b4"),
            "EfficientNetB5": (456, 2048, 28513527, "b5"),
            "EfficientNetB6": (528, 2304, 40960143, "b6"),
            "EfficientNetB7": (600, 2560, 64097687, "b7"),
            "EfficientNetV2B0": (224, 1280, 5919312, "v2-b0"),
            "EfficientNetV2B1": (240, 1280, 6931124, "v2-b1"),
            "EfficientNetV2B2": (260, 1408, 8769374, "v2-b2"),
            "EfficientNetV2B3": (300, 1536, 12930622, "v2-b3"),
            "EfficientNetV2S": (384, 1280, 20331360, "v2-s"),
            "EfficientNetV2M": (480, 1280, 53150388, "v2-m"),
            "EfficientNetV2L": (480, 1280, 117746848, "v2-l"),
        },
    ),
    **_family(
        "tf",
        "Apache-2.0",
        "{}" + _WEIGHTS,
        {
            "InceptionV3": (299, 2048, 21802784, "inception_v3"),
            "InceptionResNetV2": (299, 1536, 54336736, "inception_resnet_v2"),
        },
    ),
    **_family(
        "tf",
        "Apache-2.0",
        "{}_no_top.h5",
        {
            "MobileNet": (224, 1024, 3228864, "mobilenet_1_0_224_tf"),
            "MobileNetV2": (224, 1280, 2257984, "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"),
            "NASNetLarge": (331, 4032, 84916818, "nasnet_large"),
        },
    ),
    **_family(
        "raw",
        "Apache-2.0",
        "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5",
        {
            "MobileNetV3Small": (224, 576, 939120, "small"),
            "MobileNetV3Large": (224, 960, 2996352, "large"),
        },
    ),
    **_family(
        "caffe",
        "MIT",
        "{}" + _WEIGHTS,
        {
            "ResNet50": (224, 2048, 23587712, "resnet50"),
            "ResNet101": (224, 2048, 42658176, "resnet101"),
            "ResNet152": (224, 2048, 58370944, "resnet152"),
        },
    ),
    **_family(
        "tf",
        "unknown",
        "{}" + _WEIGHTS,
        {
            "ResNet50V2": (224, 2048, 23564800, "resnet50v2"),
            "ResNet101V2": (224, 2048, 42626560, "resnet101v2"),
            "ResNet152V2": (224, 2048, 58331648, "resnet152v2"),
        },
    ),
    **_family(
        "caffe",
        "CC-BY-4.0",
        "{}" + _WEIGHTS,
        {"VGG16": (224, 512, 14714688, "vgg16"), "VGG19": (224, 512, 20024384, "vgg19")},
    ),
    **_family("tf", "MIT", "{}" + _WEIGHTS, {"Xception": (299, 2048, 20861480, "xception")}),
}
"""Name -> model. NASNetMobile is left out: Keras does not run it on torch."""
