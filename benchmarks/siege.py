"""Turns visitors into a load that goes on for so long, while versions change, and keeps what is seen of it."""

import asyncio
import itertools
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from benchmarks.processes import find_tree, read_memory
from benchmarks.visitors import Ask, Place, Visitor

BROKEN = -1
"""In place of a status: the connection was reset, or nobody answered."""
_LONGEST = 60.0
"""Seconds that an answer is waited for."""
REFUSED = frozenset({429, 503})
"""The service has too much to do. It says so on purpose, but should not have to here; they are told apart."""

VERSIONS = "versions"
"""What changes of them are called among the kinds."""

_EVERY = 3.0
"""Seconds between two changes of the versions."""
KEPT = 10
"""Versions of `digits` on the disk, from the beginning on; older ones but the first two are removed."""
_SAMPLING = 2.0


@dataclass
class Record:
    """What became of one kind of request."""

    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """What should not have been, by what it was."""
    latencies: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds, by minute."""


@dataclass
class Sample:
    """The service's processes at one moment."""

    second: float
    rss: float
    """MiB, of all of them."""
    pss: float
    files: int
    """Open ones."""
    processes: int


class Siege:
    """A load of everything, and what is seen of it."""

    def __init__(self, process: int, place: Place, seconds: float) -> None:
        self._process, self._place, self._seconds = process, place, seconds
        self._began = time.perf_counter()
        self.records: defaultdict[str, Record] = defaultdict(Record)
        self.samples: list[Sample] = []

    @property
    def _now(self) -> float:
        return time.perf_counter() - self._began

    async def run(self, visitors: Sequence[Visitor], models: Path | None) -> None:
        """Go on until the time is over.

        Args:
            visitors: who comes.
            models: the models folder, whose versions change; None: they don't.
        """
        self._began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for visitor in visitors:
                for number in range(visitor.clients):
                    tasks.create_task(self._keep_visiting(visitor, number))
            if models:
                tasks.create_task(self._change_versions(models))
            tasks.create_task(self._watch())

    async def _keep_visiting(self, visitor: Visitor, number: int) -> None:
        await asyncio.sleep(visitor.pause * number / visitor.clients)
        while self._now < self._seconds:
            await self._visit(visitor)
            await asyncio.sleep(visitor.pause)

    async def _visit(self, visitor: Visitor) -> None:
        record, began = self.records[visitor.kind], self._now
        try:
            async with asyncio.timeout(_LONGEST):
                status = await visitor.visit(self._place)
        except (OSError, EOFError, TimeoutError, aiohttp.ClientError) as error:
            record.statuses[BROKEN] += 1
            record.errors[f"{type(error).__name__} {error}"[:120]] += 1
            return
        record.latencies[int(began / 60)].append(self._now - began)
        if status is not None:
            record.statuses[status] += 1
            if status not in visitor.accepted | REFUSED:
                record.errors[f"status {status}"] += 1

    async def _change_versions(self, models: Path) -> None:
        """Publish the two networks in turn, go back to an earlier version and forth again, remove the oldest."""
        steps = itertools.cycle(
            ["publish", "rollback", "latest", "publish", "promote 1", "latest", "publish", "remove"]
        )
        while self._now < self._seconds:
            step = next(steps)
            numbers = sorted(int(folder.name) for folder in (models / "digits").iterdir() if folder.name.isdecimal())
            await self._visit(Visitor(f"{VERSIONS}: {step}", partial(self._change, step, models, numbers), 0))
            await asyncio.sleep(_EVERY)

    async def _change(self, step: str, models: Path, numbers: Sequence[int], place: Place) -> int | None:
        at, header = "/v1/models/digits", {"Content-Type": "application/json"}
        match step.split():
            case ["publish"]:
                # As a copy that is renamed, which is what publishing comes down to; publishing itself takes a core.
                await asyncio.to_thread(put, models / "digits", 1 + numbers[-1] % 2, numbers[-1] + 1)
            case ["remove"]:
                for number in numbers[2 : len(numbers) - KEPT + 2]:
                    await asyncio.to_thread(shutil.rmtree, models / "digits" / str(number))
            case ["rollback"]:
                return await place.send(Ask(f"{at}/rollback"))
            case ["promote", number]:
                return await place.send(Ask(f"{at}/promote", b'{"version": %d}' % int(number), header))
            case _:
                return await place.send(Ask(f"{at}/promote", b'{"version": null}', header))
        return None

    async def _watch(self) -> None:
        while self._now < self._seconds:
            self.samples.append(await asyncio.to_thread(_look, self._process, self._now))
            await asyncio.sleep(_SAMPLING)


def put(model: Path, source: int, number: int) -> None:
    """Publish a copy, by a rename."""
    staging = model.parent / f".staging-{number}"
    shutil.copytree(model / str(source), staging)
    staging.rename(model / str(number))


def _look(process: int, second: float) -> Sample:
    tree = find_tree(process)
    memory = read_memory(tree)
    files = 0
    for each in tree:
        try:
            files += sum(1 for _ in Path(f"/proc/{each}/fd").iterdir())
        except OSError:  # it has just ended
            continue
    return Sample(second, memory.rss, memory.pss, files, len(tree))
