"""A record with every part filled, small enough to read."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.report.record import (
    AuditFinding,
    ClassRow,
    CostRow,
    Curve,
    DomainRow,
    FeatureMap,
    Histogram,
    LeaderboardRow,
    MetricRow,
    Reliability,
    ReportRecord,
    Thumb,
)
from headstart.types import BackboneCard, Guess, Score

TEST = "honest: test part, read once"
CV = "honest: out-of-fold"


def _picture(seed):
    return np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)


def _leaderboard():
    return (
        LeaderboardRow(
            "ResNet + logistic",
            "transfer",
            "resnet50",
            "logistic",
            Score(0.84, 0.82, 0.86, CV),
            Score(0.85, 0.81, 0.88, TEST),
            96.0,
            "one standard error",
            True,
        ),
        LeaderboardRow(
            "HOG + trees",
            "untransferred",
            "hog",
            "boosting",
            Score(0.72, 0.70, 0.75, CV),
            Score(0.73, 0.69, 0.77, TEST),
            22.0,
            "one standard error",
        ),
        LeaderboardRow("Majority", "baseline", "", "majority", Score(0.4, 0.38, 0.42, CV), None, 0.01, "given"),
    )


def _reliability(name, ece):
    centres = np.array([0.55, 0.65, 0.75, 0.85, 0.95])
    accuracy = np.array([0.5, 0.6, np.nan, 0.8, 0.9])
    return Reliability(name, centres, centres, accuracy, np.array([5, 9, 0, 20, 60]), ece)


@pytest.fixture
def record():
    sizes, rng = np.array([20, 100, 500]), np.random.default_rng(0)
    with_, without = np.array([0.7, 0.8, 0.85]), np.array([0.4, 0.6, 0.75])
    return ReportRecord(
        title="Solar cells",
        created="2025-03-14T09:26:53+00:00",
        version="0.1.0",
        verdict_sentence="Transfer helped: macro-F1 rose from 0.73 to 0.85.",
        verdict_kind="helped",
        metric="Macro-F1",
        score=Score(0.85, 0.81, 0.88, TEST),
        facts=(("Photographs", "2,624"), ("Classes", "2")),
        leaderboard=_leaderboard(),
        classes=("defect", "sound"),
        confusion=np.array([[128, 35], [31, 331]]),
        per_class=(
            ClassRow("defect", 0.8, 0.78, 0.79, 163, (0.74, 0.84)),
            ClassRow("sound", 0.9, 0.91, 0.905, 362, (0.88, 0.93)),
        ),
        reliability=(_reliability("before", 0.087), _reliability("after", 0.021)),
        curves=(
            Curve("pretrained", sizes, with_, with_ - 0.03, with_ + 0.03),
            Curve("random weights", sizes, without, without - 0.03, without + 0.03, is_transferred=False),
        ),
        labels_saved="47 labels with transfer do what 500 did without.",
        feature_map=FeatureMap(
            rng.normal(size=(60, 2)),
            np.arange(60) % 2,
            np.arange(60) % 7 == 0,
            np.array(["mono", "poly"], dtype=object)[np.arange(60) % 2],
            np.array([f"cell{i}.png" for i in range(60)]),
        ),
        errors=(Thumb(_picture(1), "a.png", "defect", "sound", 0.98),),
        suspicious=(Thumb(_picture(2), "b.png", "sound", "defect", 0.04),),
        outliers=(Thumb("/nowhere/gone.jpg", "gone.jpg", "sound"),),
        findings=(AuditFinding("note", "Uneven classes."), AuditFinding("error", "Cannot be read.", 2, ("x.png",))),
        guesses=(Guess("Task", "classification", "2 texts", 'task="classification"'),),
        class_counts={"train": np.array([658, 1441]), "test": np.array([163, 362])},
        sizes=Histogram("short side, pixels", np.array([0, 100, 200, 300]), np.array([3, 0, 90])),
        domains=(
            DomainRow("mono", 215, Score(0.87, 0.82, 0.9, TEST)),
            DomainRow("poly", 310, Score(0.8, 0.7, 0.9, TEST)),
        ),
        cost=(CostRow("Encode", 131.0, 0.8, "60 a second"), CostRow("Heads", 33.0, 0.2)),
        settings={"budget": "10m", "n_folds": 5},
        command="headstart fit photos --out runs/cells",
        metrics=(
            MetricRow("Accuracy", Score(0.87, 0.84, 0.9, TEST)),
            MetricRow("Log-loss", Score(0.3, 0.2, 0.4, TEST)),
        ),
        notes=("The test part was read once.",),
        backbone=BackboneCard("resnet50", "image", 2048, "timm_hub", "Apache-2.0", True, "ImageNet-1k"),
        folder="runs/cells",
    )


@pytest.fixture
def many_classes(record):
    """The record with ``k`` classes."""

    def build(k):
        rng = np.random.default_rng(k)
        confusion = rng.poisson(0.4, (k, k))
        confusion[np.arange(k), np.arange(k)] += 30
        return replace(
            record,
            classes=tuple(f"a rather long class name {i}" for i in range(k)),
            confusion=confusion,
            per_class=tuple(ClassRow(f"class {i}", 0.5, 0.5, 0.5, 30) for i in range(k)),
            class_counts={"train": rng.integers(1, 90, k)},
            feature_map=FeatureMap(rng.normal(size=(3000, 2)), rng.integers(0, k, 3000), rng.random(3000) < 0.1),
        )

    return build
