"""Losses: one file each; outputs and targets of b examples in, (b,) losses out."""
