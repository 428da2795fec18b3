"""Alignments: maps that bring source and target features to where they agree, and the estimators built on them."""
