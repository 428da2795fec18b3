import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from headstart.data.audit import audit
from headstart.data.content_digest import content_digest
from headstart.data.near_duplicates import MAX_DISTANCE, _within, near_duplicates
from headstart.data.perceptual_hash import perceptual_hash, thumbnail
from headstart.data.split import Parts
from headstart.types import Dataset


def picture(seed, size=(240, 180)):
    """A smooth scene with some detail, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    fine = rng.normal(0, 6, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(coarse) * 0.8 + 20 + fine, 0, 255).astype(np.uint8))


def as_bytes(image, kind="PNG", **settings):
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


COPIES = {
    "half": lambda image: as_bytes(image.resize((120, 90), Image.Resampling.LANCZOS)),
    "jpeg": lambda image: as_bytes(image, "JPEG", quality=50),
    "webp": lambda image: as_bytes(image, "WEBP", quality=70),
    "brighter": lambda image: as_bytes(ImageEnhance.Brightness(image).enhance(1.05)),
    "softer": lambda image: as_bytes(ImageEnhance.Contrast(image).enhance(0.9)),
    "small jpeg": lambda image: as_bytes(image.resize((160, 120)), "JPEG", quality=75),
}


def test_arrays_bytes_and_paths_are_seen(tmp_path):
    array = np.asarray(picture(0))
    path = tmp_path / "照 片.png"
    picture(0).save(path)
    data = Dataset([array, path.read_bytes(), str(path), array.copy()])
    calls = []
    seen = audit(data, n_jobs=2, progress=lambda what, done, total: calls.append((what, done, total)))
    assert seen.duplicate_of.tolist() == [-1, -1, 1, 0]
    assert len(set(seen.near_group)) == 1
    assert seen.measures["width"].tolist() == [240] * 4
    assert seen.measures["height"].tolist() == [180] * 4
    assert seen.digest[2] == content_digest(path)
    assert seen.digest[0] == content_digest(array)
    assert calls[-1] == ("audit", 4, 4)
    with pytest.raises(ValueError, match="read-only"):
        seen.measures["width"][0] = 1


def test_the_digest_of_an_array_tells_shape_and_type_apart():
    array = np.zeros((4, 4), dtype=np.uint8)
    others = [array.reshape(2, 8), array.view(np.int8), array + 1]
    assert len({content_digest(a) for a in [array, *others]}) == 4
    assert content_digest(array.T) == content_digest(array)


def test_size_is_that_of_the_upright_picture_at_full_scale():
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = audit(Dataset([as_bytes(picture(0, (1600, 1200)), "JPEG", exif=exif)]))
    assert (seen.measures["width"][0], seen.measures["height"][0]) == (1200, 1600)


@pytest.mark.parametrize("kind", sorted(COPIES))
def test_copies_of_a_photograph_are_found_and_nothing_else(kind):
    photographs = [picture(seed) for seed in range(30)]
    inputs = [as_bytes(image) for image in photographs] + [COPIES[kind](image) for image in photographs]
    group = audit(Dataset(inputs)).near_group
    found = group[:30] == group[30:]
    assert found.sum() >= 28
    assert len(set(group)) == 60 - found.sum()


def test_flat_pictures_and_same_shapes_in_other_colours_are_no_copies():
    def disc(colour):
        y, x = np.mgrid[0:64, 0:64]
        pixels = np.full((64, 64, 3), 255, dtype=np.uint8)
        pixels[(x - 32) ** 2 + (y - 32) ** 2 < 400] = colour
        return pixels

    colours = [(200, 30, 30), (30, 120, 30), (30, 30, 220), (150, 60, 160)]
    # Two levels of one and the same pattern: correlated without a flaw, and yet nothing to be compared by.
    pattern = np.random.default_rng(0).integers(0, 2, (8, 8), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    flat = [np.full((64, 64), 10, dtype=np.uint8), pattern + 100, pattern + 180]
    seen = audit(Dataset([disc(c) for c in colours] + flat))
    assert len(set(seen.near_group)) == 7


def test_hash_neighbours_equal_those_of_all_pairs():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 60, dtype=np.uint64)
    flips = np.array(
        [sum(1 << int(b) for b in rng.choice(64, rng.integers(0, 9), replace=False)) for _ in range(300)],
        dtype=np.uint64,
    )
    hashes = np.concatenate([base, base[rng.integers(0, 60, 300)] ^ flips])
    distance = np.bitwise_count(hashes[:, None] ^ hashes[None])
    for most in (0, 2, 4, MAX_DISTANCE):
        expected = np.argwhere(np.triu(distance <= most, 1))
        np.testing.assert_array_equal(_within(hashes, most), expected)


def test_very_many_equal_pictures_stay_affordable():
    thumbnails = np.repeat(thumbnail(picture(0))[None], 3000, axis=0)
    pairs = near_duplicates(thumbnails, perceptual_hash(thumbnails))
    assert len(set(pairs.ravel())) == 3000
    assert len(pairs) < 10_000


def labelled(inputs, targets, **columns):
    return Dataset(inputs, targets, tuple(sorted({t for t in targets if t})), **columns)


def kinds(findings):
    return {finding.kind: finding for finding in findings}


def test_findings_name_duplicates_conflicts_and_leaks():
    one, two, three = (picture(seed) for seed in range(3))
    inputs = [as_bytes(one), as_bytes(two), as_bytes(one), COPIES["jpeg"](two), as_bytes(three)]
    data = labelled(inputs, ["a", "b", "b", "a", "a"], split=["train", "train", "test", "test", ""])
    seen = audit(data)
    found = kinds(seen.findings())
    assert found["exact_duplicates"].rows == (2,)
    assert found["near_duplicates"].rows == (1, 3)
    assert found["conflicting_labels"].rows == (0, 2)
    assert found["near_conflicting_labels"].rows == (1, 3)
    assert found["leak"].rows == (2,)
    assert found["near_leak"].rows == (3,)
    assert found["leak"].severity == "error"
    assert "'2' is '0'" in found["leak"].text
    assert seen.findings()[0].severity == "error"
    together = Parts(np.array([0, 2, 4]), np.array([1, 3]), "")
    assert not {"leak", "near_leak"} & set(kinds(seen.findings(together)))
    assert all("\n" not in finding.text for finding in seen.findings())


def test_findings_name_rare_classes_balance_and_sizes():
    inputs = [np.asarray(picture(seed)) for seed in range(13)] + [np.zeros((8, 8), dtype=np.uint8)]
    found = kinds(audit(labelled(inputs, ["a"] * 12 + ["b", None])).findings())
    assert found["rare_class"].rows == (12,)
    assert "1 class with fewer than two readable examples: 'b'" in found["rare_class"].text
    assert found["class_balance"].severity == "warning"
    assert found["tiny"].rows == (13,)
    assert "from 8 x 8 to 240 x 180" in found["sizes"].text
    even = kinds(audit(labelled(inputs[:4], ["a", "b"] * 2)).findings())
    assert even["class_balance"].severity == "note"
    assert "rare_class" not in even


def test_an_empty_data_set_has_nothing_to_tell():
    seen = audit(Dataset([]))
    assert seen.findings() == ()
    seen.require_readable()
