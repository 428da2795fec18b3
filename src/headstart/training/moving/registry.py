"""What may move, by name: one file each, found by file name."""

from __future__ import annotations

from headstart.members import Members

MOVING = Members("headstart.training.moving", "trainable")
"""Each has ``apply(network, blocks) -> Moves``."""
