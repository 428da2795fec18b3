"""Regularisers by name: one file each, found by file name."""

from __future__ import annotations

from headstart.members import Members

REGULARISERS = Members("headstart.training.regularisers", "regulariser")
