"""Starts the program as a person does: a process of its own, told to stop by signals."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = [sys.executable, "-m", "service"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """A running service, the address that it said it is at, and all that it said before."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "CONVSCOPE_DRAIN_SECONDS": "0", **environment},
    )
    try:
        assert process.stdout is not None
        said = ""
        while "Convscope is at" not in said:
            line = process.stdout.readline()
            assert line, f"the service ended: {said}"
            said += line
        found = re.search(r"http://localhost:\d+", said)
        assert found
        yield process, found.group(), said
    finally:
        process.kill()
        process.wait()
        process.stdout.close() if process.stdout else None
