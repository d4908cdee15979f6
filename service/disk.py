"""Turns bytes into files that are there whole or not at all, whenever the power goes, and whoever else writes there."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = ".lock"


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
def locked(folder: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Be the only one at a folder, or one of several that share it.

    The kernel lets go of the lock when the process dies, however it dies. A hidden file in the folder is locked:
    network file systems don't lock folders.

    Raises:
        BlockingIOError: somebody else holds it, and it wasn't to be waited for.
        OSError: the folder isn't there, or can't be written.
    """
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
