"""Pretrained encoders by name, one file a provider; see :mod:`headstart.backbones.registry`."""
