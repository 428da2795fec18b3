"""A convolutional network on log-mel spectrograms, without its last layer."""

from __future__ import annotations

from torch import Tensor, nn

DIM, N_MELS = 128, 80
_CONTEXT = 9


class SoundConvolutions(nn.Module):
    """(n, 80, frames) -> (n, frames // 2, 128): two convolutions with pooling, and one over all bands.

    A state stands for two frames and has heard 38 of them.

    Source: Piczak, Environmental sound classification with convolutional neural networks, MLSP 2015; Hershey et al.,
    CNN architectures for large-scale audio classification, ICASSP 2017.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 32, (3, 5), padding=(1, 2)), nn.ReLU(), nn.MaxPool2d((4, 2)))
        self.conv2 = nn.Sequential(nn.Conv2d(32, 64, (3, _CONTEXT), padding=(1, 4)), nn.ReLU(), nn.MaxPool2d((4, 1)))
        self.conv3 = nn.Sequential(nn.Conv2d(64, DIM, (N_MELS // 16, _CONTEXT), padding=(0, 4)), nn.ReLU())

    def forward(self, mels: Tensor) -> Tensor:
        """States of a batch of spectrograms of one length."""
        states: Tensor = self.conv3(self.conv2(self.conv1(mels.unsqueeze(1))))  # (n, 128, 1, frames // 2)
        return states.squeeze(2).transpose(1, 2)
