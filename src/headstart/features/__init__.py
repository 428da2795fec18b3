"""Compute once: the encoder, its runtimes and the cache."""
