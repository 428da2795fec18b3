"""Mixtures of text and table whose parts add up: numbers and several labels are fused as classes are."""

import numpy as np
import pandas as pd
import pytest

import headstart as hs


@pytest.fixture(scope="module")
def offers():
    """The title tells one half of price and labels, the cells the other; some titles are missing."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(140):
        warm, size = int(rng.integers(0, 2)), rng.normal(3, 1)
        title = ("a cold and icy winter thing", "a warm and sunny summer thing")[warm]
        labels = ["sunny"] * warm + ["large"] * int(size > 3)
        rows.append(
            {
                "title": f"{title} number {number}" if number % 6 else None,
                "size": size,
                "age": rng.normal(10, 2),
                "price": 20 + 6 * (2 * warm - 1) + 6 * (size - 3) + rng.normal(0, 0.5),
                "labels": ";".join(labels) or "[]",
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("target", "task", "head", "kin"),
    [
        ("price", "regression", "ridge_regression", "regression"),
        ("labels", "multi_label", "multi_label_ridge", "labels"),
    ],
)
def test_parts_are_fused_weighed_and_told(offers, tmp_path, target, task, head, kin):
    frame = offers.drop(columns="labels" if target == "price" else "price")
    frame.to_csv(tmp_path / "offers.csv", index=False)
    run = hs.fit(
        tmp_path / "offers.csv",
        label=target,
        task=task,
        modality="mixed",
        out=tmp_path / "run",
        backbones=["glove_50d"],
        heads=[head],
    )
    fused = [row for row in run.leaderboard if " fused" in row.backbone]
    assert fused
    assert {row.head for row in fused} <= {f"late_fusion_{kin}", f"gated_fusion_{kin}"}
    alone = max(row.cv.value for row in run.leaderboard if " + " not in row.backbone)
    assert max(row.cv.value for row in fused) > alone
    lost = {part["part"]: part["lost_without"] for part in run.result["parts"]}
    assert set(lost) == {"table", "text"}
    assert all(value is not None and value["value"] > 0 for value in lost.values())
    model, rows = hs.load(run.out), offers.drop(columns=["price", "labels"]).head(20)
    said = model.predict(rows)
    assert len(said) == 20
    assert list(said) == list(run.predict(rows))


def test_detectors_of_the_parts_are_fused(offers, tmp_path):
    frame = offers.drop(columns=["price", "labels"]).assign(state="normal")
    odd = np.arange(140) % 7 == 3
    frame.loc[odd, "state"] = "odd"
    frame.loc[odd, "size"] = frame.loc[odd, "size"] + 9
    frame.to_csv(tmp_path / "offers.csv", index=False)
    run = hs.fit(
        tmp_path / "offers.csv", label="state", task="anomaly", modality="mixed", out=tmp_path / "run",
        backbones=["glove_50d"], heads=["mahalanobis"],
    )  # fmt: skip
    fused = [row for row in run.leaderboard if " fused" in row.backbone]
    assert {row.head for row in fused} == {"late_fusion_anomaly"}
    assert max(row.test.value for row in fused) > 0.8
    assert {part["part"] for part in run.result["parts"]} == {"table", "text"}
    assert len(hs.load(run.out).predict(frame.drop(columns="state").head(5))) == 5
