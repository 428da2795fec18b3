"""Image models of Transformers, and which of their outputs is a picture's features."""

from __future__ import annotations

POOLER, CLS, MEAN = "pooler_output", "cls", "mean"
"""The model's own pooled output; the state of the first token; the mean over all positions."""

VISION_MODELS: dict[str, str] = {
    # Documented as the picture's features; what it needs is trained with the rest.
    **dict.fromkeys(
        "aimv2_vision_model bit clip_vision_model convnext convnextv2 dinov2 dinov2_with_registers dinov3_convnext "
        "dinov3_vit efficientnet focalnet hiera levit mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 regnet resnet "
        "siglip_vision_model swin swinv2".split(),
        POOLER,
    ),
    # They have no pooler, or one that most published weights leave untrained.
    **dict.fromkeys("beit data2vec-vision deit vit vit_msn".split(), CLS),
    **dict.fromkeys("cvt ijepa poolformer pvt_v2 segformer swiftformer".split(), MEAN),
}
"""``model_type`` -> the output that is taken."""

TOWERS = {
    "aimv2": "aimv2_vision_model",
    "clip": "clip_vision_model",
    "siglip": "siglip_vision_model",
}
"""``model_type`` of a model of pictures and texts -> that of its image tower, which alone is opened."""
