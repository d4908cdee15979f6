"""Fits the libraries that decode pictures to a server: quiet, and refusing what is too large before it takes memory.

A TIFF of two kilobytes can make libtiff write ten of them to the terminal, past every logger. A GIF of fifty bytes can
make Pillow fill a frame of 179 million pixels while it reads the header.
"""

import ctypes
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image, _imaging  # the second brings libtiff along


@contextmanager
def fitted_decoders(max_pixels: int) -> Iterator[None]:
    """Have decoders fitted to a server meanwhile. They belong to the whole process, so a last service's word counts.

    Args:
        max_pixels: of a picture.
    """
    _silence()
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = (max_pixels + 1) // 2  # Pillow warns of more than that, and refuses twice as many
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _silence() -> None:
    """For the rest of the process: `decode` refuses by name what matters of what they say."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    with suppress(OSError, AttributeError):  # elsewhere than on Linux, or a Pillow without libtiff: so be it
        for path in _find_loaded("libtiff"):
            # Source: TIFFError(3tiff): no handler, no message.
            ctypes.CDLL(path).TIFFSetErrorHandler(None)


def _find_loaded(name: str) -> set[str]:
    """The files of that name that the process has loaded; see proc(5)."""
    assert _imaging  # noqa: S101 - loaded with what it needs
    lines = (line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines())
    return {line[5] for line in lines if len(line) == 6 and Path(line[5]).name.startswith(name)}
