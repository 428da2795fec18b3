"""Which kind of shift the tests speak for, and which family of methods fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.two_sample.concept_shift import ConceptShift
from headstart.evaluation.two_sample.feature_shifts import holm
from headstart.evaluation.two_sample.label_shift import LabelShift
from headstart.evaluation.two_sample.registry import ROW_TESTS
from headstart.evaluation.two_sample.support_overlap import SupportOverlap
from headstart.evaluation.two_sample.two_sample import TwoSample

ALPHA = 0.05
MATCHED_ALPHA = 0.01
"""Level at which matched classes are called unlike the target; low, as the shares they are matched to are estimates."""
EXPLAINED = 0.5
"""Share of what tells the domains apart that may be left when classes are brought to the target's shares."""
FEWEST_MATCHED = 20
FEWEST_EFFECTIVE = 0.1
"""Share of the source that weights must leave for instance methods to be named first."""
FEWEST_INSIDE = 0.25
"""Share of the target that must lie inside the source for the same."""

KINDS = {
    "none": "no shift",
    "covariate_shift": "covariate shift: the features changed",
    "label_shift": "label shift: the classes' shares changed, what they look like did not",
    "concept_shift": "concept shift: the same features mean another label",
    "unknown": "a shift whose kind cannot be told without labels of the source",
}


@dataclass(frozen=True, eq=False)
class ShiftEvidence:
    """What was measured.

    Args:
        tests: of rows, by name.
        a_distance: proxy A-distance, 0..2.
        overlap: what of the target the source covers.
        labels: of predicted labels; None without labels of the source.
        matched: the classifier's test after source rows were brought to the estimated shares; or None.
        concept: with labels of the target; or None.
    """

    tests: dict[str, TwoSample]
    a_distance: float
    overlap: SupportOverlap
    labels: LabelShift | None = None
    matched: TwoSample | None = None
    concept: ConceptShift | None = None

    @property
    def is_shifted(self) -> bool:
        """True where a test of rows says so, adjusted for having asked several."""
        return min(holm([test.p_value for test in self.tests.values()])) <= ALPHA

    @property
    def kind(self) -> str:
        """A key of :data:`KINDS`."""
        if self.concept is not None and self.concept.p_value <= ALPHA:
            return "concept_shift"
        if not self.is_shifted:
            return "none"
        if self.labels is None:
            return "unknown"
        return "label_shift" if self._shares_explain_it() else "covariate_shift"

    @property
    def has_overlap(self) -> bool:
        """True where source rows lie where target rows do, and weights leave enough of them to learn from."""
        return self.overlap.inside >= FEWEST_INSIDE and self.overlap.effective_share >= FEWEST_EFFECTIVE

    def _shares_explain_it(self) -> bool:
        if self.labels is None or self.labels.p_value > ALPHA or self.matched is None:
            return False
        before, after = self.tests["classifier"].statistic - 0.5, self.matched.statistic - 0.5
        return self.matched.p_value > MATCHED_ALPHA or after <= EXPLAINED * max(before, 0.0)


@dataclass(frozen=True)
class Advice:
    """What fits a kind of shift.

    Args:
        family: "none", "instance", "feature" or "parameter".
        methods: names to try, the first first.
        why: one sentence.
        do: one sentence.
    """

    family: str
    methods: tuple[str, ...]
    why: str
    do: str


def advice(evidence: ShiftEvidence) -> Advice:
    """The family of methods that fits, and what to do."""
    kind = evidence.kind
    compare = "Let SafeTransfer hold them against the source's model, and label a few target rows to be sure."
    if kind == "none":
        why = "The domains cannot be told apart, so there is nothing to adapt to."
        return Advice("none", (), why, "Use the source's model as it is.")
    if kind == "concept_shift":
        why = "What the features say of the label changed, which only labels of the target can teach."
        do = "Label more target rows and learn from both domains; without them no method is to be trusted."
        return Advice("parameter", ("FeatureAugmentation", "TrAdaBoost", "fine-tuning"), why, do)
    if kind == "label_shift":
        why = "Source rows brought to the target's shares of classes look like the target, so weights by class suffice."
        return Advice("instance", ("RLLS", "BBSE", "EMLabelShift"), why, f"Try Reweighted with them. {compare}")
    if evidence.has_overlap:
        why = "The source has rows where the target has them, so weights can make it look like the target."
        methods = ("KMM", "RuLSIF", "Coral")
        return Advice("instance", methods, why, f"Try Reweighted, then Aligned, with them. {compare}")
    why = "Hardly any source row looks like the target, so weights would rest on a few rows; features must be aligned."
    return Advice("feature", ("Coral", "TCA", "JDA"), why, f"Try Aligned with them. {compare}")


def matched_test(
    source: NDArray[Any], codes: NDArray[np.int64], target: NDArray[Any], labels: LabelShift, *, random_state: int
) -> TwoSample | None:
    """The classifier's test of source rows drawn so that classes have the target's shares; None of too few."""
    known = np.maximum(labels.source_shares, 1e-12)
    ratio = np.where(labels.source_shares > 0, labels.target_shares / known, 0.0)
    keep = np.random.default_rng(random_state).random(len(codes)) < ratio[codes] / ratio.max()
    if keep.sum() < FEWEST_MATCHED:
        return None
    found: TwoSample = ROW_TESTS.make("classifier", random_state=random_state).test(source[keep], target)
    return found
