"""Augmentations, one file each: prepared examples in, others that mean the same out."""
