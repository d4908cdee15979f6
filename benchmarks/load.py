"""Turns messages and a server into a load, and wrk's words into figures: a closed loop on kept connections."""

import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.material import PEERS
from benchmarks.message import Message
from benchmarks.processes import Memory, watch_others
from benchmarks.server import NotServing, Server

_SAMPLING = 1.0
"""Seconds between two looks at a server's memory."""


@dataclass(frozen=True)
class Figures:
    """What a load came to."""

    requests_per_second: float
    """With a status under 400."""
    p50: float
    """Milliseconds, as `p99` and `max`; of all answers."""
    p99: float
    max: float
    answers: int
    refused: int
    """Of them with a status over 399."""
    broken: int
    """Connections that were, and requests that nobody answered in 30 seconds."""
    cpu_ms: float
    """Of the server's processes, per answer."""
    cores: float
    """That the server used."""
    rss: float
    """MiB, the most that was seen."""
    pss: float
    foreign: float
    """Cores that others on the machine used; what this load's sending took isn't in it."""


def put_under_load(server: Server, connections: int, seconds: int, messages: Sequence[Message] = ()) -> Figures:
    """Send for so long, each connection its next message when the last was answered.

    Args:
        server: to put under load.
        connections: at a time.
        seconds: to go on for.
        messages: sent in turn; none: the server's own.

    Raises:
        NotServing: wrk came to no result.
    """
    cpu = server.read_cpu()
    with tempfile.TemporaryDirectory() as folder, watch_memory(server) as seen:
        command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", str(PEERS / "post.lua"), server.address, "--"]
        command += _spell(messages or [server.message], Path(folder))
        with watch_others(lambda: time.process_time() + server.read_cpu() + children_cpu()) as foreign:
            output = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = [line.split()[1:] for line in output.splitlines() if line.startswith("RESULT")]
    if not found:
        raise NotServing(f"wrk came to no result: {output[-300:]}")
    answers, duration, p50, p99, longest, refused, broken, late = map(int, found[0])
    cpu = server.read_cpu() - cpu
    return Figures(
        requests_per_second=(answers - refused) / duration * 1e6,
        p50=p50 / 1e3, p99=p99 / 1e3, max=longest / 1e3,
        answers=answers, refused=refused, broken=broken + late,
        cpu_ms=cpu / max(1, answers) * 1e3, cores=cpu / duration * 1e6,
        rss=max(memory.rss for _, memory in seen), pss=max(memory.pss for _, memory in seen),
        foreign=foreign.cores,
    )  # fmt: skip


@contextmanager
def watch_memory(server: Server, every: float = _SAMPLING) -> Iterator[list[tuple[float, Memory]]]:
    """Look at a server's memory meanwhile: seconds since the beginning, and what it was; at least once."""
    seen: list[tuple[float, Memory]] = []
    over, started = threading.Event(), time.perf_counter()

    def look() -> None:
        while True:
            seen.append((time.perf_counter() - started, server.read_memory()))
            if over.wait(every):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def find_wrk() -> str:
    """Its path.

    Raises:
        SystemExit: it isn't installed.
    """
    if not (found := shutil.which("wrk")):
        raise SystemExit("wrk is missing, the program that makes the load: install your system's package `wrk`")
    return found


def _spell(messages: Sequence[Message], folder: Path) -> list[str]:
    """As `post.lua` reads them."""
    words: list[str] = []
    for number, message in enumerate(messages):
        body = folder / str(number)
        body.write_bytes(message.body)
        words += ["--"] if words else []
        words += [message.path, str(body), *(f"{name}: {value}" for name, value in message.headers.items())]
    return words


def children_cpu() -> float:
    """Seconds of processes that were started here and are over."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
