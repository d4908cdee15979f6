"""Turns a running service and something that goes wrong into what became of its requests.

    python -m benchmarks.faults                   everything that this machine can do
    python -m benchmarks.faults stop kill idle    some of it

Clocks need libfaketime (LIBFAKETIME=/path/to/libfaketime.so.1), disks the right to mount.
"""

import asyncio
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

from benchmarks.crowd import Crowd, allow_connections, ask, time_requests
from benchmarks.material import ROOT, convscope, plain_environment
from benchmarks.processes import find_tree, read_cpu, read_memory
from benchmarks.server import find_ports

_CONNECTIONS = 32
_IDLE = 10_000
_SLOW = 1_000

_LISTENING = "0A"
"""The state of such a socket in /proc/net/tcp."""


class Service:
    """One that runs."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port, self.process = port, process

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; what it exits with."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, 60)

    def workers(self) -> set[int]:
        """The processes that it keeps."""
        return set(find_tree(self.process.pid)[1:])

    def count_listeners(self) -> int:
        """The sockets that accept connections at its address."""
        rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == _LISTENING for row in rows)


@contextlib.asynccontextmanager
async def serving(
    *options: str, before: str = "", output: str = "/dev/null", **settings: str
) -> AsyncIterator[Service]:
    """The published models; `before` is shell that comes first, `output` where what it says goes."""
    port = find_ports()
    command = " ".join(convscope("serve", "--port", str(port), *options))
    environment = plain_environment() | {f"CONVSCOPE_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(  # noqa: ASYNC220, S603
        ["sh", "-c", f"{before} exec {command} >{output} 2>&1"],  # noqa: S607
        cwd=ROOT,
        env=environment,
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError, EOFError):
                if await ask(port, "/v2/health/ready") == 200:
                    break
            await asyncio.sleep(0.05)
        yield Service(port, process)
    finally:
        process.kill()
        process.wait()


async def stop(workers: int, rounds: int = 20) -> str:
    """Told to stop while it is asked."""
    seen: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    for _ in range(rounds):
        async with serving("--workers", str(workers), DRAIN_SECONDS="1") as service:
            crowd = Crowd(service.port, _CONNECTIONS)
            await asyncio.sleep(1 + random.random() / 10)  # noqa: S311 - any moment will do
            codes[await service.stop()] += 1
            seen += await crowd.leave()
    return f"{workers} workers, stopped {rounds} times at {_CONNECTIONS} connections: {dict(seen)}, exits {dict(codes)}"


async def kill(rounds: int = 10) -> str:
    """One worker of two is killed, again and again."""
    lost, answered, back = [], 0, []
    async with serving("--workers", "2") as service:
        for _ in range(rounds):
            await until(lambda: service.count_listeners() == 2)
            crowd = Crowd(service.port, _CONNECTIONS)
            await asyncio.sleep(2)
            began = time.perf_counter()
            os.kill(random.choice(sorted(service.workers())), signal.SIGKILL)  # noqa: S311
            await until(lambda: service.count_listeners() == 1)
            await until(lambda: service.count_listeners() == 2)
            back.append(time.perf_counter() - began)
            await asyncio.sleep(1)
            seen = await crowd.leave()
            lost.append(seen.total() - seen["200"])
            answered += seen["200"]
            await asyncio.sleep(10)  # a worker that has lived for so long is replaced at once
    return (
        f"SIGKILL of a worker of two, {rounds} times at {_CONNECTIONS} connections: lost {lost}, {answered:,} answered;"
        f" back after {statistics.median(back):.1f} s, at most {max(back):.1f}"
    )


async def until(holds: Callable[[], bool]) -> None:
    """Return when something holds that other processes do."""
    while not holds():  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def idle() -> str:
    """Ten thousand connections on which nothing happens: half have asked once, half never."""
    async with serving(CLIENT_SECONDS="600", KEEP_ALIVE_SECONDS="600") as service:
        before, memory = await time_requests(service.port, 2000), read_memory([service.process.pid]).rss
        writers = []
        for number in range(_IDLE):
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            if number % 2:
                writer.write(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readuntil(b"}")
            writers.append(writer)
        cpu, began = read_cpu([service.process.pid]), time.perf_counter()
        await asyncio.sleep(5)
        share = (read_cpu([service.process.pid]) - cpu) / (time.perf_counter() - began)
        after, grown = await time_requests(service.port, 2000), read_memory([service.process.pid]).rss - memory
        for writer in writers:
            writer.close()
    return (
        f"{_IDLE:,} idle connections: p50 {before[0]:.2f} → {after[0]:.2f} ms, p99 {before[1]:.2f} → {after[1]:.2f} ms"
        f" on a new connection each; {grown * 1024 / _IDLE:.1f} KiB a connection, {share:.1%} of a core"
    )


async def slow() -> str:
    """Clients that send a byte a second, of a head or a body."""
    closed: list[float] = []

    async def dawdle(port: int, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.perf_counter()
        head = b"POST /v1/models/digits/predict HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n"
        writer.write(head + (b"\r\n" if number % 2 else b"X: "))
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"x")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 1)
                    break
        closed.append(time.perf_counter() - began)
        writer.close()

    async with serving(CLIENT_SECONDS="5") as service:
        before = await time_requests(service.port, 1000)
        clients = [asyncio.create_task(dawdle(service.port, number)) for number in range(_SLOW)]
        await asyncio.sleep(1)
        during = await time_requests(service.port, 1000)
        await asyncio.gather(*clients)
    return (
        f"{_SLOW:,} clients that send a byte a second: p99 {before[1]:.2f} → {during[1]:.2f} ms; closed after"
        f" {min(closed):.1f} to {max(closed):.1f} s, the limit being 5"
    )


async def descriptors() -> str:
    """More connections than there are descriptors."""
    async with serving(before="ulimit -n 400;") as service:
        others = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(600)]
        cpu = read_cpu([service.process.pid])
        await asyncio.sleep(3)
        share = (read_cpu([service.process.pid]) - cpu) / 3
        told = Counter([(await asyncio.wait_for(reader.read(12), 1))[9:].decode() for reader, _ in others[250:]])
        for _, writer in others:
            writer.close()
        await asyncio.sleep(0.5)
        status = await ask(service.port, "/v2/health/ready")
    return f"600 connections, 400 descriptors: {dict(told)} to the last 350, {share:.1%} of a core; then {status}"


async def clock() -> str:
    """The wall clock jumps by days while it is asked."""
    library = os.environ.get("LIBFAKETIME")
    if not library:
        return "clock: skipped, LIBFAKETIME isn't set"
    with tempfile.NamedTemporaryFile("w") as file:
        jump(file.name, "+0")
        fake = f"LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={file.name} FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1"
        before = f"export {fake};"
        async with serving(before=before, DRAIN_SECONDS="1", CLIENT_SECONDS="5") as service:
            crowd = Crowd(service.port, _CONNECTIONS)
            for offset in ("+3d", "-10d", "+300d", "-3000d", "+0"):
                await asyncio.sleep(2)
                jump(file.name, offset)
            await asyncio.sleep(2)
            began = time.perf_counter()
            code = await service.stop()
            seen = await crowd.leave()
    taken = time.perf_counter() - began
    return f"clock set on and back by up to 3,000 days: {dict(seen)}; stopped in {taken:.1f} s, exit {code}"


def jump(path: str, offset: str) -> None:
    """Set the clock of what reads that file."""
    Path(path).write_text(f"{offset}\n")


async def disk() -> str:
    """What it says goes to a disk that is full, and the models are on one that can't be written."""
    with tempfile.TemporaryDirectory() as folder:
        mount = (
            f"mkdir {folder}/full {folder}/models && mount -t tmpfs -o size=64k tmpfs {folder}/full"
            f" && mount --bind -o ro {ROOT}/models {folder}/models && mount -o remount,bind,ro {folder}/models"
            f" && ! dd if=/dev/zero of={folder}/full/rest bs=4k"
        )
        mounted = subprocess.run(["sh", "-c", mount], check=False, capture_output=True)  # noqa: ASYNC221, S603, S607
        try:
            if mounted.returncode:
                return "disk: skipped, nothing can be mounted here"
            settings = {"FEEDBACK": f"{folder}/full/feedback", "DRAIN_SECONDS": "0"}
            async with serving("--models", f"{folder}/models", output=f"{folder}/full/log", **settings) as service:
                crowd = Crowd(service.port, 8)
                await asyncio.sleep(3)
                kept = await ask(service.port, "/v1/models/digits/feedback?label=7", crowd.picture)
                live = await ask(service.port, "/v2/health/live")
                seen = await crowd.leave()
                code = await service.stop()
        finally:
            subprocess.run(["umount", f"{folder}/full", f"{folder}/models"], check=False)  # noqa: ASYNC221, S603, S607
    return f"full disk, read-only models: {dict(seen)}, feedback {kept}, live {live}, exit {code}"


async def start() -> str:
    """From the start of the program to the first answer that it is ready."""
    taken: dict[str, list[float]] = {"1": [], "2": []}
    for _ in range(7):
        for workers, times in taken.items():
            began = time.perf_counter()
            async with serving("--workers", workers):
                times.append(time.perf_counter() - began)
    return "ready after " + "; ".join(
        f"{statistics.median(times):.2f} s (most {max(times):.2f}) with {workers} worker(s)"
        for workers, times in taken.items()
    )


FAULTS: dict[str, tuple[Callable[[], Coroutine[object, object, str]], ...]] = {
    "start": (start,),
    "stop": (lambda: stop(1), lambda: stop(2)),
    "kill": (kill,),
    "idle": (idle,),
    "slow": (slow,),
    "descriptors": (descriptors,),
    "clock": (clock,),
    "disk": (disk,),
}


def main() -> None:
    """Do what is asked for, one after the other."""
    allow_connections()
    for name in sys.argv[1:] or FAULTS:
        for fault in FAULTS[name]:
            print(asyncio.run(fault()), flush=True)


if __name__ == "__main__":
    main()
