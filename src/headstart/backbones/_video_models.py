"""Models of video of Transformers, and what a clip's features are."""

from __future__ import annotations

MEAN, CLS = "mean", "cls"
"""The mean over all states; the state of the first token."""

VIDEO_MODELS = {"videomae": MEAN, "timesformer": CLS, "vivit": CLS}
"""``model_type`` -> what is taken: what the model's own classifier stands on."""

FRAMES = {"videomae": 16, "timesformer": 8, "vivit": 32}
"""Frames of a clip where a configuration does not say how many."""
