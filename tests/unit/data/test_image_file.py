import io

import numpy as np
import pytest
from PIL import Image, features

from headstart.data.image_file import open_image, open_sized
from headstart.errors import InputError


@pytest.fixture
def photo():
    y, x = np.mgrid[0:90, 0:120]
    pixels = np.stack([x * 2, y * 2, (x * y) % 256], axis=2).astype(np.uint8)
    return Image.fromarray(pixels)


def encoded(image, kind, **settings):
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_ordinary_pictures_equal_plain_pillow(photo, tmp_path, kind, mode):
    path = tmp_path / f"中文 照片 {kind}.bin"
    photo.convert(mode).save(path, kind)
    with Image.open(path) as plain:
        expected = plain.convert("RGB")
    opened = open_image(path)
    assert opened.mode == mode
    np.testing.assert_array_equal(pixels(opened.convert("RGB")), pixels(expected))
    assert open_image(str(path)).size == open_image(path.read_bytes()).size == (120, 90)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind, orientation):
    from PIL import ImageOps

    corner = np.full((48, 64, 3), 255, dtype=np.uint8)
    corner[:16, :16] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    settings = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(corner), kind, exif=exif, **settings)
    opened, size = open_sized(data)
    with Image.open(io.BytesIO(data)) as plain:
        expected = ImageOps.exif_transpose(plain).convert("RGB")
    assert size == opened.size == ((48, 64) if orientation >= 5 else (64, 48))
    np.testing.assert_array_equal(pixels(opened), pixels(expected))


def test_damaged_exif_leaves_the_picture_as_it_lies(photo):
    data = encoded(photo, "JPEG", exif=b"Exif\x00\x00garbage that is no TIFF block")
    assert open_image(data).size == (120, 90)


def test_alpha_is_flattened_on_white():
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[:, :2] = (200, 10, 20, 255)
    rgba[:, 2:] = (200, 10, 20, 0)
    half = np.array([[[0, 128]]], dtype=np.uint8)
    opened = open_image(encoded(Image.fromarray(rgba), "PNG"))
    assert opened.mode == "RGB"
    assert opened.getpixel((0, 0)) == (200, 10, 20)
    assert opened.getpixel((3, 0)) == (255, 255, 255)
    grey = open_image(encoded(Image.merge("LA", _planes(half)), "PNG"))
    assert grey.mode == "L"
    assert grey.getpixel((0, 0)) == 127


def _planes(array):
    return [Image.fromarray(np.ascontiguousarray(array[:, :, i])) for i in range(array.shape[2])]


def test_palette_with_transparency_and_without(photo):
    palette = photo.quantize(16)
    opened = open_image(encoded(palette, "PNG"))
    np.testing.assert_array_equal(pixels(opened), pixels(palette.convert("RGB")))
    index = palette.getpixel((0, 0))
    clear = open_image(encoded(palette, "PNG", transparency=index))
    assert clear.getpixel((0, 0)) == (255, 255, 255)
    levels = bytes([0 if i == index else 255 for i in range(16)])
    assert open_image(encoded(palette, "PNG", transparency=levels)).getpixel((0, 0)) == (255, 255, 255)


def test_colour_key_in_grey_and_rgb():
    grey = Image.fromarray(np.array([[7, 9]], dtype=np.uint8))
    assert pixels(open_image(encoded(grey, "PNG", transparency=7))).tolist() == [[255, 9]]
    assert open_image(encoded(grey.convert("RGB"), "PNG", transparency=(7, 7, 7))).getpixel((0, 0)) == (255, 255, 255)


def test_cmyk_and_one_bit_become_rgb(photo):
    cmyk = open_image(encoded(photo.convert("CMYK"), "JPEG", quality=95))
    assert cmyk.mode == "RGB"
    assert np.abs(pixels(cmyk) - pixels(photo)).mean() < 12
    bits = open_image(encoded(photo.convert("1"), "PNG"))
    assert bits.mode == "RGB"
    assert set(np.unique(pixels(bits))) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_to_eight(kind):
    deep = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    opened = open_image(encoded(Image.fromarray(deep), kind))
    assert opened.mode == "L"
    assert pixels(opened).tolist() == [[0, 1, 128, 255]]


def test_big_endian_and_signed_tiff():
    big = encoded(Image.frombytes("I;16B", (2, 1), b"\x00\x00\xff\xff"), "TIFF")
    assert pixels(open_image(big)).tolist() == [[0, 255]]
    signed = encoded(Image.fromarray(np.array([[-10, 0, 10]], dtype=np.int32)), "TIFF")
    assert pixels(open_image(signed)).tolist() == [[0, 128, 255]]


def test_floating_tiff_is_scaled_from_its_own_range():
    values = np.array([[-1.0, 0.0, 3.0, np.nan]], dtype=np.float32)
    opened = open_image(encoded(Image.fromarray(values), "TIFF"))
    assert pixels(opened).tolist() == [[0, 64, 255, 0]]
    flat = open_image(encoded(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF"))
    assert pixels(flat).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    opened = open_image(data)
    assert (opened.mode, opened.size) == ("RGB", (20, 10))
    assert np.abs(pixels(opened) - [255, 0, 0]).max() <= 2


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif(photo):
    data = encoded(photo, "AVIF", quality=95)
    with Image.open(io.BytesIO(data)) as plain:
        np.testing.assert_array_equal(pixels(open_image(data)), pixels(plain.convert("RGB")))


@pytest.mark.parametrize(
    ("min_side", "expected"),
    [(None, (1200, 900)), (900, (1200, 900)), (450, (600, 450)), (451, (1200, 900)), (100, (150, 113))],
)
def test_jpeg_is_decoded_at_a_scale_that_keeps_min_side(photo, min_side, expected):
    large = photo.resize((1200, 900))
    opened, size = open_sized(encoded(large, "JPEG"), min_side=min_side)
    assert opened.size == expected
    assert size == (1200, 900)
    assert open_image(encoded(large, "PNG"), min_side=min_side).size == (1200, 900)


def test_multi_picture_jpeg_gives_the_first(photo):
    data = encoded(photo, "MPO", save_all=True, append_images=[Image.new("RGB", (10, 10))])
    assert open_image(data, min_side=45).size == (60, 45)


def test_arrays():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert open_image(grey).mode == open_image(grey[:, :, None]).mode == "L"
    colour = np.stack([grey] * 3, axis=2)
    np.testing.assert_array_equal(pixels(open_image(colour)), colour)
    np.testing.assert_array_equal(pixels(open_image(colour / 255.0)), colour)
    np.testing.assert_array_equal(pixels(open_image(colour[:, ::-1])), colour[:, ::-1])
    clear = np.dstack([colour, np.zeros((3, 4), dtype=np.uint8)])
    assert (pixels(open_image(clear)) == 255).all()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros(5, dtype=np.uint8), "is not"),
        (np.zeros((3, 8, 8), dtype=np.uint8), "channels come last"),
        (np.zeros((0, 8), dtype=np.uint8), "is not"),
        (np.zeros((8, 8), dtype=np.int32), "neither uint8 nor float"),
        (np.full((8, 8), 2.0), "floats must lie in 0..1"),
        (np.full((8, 8), np.nan), "floats must lie in 0..1"),
    ],
)
def test_odd_arrays_are_refused(array, reason):
    with pytest.raises(InputError, match=reason):
        open_image(array)


def test_the_source_is_not_changed():
    array = np.random.default_rng(0).random((5, 5))
    before = array.copy()
    open_image(array)
    np.testing.assert_array_equal(array, before)
