"""A regressor whose fitted state is plain arrays and numbers."""

from __future__ import annotations

from headstart.heads._plain_state import PlainState
from headstart.heads._regressor import Regressor


class PlainRegressor(PlainState, Regressor):
    """A regressor that JSON and safetensors can hold; the others go through skops."""
