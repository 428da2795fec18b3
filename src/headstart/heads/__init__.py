"""Classifiers on features: one file a head, found by file name."""
