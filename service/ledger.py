"""Turns named numbers of one process into memory that other processes can read, also after it has died.

Each worker process writes a ledger of its own, so adding to a number takes no lock and no system call; whoever is asked
for the sums reads them all. A ledger is locked for as long as its process lives. One that isn't belongs to a dead
process: its sums still count, and the next process that starts goes on writing in it.

    header       4 int64: mark, process, bytes of names, numbers in use
    names        a JSON line for each group of numbers: [name, place of the first one, label, label, …]
    numbers      float64
"""

import errno
import mmap
import os
import shutil
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    Numbers = memoryview[float]
else:
    Numbers = memoryview

_HEADER = struct.Struct("4q")
_NAMES = 384 * 1024
_NUMBERS = 32 * 1024
"""Bytes for names, and numbers: for about 1,500 groups of 20, a hundred times as many as a usual service has."""

_FIRST = 64 + _NAMES
"""Byte of the first number."""

_SIZE = _FIRST + 8 * _NUMBERS

_IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made in it

_MARK, _PROCESS, _NAMED, _USED = range(4)
"""Places in the header."""


class Group(NamedTuple):
    """Numbers next to each other that have a name and labels in common."""

    name: str
    labels: tuple[str, ...]
    at: int
    """The place of the first one."""


class Reading(NamedTuple):
    """What one ledger holds."""

    worker: str
    """The ledger's file name: 0, 1 …"""
    process: int
    is_alive: bool
    groups: list[Group]
    numbers: Numbers


@contextmanager
def keep_ledgers() -> Iterator[Path | None]:
    """A folder for the ledgers of several processes, in memory where the system has such a place; gone in the end.

    None where there is room for it nowhere.
    """
    for place in (_IN_MEMORY, None):
        try:
            folder = tempfile.mkdtemp(prefix="convscope-", dir=place)
        except OSError:
            continue
        try:
            yield Path(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    yield None


class Ledger:
    """The numbers of this process."""

    def __init__(self, folder: Path | None, mark: int) -> None:
        """Begin, or go on with a dead process's.

        Args:
            folder: where the ledgers of all worker processes lie; None: nobody else is to read this one.
            mark: of what the numbers mean; a ledger with another mark is left alone.

        Raises:
            OSError: the folder can't be written, or is full.
        """
        self.folder = folder
        self._lock = threading.Lock()
        self._file = -1
        self._memory: mmap.mmap | bytearray = bytearray(_SIZE) if folder is None else self._open(folder, mark)
        view = memoryview(self._memory)
        self._header = view[: _HEADER.size].cast("q")
        self._names = view[64:_FIRST]
        self.numbers = view[_FIRST:].cast("d")
        self.groups = _read_groups(self._memory)
        """That were claimed, by a dead process too."""
        self._header[_MARK], self._header[_PROCESS] = mark, os.getpid()

    def claim(self, name: str, labels: Sequence[str], size: int) -> int | None:
        """Set numbers aside, all 0; may be called from any thread.

        Args:
            name: that they have in common.
            labels: that tell them from others of that name.
            size: how many.

        Returns:
            The place of the first; None where there is no more room.
        """
        with self._lock:
            at, end = self._header[_USED], self._header[_NAMED]
            line = orjson.dumps([name, at, *labels]) + b"\n"
            if at + size > _NUMBERS or end + len(line) > _NAMES:
                return None
            self._names[end : end + len(line)] = line
            self._header[_USED] = at + size
            self._header[_NAMED] = end + len(line)  # last: from now on others see it
            return at

    def read_all(self) -> Iterator[Reading]:
        """What all ledgers hold, this one's among them; may be called from any thread."""
        if self.folder is None:
            yield Reading("0", os.getpid(), True, _read_groups(self._memory), self.numbers)
            return
        for path in sorted(self.folder.iterdir()):
            if path.name.isdecimal() and (reading := _read(path, self._header[_MARK])) is not None:
                yield reading

    def _open(self, folder: Path, mark: int) -> mmap.mmap:
        """The first ledger that nobody writes, or a new one."""
        for number in count():
            file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _lock(file, for_writing=True):
                try:
                    if os.fstat(file).st_size != _SIZE:
                        _fill(file)
                    memory = mmap.mmap(file, _SIZE)
                except OSError:
                    os.close(file)
                    raise
                if _HEADER.unpack_from(memory)[_MARK] in {0, mark}:
                    self._file = file  # kept open: closing it gives the lock back
                    return memory
                memory.close()
            os.close(file)
        raise AssertionError  # count() doesn't end


def _fill(file: int) -> None:
    """Set the bytes aside now: where a disk is full, writing to memory that has no place on it would end the process.

    Raises:
        OSError: it is full.
    """
    if os.write(file, bytes(_SIZE)) != _SIZE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read(path: Path, mark: int) -> Reading | None:
    """A ledger's content; None where it is being made, or can't be understood."""
    with suppress(OSError), path.open("rb") as file:
        is_alive = not _lock(file.fileno(), for_writing=False)
        content = file.read()
        if len(content) == _SIZE and _HEADER.unpack_from(content)[_MARK] == mark:
            numbers = memoryview(content)[_FIRST:].cast("d")
            process = _HEADER.unpack_from(content)[_PROCESS]
            return Reading(path.name, process, is_alive, _read_groups(content), numbers)
    return None


def _read_groups(content: mmap.mmap | bytearray | bytes) -> list[Group]:
    named = _HEADER.unpack_from(content)[_NAMED]
    lines = bytes(content[64 : 64 + named]).splitlines()
    return [Group(name, tuple(labels), at) for name, at, *labels in map(orjson.loads, lines)]


def _lock(file: int, *, for_writing: bool) -> bool:
    """Take the lock, unless a living process writes there. The system gives it back when the file is closed."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if for_writing else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
