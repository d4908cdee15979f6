"""Turns the bytes of an encoded picture into upright pixels, 0 to 255: header first, then what follows."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError, features
from simplejpeg import decode_jpeg

from service.choices import PictureLimits as PictureLimits  # noqa: PLC0414 - also to be had here
from service.errors import BodyTooLarge, DamagedPicture, NoPicture, PictureTooLarge, UnsupportedPictureFormat

Picture = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", *(["AVIF"] if features.check("avif") else []))
"""Pillow's names of what is read; its other decoders are never reached, so their faults can't be either."""

_PNG_HEAD = struct.Struct(">16xII5sII4s")
"""After signature, length and name: width, height, form, checksum; length and name of the next chunk."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_MODES = {b"\x08\0\0\0\0": "L", b"\x08\x02\0\0\0": "RGB"}
"""By depth, colour type, compression, filter, interlacing."""

_JPEG_SPACES = {"L": "GRAY", "RGB": "RGB"}

# Pillow and its codecs raise whatever their arithmetic on damaged data runs into, RuntimeError and struct.error among
# it: no list of exceptions is ever complete, so around them `Exception` is caught.


def decode(body: bytes, limits: PictureLimits) -> Picture:
    """Decode the first frame of a picture: EXIF orientation applied, transparency laid on white, any mode to RGB.

    Returns:
        (H, W, 3) uint8.

    Raises:
        RequestError: as `open_picture` and `load_picture`.
    """
    return np.asarray(load_picture(open_picture(body, limits)).convert("RGB"))


def open_picture(body: bytes, limits: PictureLimits) -> Image.Image:
    """Read a picture's header; its pixels are decoded by `load_picture`.

    Raises:
        NoPicture: the body is empty.
        BodyTooLarge, PictureTooLarge: over the limits.
        UnsupportedPictureFormat: the bytes are in none of `FORMATS`.
        DamagedPicture: the header can't be read.
    """
    if not body:
        raise NoPicture("the body is empty: send the picture itself, or a form with the field 'file'")
    if len(body) > limits.max_bytes:
        raise BodyTooLarge(f"the picture has {len(body):,} bytes; the limit is {limits.max_bytes:,}")
    picture = _open(body, limits)
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise PictureTooLarge(
            f"the picture has {width} x {height} = {width * height:,} pixels; the limit is"
            f" {limits.max_pixels:,}: send it smaller"
        )
    return picture


def decode_small_png(body: bytes, max_pixels: int) -> Image.Image | None:
    """Decode a PNG as most programs write it, grey or RGB bytes and nothing besides, in a third of the usual time.

    It is Pillow's own decoder that does it; what is passed by is reading chunk by chunk.
    Source: PNG specification, third edition, section 5.

    Returns:
        The picture, of mode L or RGB; None where it is anything else, which `open_picture` and `load_picture` are for.
    """
    if len(body) < _PNG_HEAD.size or not body.startswith(_PNG_SIGNATURE) or not body.endswith(_PNG_END):
        return None
    width, height, form, crc, length, kind = _PNG_HEAD.unpack_from(body)
    end = _PNG_HEAD.size + length
    if kind != b"IDAT" or end + 4 + len(_PNG_END) != len(body) or not 0 < width * height <= max_pixels:
        return None
    if zlib.crc32(body[12:29]) != crc or zlib.crc32(body[37:end]) != int.from_bytes(body[end : end + 4], "big"):
        return None
    mode = _PNG_MODES.get(form)
    try:
        return Image.frombytes(mode, (width, height), body[_PNG_HEAD.size : end], "zip", mode) if mode else None
    except Exception:  # noqa: BLE001 - see above
        return None


def load_picture(picture: Image.Image) -> Image.Image:
    """Decode the first frame, in the quickest way: as `load_with_pillow`, which says the rest."""
    plain = load_plain_jpeg(picture)
    return load_with_pillow(picture) if plain is None else Image.fromarray(plain)


def load_with_pillow(picture: Image.Image, least: int | None = None) -> Image.Image:
    """Decode the first frame: EXIF orientation applied, transparency laid on white.

    Args:
        picture: from `open_picture`, not yet loaded.
        least: pixels a side that are enough. A JPEG is decoded at a half, a quarter or an eighth of its size where that
            leaves as many: its blocks are made from fewer coefficients, which takes a part of the time.

    Returns:
        Of mode L where the picture is grey with 8 bits, else RGB.

    Raises:
        DamagedPicture: the header is fine, what follows is not.
    """
    try:
        if least is not None:
            picture.draft(None, (least, least))  # does nothing but to JPEGs
        picture.load()
        return _opaque(_upright(picture))
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise DamagedPicture(f"the {picture.format} data can't be decoded: {reason}") from error


def load_plain_jpeg(picture: Image.Image) -> Picture | None:
    """Decode a JPEG that is upright, grey or RGB, and without a fault, in a third of the usual time.

    It is the same libjpeg-turbo with the same settings, so the pixels are the same; Pillow takes its time around it.

    Args:
        picture: from `open_picture`, not yet loaded.

    Returns:
        (H, W) or (H, W, 3) uint8; None where it is anything else.
    """
    if picture.format != "JPEG" or picture.mode not in _JPEG_SPACES or not isinstance(picture, ImageFile.ImageFile):
        return None
    try:
        if not isinstance(picture.fp, io.BytesIO) or picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
        pixels: Picture = decode_jpeg(picture.fp.getvalue(), _JPEG_SPACES[picture.mode])
    except Exception:  # noqa: BLE001 - see above
        return None
    return pixels[..., 0] if picture.mode == "L" else pixels


def _open(body: bytes, limits: PictureLimits) -> Image.Image:
    try:
        return Image.open(io.BytesIO(body), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnsupportedPictureFormat(
            f"the bytes are no picture that can be read; send one of {', '.join(FORMATS)}"
        ) from error
    except Image.DecompressionBombError as error:
        raise PictureTooLarge(
            f"the picture has far more pixels than the limit, {limits.max_pixels:,}: send it smaller"
        ) from error
    except Exception as error:
        raise DamagedPicture(f"the picture's header can't be read: {error}") from error


def _upright(picture: Image.Image) -> Image.Image:
    """Apply the EXIF orientation. EXIF data too broken to be read says nothing about the pixels, so it is ignored."""
    if not picture.info:  # nothing but pixels in it, so no orientation either
        return picture
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # noqa: BLE001 - see above
        return picture


def _opaque(picture: Image.Image) -> Image.Image:
    """Convert any mode that Pillow decodes to L or RGB, transparency laid on white."""
    if picture.mode.startswith(("I", "F")):
        return _deep_grey(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        page = Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture.getchannel("A"))
        return page
    return picture if picture.mode in {"L", "RGB"} else picture.convert("RGB")


def _deep_grey(picture: Image.Image) -> Image.Image:
    """Grey of more than 8 bits to 8: Pillow's own `convert` would cut everything above 255 off.

    Integers are 16-bit (Pillow scales PNM to it) and keep their upper byte. Mode F (TIFF) has no fixed range: where
    nothing is above 1, 1 is white, else 255 is.
    """
    values = np.asarray(picture)
    if picture.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        grey = values * 255 if values.max() <= 1 else values
    else:
        grey = values.astype(np.int64) >> 8
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
