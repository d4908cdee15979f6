"""Turns single pictures that arrive at once into batches, and the batch's answers into single answers.

There is no timer and no waiting window: whenever the engine is free it takes all that waits, up to `max_batch`. An idle
service answers at once, a busy one batches by itself.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from math import ceil, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine import Pixels
from service.errors import TooBusy, TooLate

Probabilities = NDArray[np.float32]
Classify = Callable[[Pixels], Probabilities]
"""(n, h, w, c) uint8 -> (n, K) float32."""

_MEMORY = 0.9
"""Share of the past in the running mean of what a picture takes."""


@dataclass(frozen=True)
class Patience:
    """How much may wait for one engine."""

    requests: int
    """Admitted and not yet answered, at most."""
    seconds: float
    """That one may wait for its batch, at most."""
    wait: float = inf
    """Seconds that the last one admitted may be expected to wait, once two batches are full."""


class _Waiting(NamedTuple):
    pixels: Pixels
    """(h, w, c) uint8."""
    answer: asyncio.Future[Probabilities]
    since: float
    """Of the monotonic clock, in seconds."""


class Batcher:
    """The queue before one engine; used from one event loop.

    A request is admitted before anything is done for it, `with batcher:`, so that what can't be answered in time is
    refused at once; then it waits in `classify`.
    """

    def __init__(self, classify: Classify, executor: Executor | None, max_batch: int, patience: Patience) -> None:
        """Make an empty queue.

        Args:
            classify: runs a batch.
            executor: whose threads run it; None: the event loop's own does, which is quicker where a run takes less
                time than handing it over.
            max_batch: pictures in one run, at most.
            patience: how much may wait.
        """
        self._classify = classify
        self._executor = executor
        self._max_batch = max_batch
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._is_draining = False
        self._draining: asyncio.Task[None] | None = None
        self._admitted = 0
        self._seconds = 0.0
        """That a picture took lately, on average."""

    def __enter__(self) -> None:
        """Take a place.

        Raises:
            TooBusy: there is none, or what is before it takes longer than it may wait.
        """
        expected = self._admitted * self._seconds
        patience = self._patience
        longest = patience.seconds if self._admitted < 2 * self._max_batch else min(patience.seconds, patience.wait)
        if self._admitted >= patience.requests or expected > longest:
            raise TooBusy(
                f"{self._admitted} pictures wait already, which takes about {expected:.1f} s; try again later",
                retry_after=max(1, ceil(expected)),
            )
        self._admitted += 1

    def __exit__(self, *_: object) -> None:
        """Give the place back."""
        self._admitted -= 1

    async def classify(self, pixels: Pixels) -> Probabilities:
        """Wait for the answer to one picture.

        Args:
            pixels: (h, w, c) uint8.

        Returns:
            (K,) float32.

        Raises:
            TooLate: it waited for longer than it may.
            Exception: whatever the engine raised for the batch that held this picture.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(pixels, loop.create_future(), time.monotonic())
        self._queue.append(waiting)
        if not self._is_draining:
            self._is_draining = True
            if self._executor is None:
                loop.call_soon(self._run_here)  # after the other requests that came in with this one
            else:
                self._draining = loop.create_task(self._run_beside(self._executor))
        return await waiting.answer

    def _run_here(self) -> None:
        """Run one batch; between two, the loop reads requests and writes answers."""
        if batch := self._take():
            try:
                answers = self._run(batch)
            except Exception as error:  # noqa: BLE001 - it is the waiters' to handle
                _fail(batch, error)
            else:
                _deliver(batch, answers)
        self._is_draining = bool(self._queue)
        if self._is_draining:
            asyncio.get_running_loop().call_soon(self._run_here)

    async def _run_beside(self, executor: Executor) -> None:
        """Run batches in a thread until nothing waits any more."""
        loop = asyncio.get_running_loop()
        while batch := self._take():
            try:
                answers = await loop.run_in_executor(executor, self._run, batch)
            except Exception as error:  # noqa: BLE001 - as above
                _fail(batch, error)
            else:
                _deliver(batch, answers)
        self._is_draining = False

    def _run(self, batch: Sequence[_Waiting]) -> Probabilities:
        pixels = batch[0].pixels[np.newaxis] if len(batch) == 1 else np.stack([waiting.pixels for waiting in batch])
        start = time.perf_counter()
        answers = self._classify(pixels)
        taken = (time.perf_counter() - start) / len(batch)
        self._seconds = _MEMORY * self._seconds + (1 - _MEMORY) * taken if self._seconds else taken
        return answers

    def _take(self) -> list[_Waiting]:
        """The next batch: those at the head of the queue whose clients still wait, and not for too long."""
        batch: list[_Waiting] = []
        oldest = time.monotonic() - self._patience.seconds
        while self._queue and len(batch) < self._max_batch:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < oldest:
                waiting.answer.set_exception(TooLate(f"no answer within {self._patience.seconds:g} s; try again later"))
                continue
            batch.append(waiting)
        return batch


def _deliver(batch: Sequence[_Waiting], answers: Probabilities) -> None:
    """Give each waiter its row; its client may have gone away in the meantime."""
    for waiting, answer in zip(batch, answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
