"""Rounds of guessing the target's classes and learning the map that agrees with the guess."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.errors import InputError

Codes = NDArray[np.int64]
Learn = Callable[[Codes | None], tuple[NDArray[Any], Iterable[NDArray[Any]]]]
"""From guessed target codes, or None at first, to the image of the source rows, and that of the target's in blocks."""


def guess_in_rounds(
    learn: Learn, classifier: Any, source_codes: Codes, target_codes: Codes | None, n_rounds: int, who: str
) -> tuple[Codes, int]:
    """The last guess (n_target,) and how many rounds were run; it ends early where a guess comes back.

    Args:
        learn: learns the map for a guess and gives both images.
        classifier: fitted anew on the source's image in every round; None takes shrunken linear discriminants.
        source_codes: (n_source,) classes.
        target_codes: (n_target,) known classes, -1 where unknown, which every guess keeps; or None.
        n_rounds: 1 or more.
        who: whose name stands in errors.
    """
    from sklearn.base import clone

    if not n_rounds >= 1:
        raise InputError(f"{who} needs n_rounds of 1 or more, got {n_rounds!r}. Raise it.")
    guess, done = target_codes, 0
    while done < n_rounds:
        done += 1
        source, target = learn(guess)
        model = linear_discriminants() if classifier is None else clone(classifier)
        model.fit(source, source_codes)
        following = np.concatenate([np.asarray(model.predict(block), dtype=np.int64) for block in target])
        if target_codes is not None:
            following = np.where(target_codes >= 0, target_codes, following)
        is_same = guess is not None and np.array_equal(following, guess)
        guess = following
        if is_same:
            break
    return np.asarray(guess), done


def linear_discriminants() -> Any:
    """The classifier that guesses where none is named: linear in the rows, closed form."""
    from headstart.heads.prototypes import Prototypes

    return Prototypes()
