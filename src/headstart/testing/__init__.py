"""Public contract checks for backbones and heads."""
