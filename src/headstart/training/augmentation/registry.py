"""Augmentations by name: one file each, found by file name."""

from __future__ import annotations

from headstart.members import Members

AUGMENTATIONS = Members(
    "headstart.training.augmentation", "augmentation", without=("loader", "mixing", "policy", "registry")
)
