"""Scores of a model on a target without labels: one file a validator, found by name."""
