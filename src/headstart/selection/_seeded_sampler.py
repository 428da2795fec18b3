"""Optuna's tree-structured Parzen estimator, seeded anew for each trial, so that a resumed search goes on alike."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


@final
class SeededSampler(BaseSampler):  # type: ignore[misc]
    """What it draws for a trial hangs on the seed, the trial's number and the trials before.

    Args:
        random_state: the seed.

    Source: Bergstra et al., Algorithms for hyper-parameter optimization, NeurIPS 2011; Akiba et al., Optuna, KDD 2019.
    """

    def __init__(self, random_state: int) -> None:
        self._seed = random_state

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As the estimator."""
        found: dict[str, BaseDistribution] = self._of(trial).infer_relative_search_space(study, trial)
        return found

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """All settings together, once there are trials to learn from."""
        found: dict[str, Any] = self._of(trial).sample_relative(study, trial, search_space)
        return found

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """One setting by itself."""
        name = int.from_bytes(param_name.encode()[:6], "little")
        return self._of(trial, name).sample_independent(study, trial, param_name, param_distribution)

    def _of(self, trial: FrozenTrial, part: int = 0) -> TPESampler:
        seed = int(np.random.SeedSequence([self._seed, trial.number, part]).generate_state(1)[0])
        return TPESampler(seed=seed, multivariate=True)
