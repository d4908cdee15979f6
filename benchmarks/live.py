"""Turns a service under steady load, whose versions change all the while, into what became of its requests.

    python -m benchmarks.live                 32 connections, 400 requests a second, one worker
    python -m benchmarks.live --workers 2

Ten versions are published, one of them damaged, with two rollbacks in between; then a publisher is killed at its work,
and the models folder is deleted. Every answer has to be right for the version that it names.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.material import ROOT, convscope
from benchmarks.message import Message
from benchmarks.server import find_ports

_CALM, _EVERY = 6.0, 2.0
"""Seconds before anything changes, and between two changes."""

_SWAP = 1.0
"""Seconds after a change that count as during it."""


_KEY = "benchmarks-own-key"

_PUBLISHER = """
import sys
from pathlib import Path
from service.publish import publish
from service.published import read_version
models = Path(sys.argv[1])
version = read_version(models / "digits" / "1")
samples = {f"samples/{sample.file}": (version.folder / "samples" / sample.file).read_bytes()
           for sample in version.evidence.samples}
publish(models, version.manifest, version.evidence, version.onnx, samples)
"""


@dataclass
class Seen:
    """What came back."""

    answers: list[tuple[float, float, int]] = field(default_factory=list)
    """When it was sent, in seconds from the beginning; seconds that it took; the version that answered."""
    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    changes: list[tuple[float, str]] = field(default_factory=list)


class Load:
    """Connections that each send by the clock, whatever the others do."""

    def __init__(self, port: int, body: bytes, expected: dict[int, str]) -> None:
        self._port, self._expected = port, expected
        head = f"Host: x\r\nContent-Type: image/png\r\nContent-Length: {len(body)}"
        self._request = (
            f"POST /v1/models/digits/predict?top_k=1 HTTP/1.1\r\nX-API-Key: {_KEY}\r\n{head}\r\n\r\n".encode() + body
        )
        self.seen = Seen()
        self.began = time.perf_counter()
        self.over = False

    def decide(self, what: str, body: bytes) -> None:
        """Promote or roll back, over the API."""
        headers = {"Content-Type": "application/json", "X-API-Key": _KEY}
        Message(f"/v1/models/digits/{what}", body, headers).send(f"http://127.0.0.1:{self._port}")

    async def run(self, connections: int, rate: float) -> None:
        """Send until it is over."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(connections):
                tasks.create_task(self._keep_sending(number / rate, connections / rate))

    async def _keep_sending(self, first: float, every: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        due = self.began + first
        while not self.over:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent, due = time.perf_counter(), max(due + every, time.perf_counter())
            try:
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                self._note(sent, int(head[9:12]), await reader.readexactly(length))
            except (OSError, EOFError) as error:
                self.seen.failures.append(f"{sent - self.began:.1f} s: {error!r}")
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.close()

    def _note(self, sent: float, status: int, content: bytes) -> None:
        if status != 200:
            self.seen.failures.append(f"{sent - self.began:.1f} s: {status} {content[:200]!r}")
            return
        answer = json.loads(content)
        version, label = answer["version"], answer["predictions"][0]["label"]
        if self._expected.get(version) != f"{label} {answer['predictions'][0]['probability']:.6f}":
            self.seen.wrong.append(f"{answer}")
        self.seen.answers.append((sent - self.began, time.perf_counter() - sent, version))


async def change(load: Load, models: Path, made: Path) -> None:
    """Publish, roll back, break, delete."""

    async def step(what: str, do: Callable[[], Awaitable[object] | object]) -> None:
        load.seen.changes.append((time.perf_counter() - load.began, what))
        done = do()
        if isinstance(done, Awaitable):
            await done
        await asyncio.sleep(_EVERY)

    await asyncio.sleep(_CALM)
    for number in range(3, 13):
        what = "publish, damaged" if number == 7 else "publish"
        await step(f"{what} {number}", (made / str(number)).rename(models / "digits" / str(number)).resolve)
        if number in {5, 10}:
            await step("roll back", lambda: asyncio.to_thread(load.decide, "rollback", b""))
            await step("follow the latest", lambda: asyncio.to_thread(load.decide, "promote", b'{"version": null}'))
    await step("publisher killed", lambda: _kill_publisher(models))
    await step("folder deleted", lambda: asyncio.to_thread(shutil.rmtree, models))
    load.over = True


async def _kill_publisher(models: Path) -> None:
    """Start a publisher, and kill it as soon as its staging folder is there."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PUBLISHER, str(models), cwd=ROOT)
    await asyncio.to_thread(_wait_for_staging, models)
    process.send_signal(signal.SIGKILL)
    await process.wait()


def _wait_for_staging(models: Path) -> None:
    until = time.perf_counter() + 30
    while not list(models.glob(".staging-*")):
        if time.perf_counter() > until:
            raise SystemExit("the publisher did not begin")
        time.sleep(0.002)


def _prepare(folder: Path) -> tuple[Path, Path]:
    """The folder to be served, with versions 1 and 2; and versions 3 to 12, ready to be moved in."""
    models, made = folder / "models", folder / "made"
    for number in (1, 2):
        shutil.copytree(ROOT / "models" / "digits" / str(number), models / "digits" / str(number))
    for number in range(3, 13):
        shutil.copytree(ROOT / "models" / "digits" / str(2 - number % 2), made / str(number))
    with (made / "7" / "model.onnx").open("ab") as file:
        file.write(b"damaged")
    return models, made


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def tell(seen: Seen) -> int:
    """Print what was seen; the number of what should not have been."""
    calm = [taken for sent, taken, _ in seen.answers if 1.0 < sent < _CALM]
    print(f"{'':22}{'answers':>8}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}   versions")
    print(_row("before", calm, {version for sent, _, version in seen.answers if sent < _CALM}))
    during: list[float] = []
    for at, what in seen.changes:
        found = [(taken, version) for sent, taken, version in seen.answers if at - 0.1 <= sent < at + _SWAP]
        during += [taken for taken, _ in found]
        print(_row(what, [taken for taken, _ in found], {version for _, version in found}))
    print(_row("all changes", during, set()))
    print(f"p99 during a change / before: {_percentile(during, 0.99) / _percentile(calm, 0.99):.2f}")
    print(f"answers: {dict(sorted(Counter(version for *_, version in seen.answers).items()))} by version")
    print(f"failed: {len(seen.failures)}  wrong for their version: {len(seen.wrong)}")
    for line in [*seen.failures, *seen.wrong][:5]:
        print("  ", line)
    return len(seen.failures) + len(seen.wrong)


def _row(what: str, taken: list[float], versions: set[int]) -> str:
    values = _percentile(taken, 0.5), _percentile(taken, 0.99), max(taken, default=0)
    figures = "".join(f"{value * 1e3:8.2f}" for value in values)
    return f"{what:22}{len(taken):8}{figures}   {', '.join(map(str, sorted(versions)))}"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as temporary:
        models, made = _prepare(Path(temporary))
        sample = (ROOT / "models" / "digits" / "2" / "samples" / "07-7.png").read_bytes()
        port = find_ports()
        environment = {**os.environ, "CONVSCOPE_WORKERS": str(options.workers), "CONVSCOPE_API_KEYS": f"{_KEY}:admin"}
        process = subprocess.Popen(convscope("serve", "--models", models, "--port", str(port)), env=environment)  # noqa: S603
        try:
            time.sleep(4)
            load = Load(port, sample, _expect(port, sample))
            asyncio.run(_both(load, models, made, options))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    sys.exit(bool(tell(load.seen)))


async def _both(load: Load, models: Path, made: Path, options: argparse.Namespace) -> None:
    load.began = time.perf_counter()
    await asyncio.gather(load.run(options.connections, options.rate), change(load, models, made))


def _expect(port: int, sample: bytes) -> dict[int, str]:
    """What each version has to say of the sample; odd ones are the first version's graph, even ones the second's."""
    said = {}
    for number in (1, 2):
        path = f"/v1/models/digits/versions/{number}/predict?top_k=1"
        answer = Message(path, sample, {"Content-Type": "image/png", "X-API-Key": _KEY}).send(
            f"http://127.0.0.1:{port}"
        )
        best = json.loads(answer)["predictions"][0]
        said[number] = f"{best['label']} {best['probability']:.6f}"
    return {number: said[2 - number % 2] for number in range(1, 13) if number != 7}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=400.0, help="requests a second, of all connections together")
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
