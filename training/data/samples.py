"""Turns test pictures into a few files as a person would send them, which are published with the model."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.decode import FORMATS, PictureLimits, decode
from training.data.dataset import LabelledFile, Split
from training.data.decoding import read_content

_WANTED = 10
"""About so many samples where there are fewer labels."""

_LABELS = 12
"""At most so many labels have samples."""

_MAX_BYTES = 200_000
"""A larger file is encoded again, smaller."""

_MAX_SIDE = 512
"""Pixels, of a file that is encoded again."""

_EXTENSIONS = {"JPEG": "jpg", "MPO": "jpg", "TIFF": "tif"} | {
    name: name.lower() for name in ("PNG", "WEBP", "GIF", "BMP", "PPM", "AVIF")
}
"""By Pillow's name of the format: the content's, whatever the file is called. MPO is a JPEG with more behind it."""


def choose_samples(labels: NDArray[np.int64], count: int) -> list[int]:
    """Positions of the first pictures of each label, the labels in turn.

    Args:
        labels: (n,) of the test pictures.
        count: of labels.
    """
    shown = range(min(count, _LABELS))
    each = [np.flatnonzero(labels == label)[: max(1, _WANTED // len(shown))] for label in shown]
    turns = max(len(found) for found in each)
    return [int(found[turn]) for turn in range(turns) for found in each if turn < len(found)]


def picture_samples(test: Split, labels: Sequence[str]) -> tuple[LabelledFile, ...]:
    """Samples of pictures that came in no file of their own, as PNG."""
    return tuple(
        LabelledFile(encode_png(test.pictures[slice(at, at + 1)][0]), labels[test.labels[at]])
        for at in choose_samples(test.labels, len(labels))
    )


def file_sample(path: Path, label: str) -> LabelledFile:
    """A picture's own file, or a smaller one of the same picture where that is large.

    Raises:
        OSError: the file can't be read.
        RequestError: it is no picture.
    """
    content = read_content(path)
    pixels = decode(content, PictureLimits())
    with Image.open(io.BytesIO(content), formats=FORMATS) as picture:  # the header only
        format_ = str(picture.format)
    if len(content) <= _MAX_BYTES:
        return LabelledFile(content, label, _EXTENSIONS[format_])
    small = Image.fromarray(pixels)
    small.thumbnail((_MAX_SIDE, _MAX_SIDE))
    if format_ in {"PNG", "GIF", "BMP", "TIFF", "PPM"}:  # of a drawing, PNG is small and exact; of a photograph, large
        png = _encode(small, "PNG", optimize=True)
        if len(png) <= _MAX_BYTES:
            return LabelledFile(png, label)
    return LabelledFile(_encode(small, "JPEG", quality=85), label, "jpg")


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """(h, w) or (h, w, c) uint8 to PNG."""
    return _encode(Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture), "PNG", optimize=True)


def _encode(picture: Image.Image, format_: str, **options: bool | int) -> bytes:
    content = io.BytesIO()
    picture.save(content, format_, **options)
    return content.getvalue()
