"""A detector whose fitted state is plain arrays and numbers."""

from __future__ import annotations

from headstart.heads._detector import Detector
from headstart.heads._plain_state import PlainState


class PlainDetector(PlainState, Detector):
    """A detector that JSON and safetensors can hold."""
