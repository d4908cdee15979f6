"""Lines reach whoever reads them, soon and whole, and nobody waits for a reader that doesn't read."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service.lines import Lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):
            os.close(end)


def test_a_line_comes_soon_without_being_fetched(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    lines = Lines(writing)
    lines.write(b"first\n")
    lines.write(b"second\n")
    assert os.read(reading, 100) == b"first\nsecond\n"
    lines.write(b"third\n")
    assert os.read(reading, 100) == b"third\n"


def test_a_slow_reader_is_not_waited_for_and_is_told_what_it_missed(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    reading, writing = pipe
    dropped: list[int] = []
    lines = Lines(writing, alone=False)
    lines.on_drop = dropped.append
    start = time.monotonic()
    for number in range(50_000):
        lines.write(b"%06d %s\n" % (number, b"x" * 200))
    assert time.monotonic() - start < 5
    received = bytearray()
    reader = threading.Thread(target=lambda: read_all(reading, received), daemon=True)
    reader.start()
    while len(received.splitlines()) + sum(dropped) < 50_000:
        assert time.monotonic() - start < 30
        time.sleep(0.02)
    lines.write(b"end\n")
    lines.flush()
    os.close(writing)
    reader.join()
    assert dropped
    *rows, end = received.splitlines()
    assert end == b"end"
    assert len(rows) + sum(dropped) == 50_000
    assert all(len(row) == 207 for row in rows)
    assert [int(row[:6]) for row in rows] == sorted(int(row[:6]) for row in rows)
    told = [int(number) for number in re.findall(r"(\d+) lines of this log were dropped", caplog.text)]
    assert sum(told) == sum(dropped)


def read_all(reading: int, received: bytearray) -> None:
    while some := os.read(reading, 1 << 16):
        received += some


def test_a_reader_that_is_gone_and_a_full_disk_cost_lines_and_nothing_else(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    full = os.open("/dev/full", os.O_WRONLY)
    for descriptor in (writing, full):
        dropped: list[int] = []
        lines = Lines(descriptor)
        lines.on_drop = dropped.append
        for _ in range(10):
            lines.write(b"a line\n")
        lines.flush()
        assert sum(dropped) == 10
    os.close(full)


def test_a_line_that_was_torn_does_not_spoil_the_next(tmp_path: Path) -> None:
    """The limit of a file's size is a disk that is full in the midst of a line, and has room again later."""
    program = """
import os, resource, sys
from service.lines import Lines
lines = Lines(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
resource.setrlimit(resource.RLIMIT_FSIZE, (15, resource.RLIM_INFINITY))
lines.write(b"one line\\n"), lines.flush()
lines.write(b"another line\\n"), lines.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
lines.write(b"the third line\\n"), lines.flush()
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "log")], check=True)
    assert (tmp_path / "log").read_bytes() == b"one line\nanothe\nthe third line\n"


def test_a_process_that_ends_loses_nothing() -> None:
    program = """
import sys
from service.lines import Lines
lines = Lines(1)
for number in range(5000):
    lines.write(b"%d\\n" % number)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert [int(line) for line in ended.stdout.splitlines()] == list(range(5000))


def test_a_process_ends_though_nobody_reads(pipe: tuple[int, int]) -> None:
    program = "from service.lines import Lines\nlines = Lines(1)\nfor _ in range(5000): lines.write(b'x' * 100)"
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", program], stdout=pipe[1], check=True, timeout=20)
    assert time.monotonic() - start < 10
