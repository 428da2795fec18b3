"""All that the report page and the model card show, in plain values: made once at the end of a run, then only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from headstart.types import BackboneCard, Guess, Score

VERDICT_KINDS = ("helped", "tie", "hurt", "alone", "unknown")
"""What a verdict can say about transfer."""

ROW_KINDS = ("transfer", "untransferred", "baseline")
"""What a line of the leaderboard can be; "untransferred" learnt from nothing but the user's own rows."""


@dataclass(frozen=True)
class LeaderboardRow:
    """One candidate, best first.

    Args:
        name: what people call it.
        kind: one of :data:`ROW_KINDS`.
        backbone: name of the backbone, "" where there is none.
        head: name of the head.
        cv: the score on rows it did not learn from, by which the choice was made.
        test: the score on the test part, or None where the test part was not read.
        seconds: to encode and fit.
        rule: how it was chosen.
        is_winner: True for the model that was handed over.
    """

    name: str
    kind: str
    backbone: str
    head: str
    cv: Score
    test: Score | None = None
    seconds: float = 0.0
    rule: str = ""
    is_winner: bool = False


@dataclass(frozen=True)
class ClassRow:
    """The figures of one class, each 0..1; ``f1_interval`` is (low, high) of F1 at 95 %, or None."""

    name: str
    precision: float
    recall: float
    f1: float
    count: int
    f1_interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated confidence against the share that was right.

    Args:
        name: "before" or "after" (temperature scaling).
        centres: (b,) middle of each bin, 0..1.
        confidence: (b,) mean stated confidence, 0..1; anything where the bin is empty.
        accuracy: (b,) share that was right, 0..1; anything where the bin is empty.
        counts: (b,) examples in the bin.
        ece: expected calibration error, 0..1.
    """

    name: str
    centres: NDArray[Any]
    confidence: NDArray[Any]
    accuracy: NDArray[Any]
    counts: NDArray[Any]
    ece: float


@dataclass(frozen=True)
class PartRow:
    """One part of mixed examples.

    Args:
        part: its kind.
        model: the best model on it alone, or "".
        alone: that model's score, or None.
        lost_without: score with the part minus score without it, or None where the model does not use it.
    """

    part: str
    model: str
    alone: Score | None
    lost_without: Score | None


@dataclass(frozen=True, eq=False)
class Curve:
    """A score against the number of labels.

    Args:
        name: what was trained, e.g. "pretrained features".
        sizes: (s,) numbers of labelled examples, rising.
        mean: (s,) the score.
        low: (s,) lower end of its interval.
        high: (s,) upper end of its interval.
        is_transferred: False for a model that used no pretrained features.
    """

    name: str
    sizes: NDArray[Any]
    mean: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    is_transferred: bool = True


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Features laid out in the plane.

    Args:
        xy: (n, 2) positions, any unit.
        codes: (n,) codes into the record's classes.
        is_error: (n,) True where the model was wrong.
        domains: (n,) domain names, or None.
        ids: (n,) names shown on hover, or None.
        method: how the plane was found, e.g. "PCA" or "t-SNE".
        names: what the codes mean, where it is not the record's classes.
    """

    xy: NDArray[Any]
    codes: NDArray[Any]
    is_error: NDArray[Any]
    domains: NDArray[Any] | None = None
    ids: NDArray[Any] | None = None
    method: str = "PCA"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Thumb:
    """One example to look at.

    Args:
        example: a raw example of that kind, or None where there is nothing to show.
        id: the name shown to people.
        truth: the label it has; of a suspicious label, the one it was given.
        prediction: what the model says; of a suspicious label, the one suggested; "" for an outlier.
        confidence: 0..1, how sure the model is, how suspicious the label or how far out the example; None is not shown.
        kind: its modality.
    """

    example: Any
    id: str
    truth: str = ""
    prediction: str = ""
    confidence: float | None = None
    kind: str = "image"


@dataclass(frozen=True, eq=False)
class Numbers:
    """Predicted against true numbers of the judged rows.

    Args:
        truth: (n,) numbers.
        predicted: (n,) numbers.
        half_width: of the interval around a predicted number.
        stated: share of rows that the interval is meant to hold, 0..1.
        coverage: share that it held.
        ids: n names shown on hover.
    """

    truth: NDArray[Any]
    predicted: NDArray[Any]
    half_width: float
    stated: float
    coverage: Score
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Alarms:
    """Anomaly scores of the judged rows.

    Args:
        is_anomalous: (n,) 1 where the label says so.
        scores: (n,) higher is stranger.
        threshold: an example is called anomalous above it.
        strangest: the examples of the highest scores, the strangest first.
    """

    is_anomalous: NDArray[Any]
    scores: NDArray[Any]
    threshold: float
    strangest: tuple[Thumb, ...] = ()


@dataclass(frozen=True)
class Augmented:
    """Training examples as a model saw them.

    Args:
        policy: names of the augmentations.
        rows: an example each: first as it came, then as it was in the epochs after.
    """

    policy: str
    rows: tuple[tuple[Thumb, ...], ...]


@dataclass(frozen=True)
class AuditFinding:
    """One thing found about the data: severity "error", "warning" or "note"; ``ids`` are a few of ``count`` rows."""

    severity: str
    text: str
    count: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts (b,) between edges (b + 1,) of what ``label`` says, with its unit."""

    label: str
    edges: NDArray[Any]
    counts: NDArray[Any]


@dataclass(frozen=True)
class DomainRow:
    """The headline score within one domain, over ``count`` test examples."""

    name: str
    count: int
    score: Score


@dataclass(frozen=True)
class CostRow:
    """What one stage took: ``share`` is 0..1 of the whole; ``detail`` says on what, e.g. "2,100 images"."""

    stage: str
    seconds: float
    share: float
    detail: str = ""


@dataclass(frozen=True)
class MetricRow:
    """One figure of the handed-over model with its interval; ``note`` explains the name where it needs that."""

    name: str
    score: Score
    note: str = ""


@dataclass(frozen=True)
class SourceRow:
    """One model of the target beside another domain; ``note`` says what speaks for it or against it."""

    name: str
    score: Score | None
    note: str = ""


@dataclass(frozen=True)
class SourcePart:
    """What rows of another domain gave, in a sentence and a line a model."""

    sentence: str
    rows: tuple[SourceRow, ...]


@dataclass(frozen=True, eq=False)
class ReportRecord:
    """Everything a report shows; a part that is left empty makes its section vanish.

    Args:
        title: name of the run.
        created: moment in ISO 8601.
        version: of headstart.
        verdict_sentence: whether transfer helped, by how much, what it saved.
        verdict_kind: one of :data:`VERDICT_KINDS`.
        metric: name of the headline metric.
        score: of the handed-over model, by that metric.
        higher_is_better: False for losses.
        facts: (label, value) pairs under the verdict.
        leaderboard: candidates, best first.
        classes: class names in the order of codes.
        confusion: (k, k) counts; row: truth, column: prediction; or None.
        per_class: one line a class.
        reliability: before and after temperature scaling.
        curves: learning curves.
        labels_saved: one sentence on how many labels transfer saved.
        feature_map: or None.
        errors: wrong predictions, most confident first.
        suspicious: labels most likely wrong, first first.
        outliers: examples unlike the rest.
        findings: of the audit.
        guesses: what was inferred and how to override it.
        class_counts: part name ("train", "test") to (k,) numbers of examples.
        sizes: of the examples, or None.
        domains: one line a domain.
        parts: one line a part of mixed examples.
        source: what another domain gave, or None where there was none.
        cost: one line a stage.
        settings: name to value, enough to repeat the run.
        command: the command line that repeats it.
        metrics: every figure of the handed-over model.
        notes: how the figures were chosen, one sentence each.
        backbone: card of the winner's backbone, or None where the winner has none.
        folder: the output folder as the user named it, for "how to load".
        task: what is asked, a name of ``headstart.tasks``.
        pipeline_tag: how model hubs call it, after the modality.
        numbers: of a regression, or None.
        alarms: of an anomaly detection, or None.
        augmented: what a tuned model saw, or None.
    """

    title: str
    created: str
    version: str
    verdict_sentence: str
    verdict_kind: str
    metric: str
    score: Score
    higher_is_better: bool = True
    facts: tuple[tuple[str, str], ...] = ()
    leaderboard: tuple[LeaderboardRow, ...] = ()
    classes: tuple[str, ...] = ()
    confusion: NDArray[Any] | None = None
    per_class: tuple[ClassRow, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    curves: tuple[Curve, ...] = ()
    labels_saved: str = ""
    feature_map: FeatureMap | None = None
    errors: tuple[Thumb, ...] = ()
    suspicious: tuple[Thumb, ...] = ()
    outliers: tuple[Thumb, ...] = ()
    findings: tuple[AuditFinding, ...] = ()
    guesses: tuple[Guess, ...] = ()
    class_counts: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    sizes: Histogram | None = None
    domains: tuple[DomainRow, ...] = ()
    parts: tuple[PartRow, ...] = ()
    source: SourcePart | None = None
    cost: tuple[CostRow, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    metrics: tuple[MetricRow, ...] = ()
    notes: tuple[str, ...] = ()
    backbone: BackboneCard | None = None
    folder: str = "path/to/this/folder"
    task: str = "classification"
    pipeline_tag: str = "classification"
    numbers: Numbers | None = None
    alarms: Alarms | None = None
    augmented: Augmented | None = None

    def __post_init__(self) -> None:
        if self.verdict_kind not in VERDICT_KINDS:
            raise ValueError(
                f"ReportRecord needs verdict_kind {', '.join(VERDICT_KINDS)}, got {self.verdict_kind!r}. Use one of "
                "these."
            )
        k = len(self.classes)
        if self.confusion is not None and self.confusion.shape != (k, k):
            raise ValueError(
                f"ReportRecord needs confusion of shape {(k, k)}, got {self.confusion.shape}. "
                "Give counts of all classes."
            )

    @property
    def winner(self) -> LeaderboardRow | None:
        """The line of the model handed over."""
        return next((row for row in self.leaderboard if row.is_winner), None)

    @property
    def rival(self) -> LeaderboardRow | None:
        """The first line of the other side of the verdict: untransferred if the winner was transferred, and back."""
        if self.winner is None:
            return None
        other = "untransferred" if self.winner.kind == "transfer" else "transfer"
        return next((row for row in self.leaderboard if row.kind == other), None)
