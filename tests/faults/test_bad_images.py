import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from headstart.data.audit import audit
from headstart.data.content_digest import content_digest
from headstart.data.image_file import open_image
from headstart.errors import InputError
from headstart.types import Dataset


def noise(seed=0, size=(64, 48)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def encoded(image, kind, **settings):
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


def png_that_claims(width, height):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_refused(tmp_path, kind, share):
    data = encoded(noise(), kind)
    path = tmp_path / "cut.img"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="truncated|damaged") as caught:
        open_image(path)
    assert "cut.img" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_jpeg_at_a_reduced_scale():
    data = encoded(noise(size=(800, 600)), "JPEG")
    with pytest.raises(InputError, match="truncated"):
        open_image(data[:-2000], min_side=60)


def test_empty_missing_folder_and_text(tmp_path):
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.png.*is empty \(0 bytes\)"):
        open_image(empty)
    with pytest.raises(InputError, match=r"is empty \(0 bytes\)"):
        open_image(b"")
    with pytest.raises(InputError, match="does not exist"):
        open_image(tmp_path / "absent.png")
    with pytest.raises(InputError, match="is a folder"):
        open_image(tmp_path)
    with pytest.raises(InputError, match="no picture of a known kind"):
        open_image(b"%PDF-1.7 this is a document")
    with pytest.raises(InputError, match="cannot be read"):
        open_image(3.5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="no regular file"):
        open_image(tmp_path / "pipe.png")


@pytest.mark.parametrize("size", [(100_000, 100_000), (20_000, 10_001)])
def test_a_bomb_is_refused_by_its_header(size):
    with pytest.raises(InputError, match="decompression bomb"):
        open_image(png_that_claims(*size))


def test_a_large_honest_picture_passes_without_a_warning():
    # More pixels than the size from which Pillow warns.
    large = encoded(Image.new("L", (10_000, 9_100)), "PNG", compress_level=1)
    assert open_image(large).size == (10_000, 9_100)


def test_other_formats_that_pillow_knows_are_not_opened():
    for kind in ("ICO", "PCX", "TGA", "EPS"):
        with pytest.raises(InputError, match="no picture of a known kind"):
            open_image(encoded(noise(size=(32, 32)), kind))


def test_audit_lists_bad_files_and_goes_on(tmp_path):
    good = [tmp_path / f"{i}.png" for i in range(4)]
    for i, path in enumerate(good):
        noise(i).save(path)
    cut, empty, bomb = tmp_path / "cut.jpg", tmp_path / "empty.png", tmp_path / "bomb.png"
    cut.write_bytes(encoded(noise(9, (400, 300)), "JPEG")[:5000])
    empty.write_bytes(b"")
    bomb.write_bytes(png_that_claims(100_000, 100_000))
    bad = [cut, empty, bomb]
    seen = audit(Dataset([str(p) for p in [*good, *bad]], ids=[p.name for p in [*good, *bad]]))
    assert seen.readable.tolist() == [True] * 4 + [False] * 3
    assert "truncated" in seen.problem[4]
    assert seen.problem[5] == "is empty (0 bytes)"
    assert "decompression bomb" in seen.problem[6]
    assert list(seen.digest[4:]) == [b""] * 3
    assert seen.digest[0] == content_digest(str(good[0]))
    assert (seen.duplicate_of == -1).all()
    assert len(set(seen.near_group)) == 7
    seen.require_readable()
    with pytest.raises(InputError, match=r"got 3 unreadable of 7, the first: 'cut\.jpg' is truncated"):
        seen.require_readable(0.2)
    texts = [f.text for f in seen.findings() if f.kind == "unreadable"]
    assert len(texts) == 3
    assert any("'empty.png'" in text for text in texts)


def test_nothing_readable_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    seen = audit(Dataset([str(path), str(tmp_path / "absent.png")]))
    with pytest.raises(InputError, match="no readable file among 2"):
        seen.require_readable()
    assert any(f.kind == "unreadable" for f in seen.findings())
