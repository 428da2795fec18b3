"""Target rows that scikit-learn's searches leave whole."""

from __future__ import annotations

from typing import Any

from headstart.strategies._mathematics.accelerator import from_tensor


class Unlabelled:
    """Holds ``X_target``; having no length, it is never sliced into folds beside the rows of ``X``.

    Args:
        X_target: (n_target, d) rows, or raw examples.
    """

    def __init__(self, X_target: Any) -> None:
        self.X_target = X_target


def target_rows(X_target: Any) -> Any:
    """What an :class:`Unlabelled` holds, or the rows themselves; a tensor of rows as an array."""
    return from_tensor(X_target.X_target if isinstance(X_target, Unlabelled) else X_target)
