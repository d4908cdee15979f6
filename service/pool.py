"""Turns work into its result in a few threads of its own, with a short queue: what is over that is refused at once."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil, inf
from types import TracebackType
from typing import Any, Self, TypeVar

from service import visit
from service.errand import Errand
from service.errors import TooBusy
from service.metrics import PoolMeter

T = TypeVar("T")

_MEMORY = 0.9
"""Share of the past in the running mean of what a piece of work takes."""


class Pool:
    """Threads for one kind of work, so that it can't starve another kind."""

    def __init__(
        self, name: str, threads: int, queue: int, wait: float = inf, meter: Callable[[str], PoolMeter] | None = None
    ) -> None:
        """Make the pool; use it as a context manager.

        Args:
            name: of its threads.
            threads: that work at a time.
            queue: that wait for one of them, at most.
            wait: seconds that work may be expected to wait when it is admitted.
            meter: gives what counts its work, by its name; none: nothing is counted.
        """
        self._meter = meter(name) if meter else PoolMeter()
        self.threads, self._name, self._queue, self._wait = threads, name, queue, wait
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._admitted = 0
        self._lock = threading.Lock()
        self._seconds = 0.0
        """That a piece of work took lately, on average."""

    def __enter__(self) -> Self:
        """Nothing to open: threads start when there is work."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being worked on; what still waits is dropped."""
        self._executor.shutdown(cancel_futures=True)

    @contextmanager
    def admit(self) -> Iterator["Place"]:
        """Take a place before anything is done for a request; it is free again when its work is over.

        Raises:
            TooBusy: there is none, or what is before it takes longer than it may wait.
        """
        expected = self._admitted * self._seconds / self.threads
        if self._admitted >= self.threads + self._queue or (self._admitted >= self.threads and expected > self._wait):
            waiting = max(0, self._admitted - self.threads)
            raise TooBusy(
                f"{self._admitted - waiting} requests for {self._name} are being answered and {waiting} wait;"
                " try again later",
                retry_after=max(1, ceil(expected)),
            )
        self._count(1)
        place = Place(self._executor, self._time)
        began = time.perf_counter()
        try:
            yield place
        finally:
            place.leave(lambda: self._count(-1))
            self._meter.seconds.observe(time.perf_counter() - began)
            if visit.wanted and self._name != "decoding":  # which is in the stage of that name
                visit.note_stage(self._name, began)

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread. Called from the event loop; see `Place.run`.

        Raises:
            TooBusy: see `admit`.
        """
        with self.admit() as place:
            return await place.run(work)

    def _count(self, step: int) -> None:
        with self._lock:  # work may be over in its own thread, when nobody waits for it any more
            self._admitted += step
            self._meter.running.set(min(self._admitted, self.threads))
            self._meter.waiting.set(max(0, self._admitted - self.threads))

    def _time(self, seconds: float) -> None:
        self._seconds = _MEMORY * self._seconds + (1 - _MEMORY) * seconds if self._seconds else seconds


class Place:
    """A request's place in a pool, for as many pieces of work as it takes."""

    def __init__(self, executor: ThreadPoolExecutor, report: Callable[[float], None]) -> None:
        """Wait for work.

        Args:
            executor: does it.
            report: is told the seconds that each took.
        """
        self._executor, self._report = executor, report
        self._begun: list[Future[Any]] = []

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread. Cancelled while it waits, it is never begun; later, it is called off."""
        errand = Errand()

        def do() -> T:
            start = time.perf_counter()
            try:
                return errand.do(work)
            finally:
                self._report(time.perf_counter() - start)

        future = self._executor.submit(do)
        self._begun.append(future)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            errand.call_off()
            raise

    def leave(self, free: Callable[[], None]) -> None:
        """Free the place when the work is over, not when nobody waits for it any more."""
        if last := next((future for future in reversed(self._begun) if not future.done()), None):
            last.add_done_callback(lambda _: self.leave(free))
        else:
            free()
