"""Open one picture as it is in the wild: whole or refused, upright, without alpha, 8 bits a channel."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.raw_file import UnreadableError, one_line, read_bytes, source_name

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_PIXELS = 200_000_000
"""More pixels than any camera gives; a picture that claims more is taken for a decompression bomb."""

IMAGE_SUFFIXES = frozenset(".jpg .jpeg .jpe .jfif .png .gif .webp .bmp .tif .tiff .ppm .pgm .pbm .pnm .avif".split())
"""File name endings, in lower case, that are taken for pictures."""

_ORIENTATION = 0x0112
_AVIF_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")


class UnreadableImageError(UnreadableError):
    """A picture is missing, empty, damaged, no picture, or too large.

    Args:
        source: the path, or a description of the bytes or array.
        reason: what is wrong, a predicate in words such as "is empty (0 bytes)".
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason, "open_image", "a whole picture")


def open_image(source: Any, *, min_side: int | None = None) -> Image:
    """The picture in mode "L" (plain grey) or "RGB": upright, on white, 8 bits, first frame of an animation.

    Args:
        source: a path, the bytes of a file, or an array (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), uint8 or
            float in 0..1.
        min_side: a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as its short side keeps this many pixels.

    Raises:
        UnreadableImageError: an :class:`InputError` of one line for anything that is not a whole, sane picture.
    """
    return open_sized(source, min_side=min_side)[0]


def open_sized(source: Any, *, min_side: int | None = None) -> tuple[Image, tuple[int, int]]:
    """Like :func:`open_image`, with the (width, height) the upright picture has at full scale."""
    if isinstance(source, np.ndarray):
        image = _from_array(source)
        return image, image.size
    try:
        data = source if isinstance(source, bytes | bytearray | memoryview) else read_bytes(source)
        if not len(data):
            raise _Reason("is empty (0 bytes)")
        return _decode(data, min_side)
    except UnreadableError as error:
        raise UnreadableImageError(error.source, error.reason) from error.__cause__
    except _Reason as reason:
        raise UnreadableImageError(source_name(source), str(reason)) from None


class _Reason(Exception):
    """Why a picture is refused, before it is known what to call it."""


def _decode(data: Any, min_side: int | None) -> tuple[Image, tuple[int, int]]:
    from PIL.Image import DecompressionBombError, DecompressionBombWarning

    try:
        image = _open_header(data)
        size = image.size
        if size[0] * size[1] > MAX_PIXELS:
            raise _Reason(
                f"claims {size[0]} x {size[1]} pixels, more than the {MAX_PIXELS:,} allowed (a decompression bomb?)"
            )
        if min_side is not None and image.format == "JPEG":
            image.draft(None, (min_side, min_side))
        image.load()
        # TIFF files turn themselves upright while they load.
        orientation = 1 if image.format == "TIFF" else _exif_orientation(image)
        full = image.size if image.format == "TIFF" else size[::-1] if orientation >= 5 else size
        return _eight_bit(_turned(image, orientation)), full
    except _Reason:
        raise
    except (DecompressionBombError, DecompressionBombWarning) as error:
        raise _Reason(f"has too many pixels ({one_line(error)})") from error
    except MemoryError as error:
        raise _Reason("does not fit into memory") from error
    except Exception as error:  # Pillow's plugins raise nearly every builtin on damaged files: all mean "not whole".
        raise _Reason(_damage(error)) from error


def _damage(error: Exception) -> str:
    text = one_line(error)
    lowered = text.lower()
    if "truncated" in lowered or "not enough" in lowered or isinstance(error, EOFError):
        return f"is truncated ({text})"
    return f"is damaged ({text})"


def _open_header(data: Any) -> ImageFile:
    # The plugins are called directly: Image.open warns about large pictures through the process-wide filters, tries
    # every format, and adopts multi-picture JPEGs, whose later pictures nobody asked for.
    head = bytes(data[:16])
    stream = BytesIO(data)
    if head.startswith(b"\xff\xd8\xff"):
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(stream)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        from PIL.PngImagePlugin import PngImageFile

        return PngImageFile(stream)
    return _open_rarer(head, stream)


def _open_rarer(head: bytes, stream: BytesIO) -> ImageFile:
    from PIL import BmpImagePlugin, GifImagePlugin, PpmImagePlugin, TiffImagePlugin, WebPImagePlugin

    if head.startswith((b"GIF87a", b"GIF89a")):
        return GifImagePlugin.GifImageFile(stream)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile(stream)
    if head.startswith((b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b")):
        return TiffImagePlugin.TiffImageFile(stream)
    if head.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile(stream)
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return PpmImagePlugin.PpmImageFile(stream)
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        from PIL.AvifImagePlugin import AvifImageFile

        return AvifImageFile(stream)
    raise _Reason("is no picture of a known kind (JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, AVIF)")


def _exif_orientation(image: Image) -> int:
    info = image.info
    if not ("exif" in info or "xmp" in info or "XML:com.adobe.xmp" in info or "Raw profile type exif" in info):
        return 1
    try:
        found = int(image.getexif().get(_ORIENTATION, 1))
        return found if 1 <= found <= 8 else 1
    except Exception:  # A damaged EXIF block says nothing about the pixels: the picture is taken as it lies.
        return 1


def _turned(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if turn is None else image.transpose(turn)


def _eight_bit(image: Image) -> Image:
    mode = image.mode
    if mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if mode == "F" or mode.startswith("I"):
        return _scaled(np.asarray(image), is_float=mode == "F")
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _on_white(image: Image) -> Image:
    from PIL.Image import new

    if image.mode in ("LA", "La", "L"):
        image = image.convert("LA")
        white = new("L", image.size, 255)
        white.paste(image.getchannel("L"), mask=image.getchannel("A"))
        return white
    image = image.convert("RGBA")
    white = new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image.getchannel("A"))
    return white


def _scaled(values: NDArray[Any], *, is_float: bool) -> Image:
    from PIL.Image import fromarray

    pixels: NDArray[Any] = values.astype(np.float64 if values.dtype.itemsize > 2 else np.float32)
    finite = np.isfinite(pixels)
    if not finite.all():
        pixels = np.where(finite, pixels, pixels[finite].min() if finite.any() else 0.0)
    low, high = float(pixels.min()), float(pixels.max())
    if not is_float and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    scaled = (pixels - low) * (255.0 / (high - low)) if high > low else np.zeros_like(pixels)
    return fromarray(np.rint(scaled).astype(np.uint8))


def _from_array(array: NDArray[Any]) -> Image:
    from PIL.Image import fromarray

    name = source_name(array)
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not is_picture or 0 in array.shape:
        hint = " (channels come last)" if array.ndim == 3 and array.shape[0] in (1, 3, 4) else ""
        raise UnreadableImageError(name, f"is not (h, w), (h, w, 1), (h, w, 3) or (h, w, 4){hint}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise UnreadableImageError(name, f"has more than the {MAX_PIXELS:,} pixels allowed")
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= -1e-6 and high <= 1 + 1e-6):
            raise UnreadableImageError(name, f"holds numbers from {low:g} to {high:g}, and floats must lie in 0..1")
        array = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise UnreadableImageError(name, "is neither uint8 nor float in 0..1")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    image = fromarray(np.ascontiguousarray(array))
    return _on_white(image) if image.mode == "RGBA" else image
