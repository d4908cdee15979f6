"""Turns lines of a log into writes to a file descriptor, without whoever logs ever having to wait for the log's reader.

A thread writes, a twentieth of a second later and many lines at once. A reader that is slow, or gone, or a full disk
loses lines, which are counted; it never holds up an answer, nor the end of the process for more than a second.
"""

import atexit
import logging
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

log = logging.getLogger("convscope")

_DELAY = 0.05
"""Seconds that the first line waits for others."""

_MOST = 20_000
"""Lines that wait for the reader, a few megabytes; more are dropped."""

_AT_ONCE = 64 * 1024
"""Bytes in a write."""

_UNBROKEN = select.PIPE_BUF if sys.platform != "win32" else 512
"""Bytes that a pipe takes whole, so that lines of several processes never mix."""

_PATIENCE = 1.0
"""Seconds that the end of the process waits for the log's reader."""


class Lines:
    """Lines on their way to a file descriptor; any thread may write."""

    def __init__(self, descriptor: int, *, alone: bool = True) -> None:
        """Begin; a thread is started with the first line.

        Args:
            descriptor: of a file, a pipe, a socket or a terminal; it stays open.
            alone: no other process writes there.
        """
        self.on_drop: Callable[[int], None] = lambda _: None
        """Called with a number of lines that were dropped; from any thread."""
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._at_once = _AT_ONCE if alone or stat.S_ISREG(os.fstat(descriptor).st_mode) else _UNBROKEN
        self._thread: threading.Thread | None = None
        self._is_told = False
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._is_writing = self._is_torn = False
        self._dropped = 0
        """Lines since the log was last told that there are any."""

    def write(self, line: bytes) -> None:
        """Have a line written, with its newline, or drop it where too many wait."""
        if len(self._waiting) >= _MOST:
            self._drop(1)
            return
        self._waiting.append(line)
        if not self._is_told:
            self._is_told = True
            self._wake.set()
            if self._thread is None:
                self._start()

    def flush(self) -> None:
        """Return when all that was written is with its reader, or after a second."""
        until = time.monotonic() + _PATIENCE
        self._hurry.set()
        while (self._waiting or self._is_writing) and time.monotonic() < until:
            self._wake.set()
            time.sleep(0.002)
        self._hurry.clear()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.flush)

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._hurry.wait(_DELAY)
            self._is_writing = True
            self._wake.clear()
            self._is_told = False
            self._drain()
            self._is_writing = False

    def _drain(self) -> None:
        """Write all that waits, as many lines at once as may be."""
        lines: list[bytes] = []
        size = 0
        for _ in range(len(self._waiting)):
            line = self._waiting.popleft()
            if lines and size + len(line) > self._at_once:
                self._put(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        if lines:
            self._put(lines)

    def _put(self, lines: list[bytes]) -> None:
        content = memoryview(b"".join([b"\n" * self._is_torn, *lines]))
        try:
            while content:
                content = content[os.write(self._descriptor, content) :]
                self._is_torn = bool(content)
        except OSError:  # the reader is gone, or the disk is full; the next lines are tried all the same
            self._drop(len(lines))
        else:
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                log.warning("%d lines of this log were dropped: nobody took them in time", dropped)

    def _drop(self, lines: int) -> None:
        self._dropped += lines
        self.on_drop(lines)
