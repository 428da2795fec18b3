"""What would be passed over is refused before anything long is begun."""

import numpy as np
import pandas as pd
import pytest

import headstart as hs
from headstart.errors import InputError

TABLE = pd.DataFrame({"a": range(80), "b": [0.5, 1.5] * 40, "label": ["x", "y"] * 40})
NUMBERS = TABLE.assign(label=np.linspace(0, 1, 80))
TAGS = TABLE.assign(label=["x;y", "y"] * 40)
TEXTS = [f"a text about {word}" for word in ("rain", "snow", "wind", "sun")] * 20


@pytest.mark.parametrize(
    ("data", "settings", "told"),
    [
        (TABLE, {"strategies": ["coral"]}, "a source for strategy 'coral', got none"),
        (TABLE, {"strategies": ["fine_tune"]}, "table_transfer for examples of kind 'table', got strategy 'fine_tune'"),
        (NUMBERS, {"strategies": ["table_transfer"]}, "classification for strategy 'table_transfer', got regression"),
        (TABLE, {"unlabelled": TABLE[["a", "b"]]}, "a source for unlabelled=..., got none"),
        (TAGS, {"source": TAGS, "task": "multi_label"}, "classification or regression for a source, got multi_label"),
        (NUMBERS[["a", "b"]], {"source": NUMBERS, "task": "regression"}, "labels of the target for regression"),
    ],
)
def test_what_would_be_of_no_use_is_told(data, settings, told, tmp_path):
    with pytest.raises(InputError, match=told):
        hs.fit(data, label="label", out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_too_few_rows_for_a_test_part_are_told(tmp_path):
    with pytest.raises(InputError, match="rows enough for a test part to train 'text_lstm'"):
        hs.fit(
            TEXTS[:20],
            ["x", "y"] * 10,
            backbones=["glove_50d"],
            heads=["prototypes"],
            strategies=["text_lstm"],
            out=tmp_path / "run",
            cache=tmp_path / "cache",
        )
