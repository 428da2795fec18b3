"""Joint distribution adaptation: TCA that brings the classes' means together as well."""

from __future__ import annotations

from typing import Any, ClassVar

from headstart.strategies.feature._alignment import Codes
from headstart.strategies.feature._joint_map import JointAlignment


class JDA(JointAlignment):
    """min tr(W'K M K W) + regularization tr(W'W) subject to W'K H K W = I.

    M is the MMD matrix of domains and classes, of Frobenius norm 1; H centres. The target's classes are guessed by a
    classifier on the source's image, and the map is learnt again; the first map knows none and is TCA's. Classes
    count together as much as the domains. Memory is linear in the rows.

    Args:
        n_components: columns of W; None takes 100 or the kernel's rank.
        regularization: above 0, as in the paper, where rows have unit length; with more or longer rows such a number
            counts less. None is a share of the trace of K H K, 1e-4, which means the same for any rows.
        kernel: "linear", "rbf" or "polynomial".
        gamma: "median" (1 / twice the median squared distance) or above 0.
        penalty: "coefficients" is W'W; "weights" is W'K W, the length of the weights on features.
        scaling: "length" gives every column of W the same length, as the published programs do, so that components keep
            their share of the variance; "variance" gives them all the same, as the constraint says. The mean is 1.
        n_rounds: at most so many guesses of the target's classes.
        classifier: guesses them; None takes shrunken linear discriminants.
        n_landmarks: rows, or random features, that stand for the kernel.
        approximation: "nystrom" or "fourier" (rbf alone).
        solver: "dense", "lanczos" or "auto".
        random_state: seed of landmarks and random features.

    Source: Long, Wang, Ding, Sun and Yu, Transfer Feature Learning with Joint Distribution Adaptation, ICCV 2013.
    """

    name: ClassVar[str] = "jda"

    def __init__(
        self,
        n_components: int | None = None,
        *,
        regularization: float | None = None,
        kernel: str = "linear",
        gamma: float | str = "median",
        penalty: str = "coefficients",
        scaling: str = "length",
        n_rounds: int = 10,
        classifier: Any = None,
        n_landmarks: int = 1000,
        approximation: str = "nystrom",
        solver: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.regularization = regularization
        self.kernel = kernel
        self.gamma = gamma
        self.penalty = penalty
        self.scaling = scaling
        self.n_rounds = n_rounds
        self.classifier = classifier
        self.n_landmarks = n_landmarks
        self.approximation = approximation
        self.solver = solver
        self.random_state = random_state

    def _balance(self, source: Any, target: Any, source_codes: Codes, guess: Codes) -> float:
        return 0.5
