"""Heads that are trained by gradient, one file each: (b, dim) features in, (b, n_outputs) scores out."""
