"""Sounds made louder or softer, with noise, and with another sound of the batch in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from headstart.errors import InputError
from headstart.features.log_mel import DYNAMIC_RANGE, FLOOR
from headstart.training.augmentation._augmentation import Augmentation, Draws, Inputs, Prepared
from headstart.training.augmentation._windows import each_window

_QUIET = 1e-12
"""Mean power below which a sound is silence and drowns in nothing."""


@final
class SoundMixing(Augmentation):
    """A random gain; half the time white noise; half the time another sound of the batch, so much softer.

    Labels stay, because what is added is softer than the sound. In spectrograms powers add up, as those of unlike
    sounds do on average, and the noise is flat over the bands. Samples end in -1..1 as they came: what would be louder
    is scaled down. Silence behind the sound gets nothing but the gain.

    Args:
        gain: most decibels up or down.
        noise: (low, high) decibels of the sound above the noise.
        background: (low, high) decibels of the sound above the other sound.
        probability: 0..1, of the noise and of the other sound, each.

    Source: Salamon and Bello, Deep convolutional neural networks and data augmentation for environmental sound
    classification, IEEE SPL 2017.
    """

    name: ClassVar[str] = "sound_mixing"
    kinds: ClassVar[frozenset[str]] = frozenset({"mels", "waves"})
    sees_others: ClassVar[bool] = True

    def __init__(
        self,
        *,
        gain: float = 6.0,
        noise: tuple[float, float] = (15.0, 40.0),
        background: tuple[float, float] = (5.0, 20.0),
        probability: float = 0.5,
    ) -> None:
        if gain < 0 or noise[0] > noise[1] or background[0] > background[1] or not 0 <= probability <= 1:
            raise InputError(
                f"sound_mixing needs gain of 0 or more, (low, high) decibels and probability in 0..1, got gain={gain}, "
                f"noise={noise}, background={background}, probability={probability}. Correct them."
            )
        self.gain, self.noise, self.background, self.probability = gain, noise, background, probability

    def __call__(self, inputs: Inputs, draws: Draws, prepared: Prepared) -> Inputs:
        """Spectrograms and counts of states, or samples and their counts."""
        contents = inputs[0].clone(memory_format=torch.contiguous_format)
        before, generators = inputs[0].contiguous(), list(draws)
        firsts: dict[int, Tensor] = {}
        for place, window, length in each_window(before, inputs[1], prepared.kind):
            firsts.setdefault(place, window[..., :length])
        for place, window, length in each_window(contents, inputs[1], prepared.kind):
            other = _another(firsts, place, generators[place])
            if prepared.kind == "waves":
                self._mix_samples(window[:length], other, generators[place])
            else:
                self._mix_spectrogram(window, length, other, generators[place])
        return (contents, *inputs[1:])

    def _mix_samples(self, heard: Tensor, other: Tensor | None, draw: np.random.Generator) -> None:
        """(samples,), in place."""
        noise = torch.from_numpy(draw.standard_normal(len(heard), dtype=np.float32))
        gain, added = self._added(heard.square(), noise, other, draw, lambda sound: sound.square())
        mixed = gain**0.5 * (heard + sum(share**0.5 * sound for sound, share in added))
        heard.copy_(mixed / max(1.0, float(mixed.abs().max())))

    def _mix_spectrogram(self, window: Tensor, length: int, other: Tensor | None, draw: np.random.Generator) -> None:
        """(n_mels, frames), in place; powers are 10 to the decades that it holds."""
        power = _power(window)
        heard = power[:, :length]
        noise = torch.from_numpy(draw.standard_exponential(tuple(heard.shape), dtype=np.float32))
        other = None if other is None else _power(other)
        gain, added = self._added(heard, noise, other, draw, lambda sound: sound)
        heard += sum(share * sound for sound, share in added)
        decades = torch.log10(torch.clamp(gain * power, min=FLOOR))
        lowest = float(decades[:, :length].max()) - DYNAMIC_RANGE
        window.copy_((decades.clamp(min=lowest) + 4.0) / 4.0)

    def _added(
        self,
        power: Tensor,
        noise: Tensor,
        other: Tensor | None,
        draw: np.random.Generator,
        power_of: Callable[[Tensor], Tensor],
    ) -> tuple[float, list[tuple[Tensor, float]]]:
        """The gain of the power, and what is added before it, each with the factor of its power."""
        own = float(power.mean())
        gain, added = 10 ** (draw.uniform(-self.gain, self.gain) / 10), []
        for sound, decibels in ((noise, self.noise), (other, self.background)):
            is_taken, distance = draw.random() < self.probability, draw.uniform(*decibels)
            if sound is None or not is_taken:
                continue
            sound = _of_length(sound, power.shape[-1], draw)
            there = float(power_of(sound).mean())
            if min(own, there) > _QUIET:
                added.append((sound, own / there * 10 ** (-distance / 10)))
        return gain, added


def _another(firsts: dict[int, Tensor], place: int, draw: np.random.Generator) -> Tensor | None:
    """What is heard in the first window of another example; None where there is no other."""
    n = len(firsts)
    return firsts[(place + 1 + int(draw.integers(n - 1))) % n] if n > 1 else None


def _of_length(sound: Tensor, n: int, draw: np.random.Generator) -> Tensor:
    """A random stretch of n places, or the whole sound at a random place with nothing around it."""
    start = int(draw.integers(abs(sound.shape[-1] - n) + 1))
    if sound.shape[-1] >= n:
        return sound[..., start : start + n]
    whole = sound.new_zeros((*sound.shape[:-1], n))
    whole[..., start : start + sound.shape[-1]] = sound
    return whole


def _power(spectrogram: Tensor) -> Tensor:
    """The powers whose decades ``(x + 4) / 4`` :func:`~headstart.features.log_mel.log_mel` gives."""
    return 10 ** (4.0 * spectrogram - 4.0)
