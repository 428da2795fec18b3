"""What JDA and BDA share: a kernel map that brings the means of the domains and of their classes together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError
from headstart.strategies._mathematics.domain_distance import estimated_balance
from headstart.strategies.feature._alignment import Alignment, Codes
from headstart.strategies.feature._kernel_map import KernelMap, KernelSettings
from headstart.strategies.feature._pseudo_labels import guess_in_rounds


class JointAlignment(Alignment):
    """Rounds of a map for guessed classes and a guess from the map. Base of methods that differ in the balance.

    Subclasses list the settings of :class:`KernelSettings` and ``n_rounds``, ``classifier``.
    """

    needs_labels = True
    is_symmetric = True

    n_rounds: int
    classifier: Any

    def _balance(self, source: Any, target: Any, source_codes: Codes, guess: Codes) -> float:
        raise NotImplementedError

    def _learn(self, source: Any, target: Any, source_codes: Codes | None, target_codes: Codes | None) -> None:
        codes = np.asarray(source_codes)
        who, n_classes = type(self).__name__, len(self.classes_)
        known = {
            name: value for name, value in self.get_params(deep=False).items() if name in KernelSettings.__annotations__
        }
        self.map_ = KernelMap(KernelSettings(**known), source, target, who)
        source_sums = self.map_.sums(source, codes, n_classes)
        image: NDArray[Any] | None = None  # one for all rounds, unless components are missing

        def learn(guess: Codes | None) -> tuple[NDArray[Any], Iterable[NDArray[Any]]]:
            self.balance_ = 0.0 if guess is None else self._balance(source, target, codes, guess)
            target_sums = self.map_.sums(target, guess, n_classes)
            self.weights_ = self.map_.solve(source_sums, target_sums, balance=self.balance_)
            nonlocal image
            is_as_wide = image is not None and image.shape[1] == self.weights_.shape[1]
            image = self.map_.project(source, self.weights_, out=image if is_as_wide else None)
            return image, self.map_.blocks(target, self.weights_)

        guess, self.n_rounds_ = guess_in_rounds(learn, self.classifier, codes, target_codes, self.n_rounds, who)
        self.target_labels_ = self.classes_[guess]  # (n_target,) the last guess

    def _map_source(self, X: Any) -> Any:
        return self.map_.project(X, self.weights_)


def checked_balance(balance: float | str, who: str) -> float | None:
    """The balance as a number, or None for "auto".

    Raises:
        InputError: it is neither from 0 to 1 nor "auto".
    """
    if balance == "auto":
        return None
    if isinstance(balance, str) or not 0 <= balance <= 1:
        raise InputError(f"{who} needs balance 'auto' or from 0 to 1, got {balance!r}. Use 'auto'.")
    return float(balance)


def balance_for(balance: float | str, source: Any, target: Any, source_codes: Codes, guess: Codes, who: str) -> float:
    """The balance that was set, or the estimated one."""
    given = checked_balance(balance, who)
    return estimated_balance(source, target, source_codes, guess) if given is None else given
