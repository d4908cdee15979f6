"""Turns files of pictures into the pixels that the network takes, through the service's own stages, on all cores."""

import errno
import hashlib
import stat
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.contract import PictureInput
from service.decode import Picture, PictureLimits, decode, open_picture
from service.errors import BodyTooLarge, NoPicture, RequestError
from service.preprocess import read_pixels

_LIMITS = PictureLimits()
"""The service's own: what it would refuse is not learnt from."""

_CHUNK = 16
"""Files that a thread takes at once."""


@dataclass(frozen=True)
class Reading:
    """What came of reading a file."""

    digest: str = ""
    """sha256 of its content, in hexadecimal; empty where it couldn't be read as a picture."""
    reason: str = ""
    """Why it couldn't be, on one line."""


def decode_files(
    paths: Sequence[Path], spec: PictureInput, workers: int
) -> tuple[NDArray[np.uint8], tuple[Reading, ...]]:
    """Read, hash, decode and resize each file once.

    Threads are enough: Pillow and hashlib let go of the interpreter while they work.

    Args:
        paths: the files.
        spec: the form that the network takes.
        workers: threads.

    Returns:
        (n, h, w, c) uint8, zeros where a file couldn't be read; and what came of each file.
    """
    pictures = np.zeros((len(paths), spec.height, spec.width, spec.channels), np.uint8)

    def read(at: int) -> Reading:
        digest, pictures[at] = read_picture(paths[at], spec)
        return Reading(digest)

    return pictures, _read_each(read, len(paths), workers)


def check_files(paths: Sequence[Path], workers: int) -> tuple[Reading, ...]:
    """Read, hash and decode each file, and keep no pixels: which of them are pictures?"""

    def read(at: int) -> Reading:
        content = read_content(paths[at])
        decode(content, _LIMITS)
        return Reading(_digest(content))

    return _read_each(read, len(paths), workers)


def read_picture(path: Path, spec: PictureInput) -> tuple[str, Picture]:
    """One file's sha256 and its (h, w, c) uint8 pixels.

    Raises:
        OSError: it can't be read.
        RequestError: it is no picture that the service takes.
    """
    content = read_content(path)
    return _digest(content), read_pixels(open_picture(content, _LIMITS), spec)


def read_content(path: Path) -> bytes:
    """A file's bytes, unless it is a device or too large: those are not even opened.

    Raises:
        OSError: it can't be read.
        RequestError: it can't be a picture that the service takes.
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if not about.st_size:
        raise NoPicture("the file is empty")
    if about.st_size > _LIMITS.max_bytes:
        raise BodyTooLarge(f"the file has {about.st_size:,} bytes; the limit is {_LIMITS.max_bytes:,}")
    return path.read_bytes()


def explain(error: OSError | RequestError) -> str:
    """Why a file couldn't be read, on one line and without its path."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def ignore_oddities() -> None:
    """Silence what Pillow says of odd but readable files, as `service.app` does: thousands may have the same quirk."""
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def _read_each(read: Callable[[int], Reading], count: int, workers: int) -> tuple[Reading, ...]:
    def read_chunk(start: int) -> list[Reading]:
        return [_try(read, at) for at in range(start, min(start + _CHUNK, count))]

    # Around the threads, not in them: filters are the whole process's.
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as threads:
        ignore_oddities()
        return tuple(reading for chunk in threads.map(read_chunk, range(0, count, _CHUNK)) for reading in chunk)


def _try(read: Callable[[int], Reading], at: int) -> Reading:
    try:
        return read(at)
    except (OSError, RequestError) as error:
        return Reading(reason=explain(error))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
