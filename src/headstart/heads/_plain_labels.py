"""A head for several labels whose fitted state is plain arrays and numbers."""

from __future__ import annotations

from headstart.heads._multi_label_head import MultiLabelHead
from headstart.heads._plain_state import PlainState


class PlainLabels(PlainState, MultiLabelHead):
    """A head for several labels that JSON and safetensors can hold."""
