import json
import shutil

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from headstart.errors import InputError, UnknownNameError
from headstart.features.encoder import Encoder


@pytest.fixture
def paths(photos):
    return sorted(str(path) for path in photos.glob("*/*.png"))


def computed(encoder, examples):
    return encoder.encode(examples).n_computed


@pytest.fixture
def cached(tmp_path):
    def make(**settings):
        return Encoder("efficientnet_lite0", cache=tmp_path / "cache", runtime="openvino", **settings)

    return make


def test_what_was_computed_once_is_not_computed_again(cached, paths, tmp_path):
    first = cached().encode(paths[:10])
    assert first.n_computed == 10
    again = cached().encode(list(reversed(paths[:10])))
    assert again.n_computed == 0
    np.testing.assert_array_equal(again.features[::-1], first.features)
    copy = tmp_path / "another name.png"
    shutil.copy(paths[0], copy)
    assert computed(cached(), [copy, *paths[:12]]) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"resolution": 128},
        {"window": "squash"},
        {"layer": "blocks.3"},
        {"layer": "blocks.3", "pooling": "max"},
        {"augmentation": "flip", "view": 1},
        {"augmentation": "crop_flip", "view": 1},
        {"precision": "auto"},
    ],
)
def test_everything_that_decides_features_decides_the_cache_key(cached, paths, settings):
    assert computed(cached(), paths[:2]) == 2
    assert computed(cached(**settings), paths[:2]) == 2
    assert computed(cached(**settings), paths[:2]) == 0


def test_the_seed_of_a_random_view_decides_and_that_of_the_plain_view_does_not(cached, paths):
    assert computed(cached(augmentation="crop_flip", view=1, random_state=0), paths[:1]) == 1
    assert computed(cached(augmentation="crop_flip", view=1, random_state=1), paths[:1]) == 1
    assert computed(cached(augmentation="crop_flip", view=0, random_state=0), paths[:1]) == 1
    assert computed(cached(random_state=7), paths[:1]) == 0


def test_a_mirrored_view_is_the_features_of_the_mirrored_picture(paths):
    from PIL import Image

    picture = np.asarray(Image.open(paths[0]).convert("RGB").resize((224, 224)))
    spec = {"runtime": "openvino", "cache": False, "resolution": 224, "window": "squash"}
    mirrored = Encoder(augmentation="flip", view=1, **spec).transform([picture])
    np.testing.assert_allclose(mirrored, Encoder(**spec).transform([picture[:, ::-1]]), atol=1e-5)


def test_untrained_weights_differ_and_are_always_the_same(paths):
    rows = [
        Encoder("efficientnet_lite0@random", runtime="openvino", cache=False).transform(paths[:2]) for _ in range(2)
    ]
    np.testing.assert_array_equal(*rows)
    assert not np.allclose(rows[0], Encoder(runtime="openvino", cache=False).transform(paths[:2]))


def test_paths_arrays_and_bytes_are_the_same_picture(paths):
    from pathlib import Path

    from PIL import Image

    encoder = Encoder(runtime="openvino", cache=False)
    array = np.asarray(Image.open(paths[0]).convert("RGB"))
    rows = encoder.transform([paths[0], Path(paths[0]), array, Path(paths[0]).read_bytes()])
    np.testing.assert_allclose(rows, np.repeat(rows[:1], 4, axis=0), atol=1e-5)


def test_an_unreadable_example_is_named_or_reported(cached, paths, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="position 1"):
        cached().transform([paths[0], bad])
    found = cached().encode([paths[0], bad, tmp_path / "missing.png"], keep_going=True)
    assert set(found.problems) == {1, 2}
    assert not found.features[1:].any()
    np.testing.assert_array_equal(found.features[:1], cached().transform(paths[:1]))


def test_it_is_a_transformer_among_others(cached, paths):
    labels = [path.split("/")[-2] for path in paths]
    encoder = clone(cached()).set_params(n_components=8)
    assert encoder.get_feature_names_out().tolist()[:1] == ["efficientnet_lite0_0"]
    pipeline = make_pipeline(encoder, LogisticRegression())
    assert cross_val_score(pipeline, paths, labels, cv=3).mean() > 0.9
    assert len(pipeline.fit(paths, labels).predict(paths)) == len(paths)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"backbone": "efficientnet_lite9"}, UnknownNameError, "Did you mean"),
        ({"layer": "no.such"}, UnknownNameError, "layer"),
        ({"precision": "fp64"}, UnknownNameError, "precision"),
        ({"runtime": "tensorrt"}, UnknownNameError, "Runtime"),
        ({"window": "left"}, UnknownNameError, "window"),
        ({"resolution": 3}, InputError, "between 16 and 2048"),
        ({"augmentation": "rotate"}, UnknownNameError, "View"),
    ],
)
def test_wrong_settings_are_told(paths, settings, error, words):
    with pytest.raises(error, match=words):
        Encoder(**{"cache": False, **settings}).fit(paths[:2]).transform(paths[:2])


def test_a_single_path_is_not_taken_for_a_list(paths):
    with pytest.raises(InputError, match="Put it into a list"):
        Encoder(cache=False).transform(paths[0])


def test_too_many_components_are_refused(cached, paths):
    with pytest.raises(InputError, match="between 1 and 4"):
        cached(n_components=5).fit(paths[:4])


def test_classic_features_need_no_runtime(paths):
    rows = Encoder("colour_histogram", cache=False).transform(paths[:20])
    assert rows.shape[0] == 20
    assert np.isfinite(rows).all()
    alone = Encoder("colour_histogram", cache=False).transform(paths[19:20])
    np.testing.assert_array_equal(alone, rows[19:20])


def test_the_choice_of_a_runtime_is_decided_once_and_replayed(tmp_path, monkeypatch):
    from headstart.features import encoding

    journal = {}

    def decide(name, choose):
        if name not in journal:
            journal[name] = json.loads(json.dumps(choose()))
        return journal[name]

    pictures = [np.full((40, 40, 3), 40 * n, np.uint8) for n in range(4)]
    encoder = Encoder("efficientnet_lite0", cache=tmp_path / "first")
    first = encoder.encode(pictures, decide=decide)
    [name] = journal
    assert name.startswith("runtime:efficientnet_lite0:")
    monkeypatch.setattr(encoding, "choose_runtime", lambda *args, **settings: pytest.fail("measured again"))
    again = Encoder("efficientnet_lite0", cache=tmp_path / "second").encode(pictures, decide=decide)
    assert again.choice == first.choice
    np.testing.assert_array_equal(again.features, first.features)
