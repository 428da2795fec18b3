"""What the report shows of the examples that a tuned model saw."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.report.page import page_markup
from headstart.report.record import ReportRecord
from headstart.run.augmented_examples import EPOCHS, augmented_examples
from headstart.selection.recipe import Recipe
from headstart.types import Score


def route_of(inputs, backbone, augmentation, modality, strategy="fine_tune"):
    """A run at its end, as far as it is looked at."""
    n = len(inputs)
    settings = (("backbone", backbone), *((("augmentation", augmentation),) if augmentation else ()))
    recipe = Recipe((), label="tuned", strategy=strategy, settings=settings)
    dataset = SimpleNamespace(inputs=inputs, ids=np.array([f"row {i}" for i in range(n)]), modality=modality)
    train = np.arange(n)[::-1]
    data = SimpleNamespace(parts=SimpleNamespace(train=train), train_y=np.arange(n)[::-1] % 2, dataset=dataset)
    field = SimpleNamespace(classes=("<ant>", "bee"))
    return SimpleNamespace(handed_over=SimpleNamespace(recipe=recipe), data=data, field=field)


def pictures(n=6):
    draw = np.random.default_rng(0)
    return [draw.integers(0, 255, (40, 40, 3), dtype=np.uint8) for _ in range(n)]


def test_a_model_without_augmentation_has_none():
    for augmentation, strategy in (("", "fine_tune"), ("none", "fine_tune"), ("flip", "")):
        assert augmented_examples(route_of(pictures(), "two_convolutions", augmentation, "image", strategy)) is None


def test_pictures_are_shown_plain_and_augmented():
    found = augmented_examples(route_of(pictures(), "two_convolutions", "flip", "image"))
    assert found.policy == "flip"
    assert [len(row) for row in found.rows] == [EPOCHS, EPOCHS]
    for row in found.rows:
        plain, flipped, again, _ = (thumb.example for thumb in row)
        assert np.array_equal(plain[:, ::-1], flipped)
        assert np.array_equal(plain, again)
        assert {thumb.kind for thumb in row} == {"image"}
    assert {row[0].truth for row in found.rows} == {"<ant>", "bee"}
    assert [row[0].id for row in found.rows] == ["row 5", "row 4"]


def test_mixed_pictures_tell_their_shares():
    found = augmented_examples(route_of(pictures(), "two_convolutions", "mixup", "image"))
    labels = {thumb.truth for row in found.rows for thumb in row[1:]}
    assert all("%" in label for label in labels)
    assert [row[0].truth for row in found.rows] == ["bee", "<ant>"]


def test_texts_are_shown_with_what_is_hidden():
    texts = [f"the quick brown fox number {word} jumps over the lazy dog" for word in ("one", "two", "three", "four")]
    found = augmented_examples(route_of(texts, "all_minilm_l6_v2", "span_dropout", "text"))
    assert {thumb.kind for row in found.rows for thumb in row} == {"text"}
    assert [row[0].example for row in found.rows] == texts[::-1][:2]
    assert all("[MASK]" in thumb.example for row in found.rows for thumb in row[1:])
    assert not any("[CLS]" in thumb.example for row in found.rows for thumb in row)


@pytest.mark.parametrize("augmentation", ["spec_augment", "auto"])
def test_sounds_are_shown_as_spectrograms(augmentation):
    draw = np.random.default_rng(0)
    sounds = [((draw.normal(size=16_000) * 0.1).astype(np.float32), 16_000) for _ in range(3)]
    found = augmented_examples(route_of(sounds, "sound_convolutions", augmentation, "audio"))
    assert found.policy == "spec_augment"
    for row in found.rows:
        assert all(thumb.example.shape == (128, 128) and thumb.example.dtype == np.uint8 for thumb in row)
        assert len({thumb.example.tobytes() for thumb in row}) > 2


def test_the_page_shows_them_and_escapes_names():
    augmented = augmented_examples(route_of(pictures(), "two_convolutions", "flip", "image"))
    record = ReportRecord("run", "2026-01-01T00:00:00", "0", "It helped.", "helped", "accuracy", Score(0.9, 0.8, 1, ""))
    markup = page_markup(replace(record, augmented=augmented))
    assert "What the model saw" in markup
    assert markup.count("data:image/jpeg") == 2 * EPOCHS
    assert "&lt;ant&gt;" in markup
    assert "<ant>" not in markup
    assert "What the model saw" not in page_markup(record)
