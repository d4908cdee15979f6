"""Turns bytes into files that are there whole or not at all, whenever the power goes, and whoever else writes there."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_through(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it; its name survives a power cut once its folder is flushed."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename it there: whoever reads it finds the old content or the new one."""
    staged = path.with_name(f".{path.name}.part")
    try:
        write_through(staged, content)
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make the folder's entries themselves survive a power cut (see fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, operation: int) -> Iterator[None]:
    """Hold an advisory lock (`fcntl.LOCK_…`); the kernel lets go of it when the process dies, however it dies.

    Args:
        path: a folder, or a file that is made where it is missing (network file systems lock only files).
        operation: `fcntl.LOCK_EX` and the like.

    Raises:
        BlockingIOError: with `fcntl.LOCK_NB`, where somebody else holds it.
    """
    how = os.O_RDONLY | os.O_DIRECTORY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, how, 0o666)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)
