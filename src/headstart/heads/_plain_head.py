"""A classifier whose fitted state is plain arrays and numbers."""

from __future__ import annotations

from headstart.heads._head import Head
from headstart.heads._plain_state import PlainState


class PlainHead(PlainState, Head):
    """A classifier that JSON and safetensors can hold; the others go through skops."""
