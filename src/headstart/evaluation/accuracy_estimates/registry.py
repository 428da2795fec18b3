"""Estimates of accuracy by name: one file a method, found by file name."""

from __future__ import annotations

from headstart.members import Members

ACCURACY_ESTIMATES = Members("headstart.evaluation.accuracy_estimates", "accuracy estimate")
