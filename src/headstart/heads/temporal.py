"""Convolution over the steps of a row: what comes before what is learnt."""

from __future__ import annotations

from typing import ClassVar

from headstart.heads._step_head import StepHead
from headstart.heads._temporal_network import TemporalNetwork


class Temporal(StepHead):
    """A linear classifier of the mean of a row's steps, of their trend and of two layers of convolution over them.

    Trend and convolution see the order of the steps. The settings are those of ``heads/_step_head.py``.

    Source: Bai, Kolter and Koltun, An empirical evaluation of generic convolutional and recurrent networks for
    sequence modeling, arXiv:1803.01271 (2018); here without the causal shift, since the whole clip is known.
    """

    name: ClassVar[str] = "temporal"
    cost_rank: ClassVar[int] = 14

    def _network(self) -> TemporalNetwork:
        return TemporalNetwork(self.n_hidden)
