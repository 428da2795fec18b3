"""Heads of a fine-tuned backbone by name."""

from __future__ import annotations

from headstart.members import Members

TUNED_HEADS = Members("headstart.training.heads", "Head of a fine-tuned backbone")
"""Each has ``scale``, the :class:`~headstart.training.feature_scale.FeatureScale` in front; ``output``, the layer whose
``weight``, and ``bias`` where it has one, hold a row a class; and ``loss(base) -> loss``, what it is trained by."""
