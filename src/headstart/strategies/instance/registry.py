"""Weightings by name, and the instance methods that predict by themselves: one file a method, found by file name."""

from __future__ import annotations

from headstart.members import Members

_PREDICT = (
    "robust_bias_aware",
    "tradaboost",
    "tradaboost_r2",
    "transfer_forest",
    "transfer_tree",
    "two_stage_tradaboost_r2",
)

WEIGHTINGS = Members("headstart.strategies.instance", "weighting", without=("registry", "reweighted", *_PREDICT))
"""Go into :class:`~headstart.strategies.instance.reweighted.Reweighted`."""
INSTANCE_METHODS = Members("headstart.strategies.instance", "instance method", among=_PREDICT)
"""Are estimators of their own."""
