"""Alignments by name, and the feature methods that predict by themselves: one file a method, found by file name."""

from __future__ import annotations

from headstart.members import Members

_PREDICT = ("easytl", "meda", "jdot")

ALIGNMENTS = Members("headstart.strategies.feature", "alignment", without=("registry", "aligned", *_PREDICT))
"""Go into :class:`~headstart.strategies.feature.aligned.Aligned`."""
FEATURE_METHODS = Members("headstart.strategies.feature", "feature method", among=_PREDICT)
"""Are estimators of their own."""
