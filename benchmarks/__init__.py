"""Benchmarks: one script a row of BENCHMARKS.md; both sides of every figure are measured in one run."""
