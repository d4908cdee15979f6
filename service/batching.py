"""Turns single pictures that arrive at once into batches, and the batch's answers into single answers.

There is no timer and no waiting window: whenever the engine is free it takes all that waits, up to `max_batch`. An idle
service answers at once, a busy one batches by itself.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service import visit
from service.engine import Pixels, Scores
from service.errors import TooBusy, TooLate
from service.metrics import VersionMeter

Probabilities = NDArray[np.float32]
Classify = Callable[[Pixels], Probabilities]
"""(n, h, w, c) uint8 -> (n, K) float32."""
Score = Callable[[Pixels], Scores]
"""The same with logits, which takes a little longer."""

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
    """Of the performance counter, in seconds."""
    with_logits: bool
    """The answer is (2, K) float32, logits and probabilities; else (K,), probabilities."""
    stages: list[visit.Stage] | None
    """Where to note what was done; None: nobody wants to know."""


class Batcher:
    """The queue before one engine; used from one event loop.

    A request is admitted before anything is done for it, `with batcher:`, so that what can't be answered in time is
    refused at once; then it waits in `classify`. A request of several pictures takes as many places, `with
    batcher.places(n):`, and waits in `classify_all` or `score`; its pictures run together with those of others,
    whatever these ask for.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it runs, where, and how much of it
        self,
        classify: Classify,
        score: Score,
        executor: Executor | None,
        max_batch: int,
        patience: Patience,
        meter: VersionMeter | None = None,
    ) -> None:
        """Make an empty queue.

        Args:
            classify: runs a batch.
            score: runs a batch of which somebody wants the logits too.
            executor: whose threads run it; None: the event loop's own does, which is quicker where a run takes less
                time than handing it over.
            max_batch: pictures in one run, at most.
            patience: how much may wait.
            meter: counts what is done; none: nothing is counted.
        """
        self._meter = meter or VersionMeter()
        self._classify = classify
        self._score = score
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
        self._admit(1)

    def __exit__(self, *_: object) -> None:
        """Give the place back."""
        self._admitted -= 1

    @contextmanager
    def places(self, pictures: int) -> Iterator[None]:
        """Take so many places, or none, and give them back.

        Raises:
            TooBusy: as `__enter__`.
        """
        self._admit(pictures)
        try:
            yield
        finally:
            self._admitted -= pictures

    def _admit(self, pictures: int) -> None:
        expected = self._admitted * self._seconds
        patience = self._patience
        longest = patience.seconds if self._admitted < 2 * self._max_batch else min(patience.seconds, patience.wait)
        if self._admitted + pictures > patience.requests or expected > longest:
            raise TooBusy(
                f"{self._admitted} pictures wait already, which takes about {expected:.1f} s; try again later",
                retry_after=max(1, ceil(expected)),
            )
        self._admitted += pictures

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
        return await self._enqueue(pixels)

    async def classify_all(self, pixels: Pixels) -> Probabilities:
        """Wait for the answers to several pictures.

        Args:
            pixels: (n, h, w, c) uint8.

        Returns:
            (n, K) float32.

        Raises:
            TooLate, Exception: as `classify`, for any of them.
        """
        return await self._gather(pixels, with_logits=False)

    async def score(self, pixels: Pixels) -> Scores:
        """Wait for the logits too; see `classify_all`."""
        rows = await self._gather(pixels, with_logits=True)
        return Scores(logits=rows[:, 0], probabilities=rows[:, 1])

    async def _gather(self, pixels: Pixels, *, with_logits: bool) -> Probabilities:
        """The answers to several pictures; where one fails, the others needn't be computed any more."""
        if len(pixels) == 1:
            return (await self._enqueue(pixels[0], with_logits=with_logits))[np.newaxis]
        answers = [self._enqueue(picture, with_logits=with_logits) for picture in pixels]
        try:
            return np.stack(await asyncio.gather(*answers))
        except BaseException:
            for answer in answers:
                answer.cancel()
            raise

    def _enqueue(self, pixels: Pixels, *, with_logits: bool = False) -> asyncio.Future[Probabilities]:
        loop = asyncio.get_running_loop()
        stages = visit.find_stages() if visit.wanted else None
        waiting = _Waiting(pixels, loop.create_future(), time.perf_counter(), with_logits, stages)
        self._queue.append(waiting)
        if not self._is_draining:
            self._is_draining = True
            if self._executor is None:
                loop.call_soon(self._run_here)  # after the other requests that came in with this one
            else:
                self._draining = loop.create_task(self._run_beside(self._executor))
        return waiting.answer

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

    def _run(self, batch: Sequence[_Waiting]) -> Sequence[Probabilities] | Probabilities:
        pixels = batch[0].pixels[np.newaxis] if len(batch) == 1 else np.stack([waiting.pixels for waiting in batch])
        start = time.perf_counter()
        is_plain = not any(waiting.with_logits for waiting in batch)
        answers = self._classify(pixels) if is_plain else self._run_with_logits(batch, pixels)
        end = time.perf_counter()
        self._meter.count_run(start, end, [waiting.since for waiting in batch])
        if visit.wanted:
            _tell(batch, start, end)
        taken = (end - start) / len(batch)
        self._seconds = _MEMORY * self._seconds + (1 - _MEMORY) * taken if self._seconds else taken
        return answers

    def _run_with_logits(self, batch: Sequence[_Waiting], pixels: Pixels) -> Sequence[Probabilities]:
        """Each gets what it asked for, though they ran together."""
        scores = self._score(pixels)
        rows = np.stack([scores.logits, scores.probabilities], axis=1)
        return [row if waiting.with_logits else row[1] for waiting, row in zip(batch, rows, strict=True)]

    def _take(self) -> list[_Waiting]:
        """The next batch: those at the head of the queue whose clients still wait, and not for too long."""
        batch: list[_Waiting] = []
        oldest = time.perf_counter() - self._patience.seconds
        while self._queue and len(batch) < self._max_batch:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < oldest:
                waiting.answer.set_exception(TooLate(f"no answer within {self._patience.seconds:g} s; try again later"))
                continue
            batch.append(waiting)
        return batch


def _tell(batch: Sequence[_Waiting], start: float, end: float) -> None:
    """Note a run where somebody wants to know."""
    for waiting in batch:
        if waiting.stages is not None:
            run = visit.Stage("infer", start, end, len(batch))
            waiting.stages.extend((visit.Stage("queue", waiting.since, start), run))


def _deliver(batch: Sequence[_Waiting], answers: Sequence[Probabilities] | Probabilities) -> None:
    """Give each waiter its row; its client may have gone away in the meantime."""
    for waiting, answer in zip(batch, answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
