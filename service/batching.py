"""Turns single pictures that arrive at once into batches, and the batch's answers into single answers.

There is no timer and no waiting window: whenever the engine is free it takes all that waits, up to `max_batch`. An idle
service answers at once, a busy one batches by itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine import Pixels

Probabilities = NDArray[np.float32]
Classify = Callable[[Pixels], Probabilities]
"""(n, h, w, c) uint8 -> (n, K) float32."""


@dataclass(frozen=True)
class _Waiting:
    pixels: Pixels
    """(h, w, c) uint8."""
    answer: asyncio.Future[Probabilities]


class Batcher:
    """The queue before one engine; used from one event loop."""

    def __init__(self, classify: Classify, executor: Executor, max_batch: int) -> None:
        self._classify = classify
        self._executor = executor
        self._max_batch = max_batch
        self._queue: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def classify(self, pixels: Pixels) -> Probabilities:
        """Wait for the answer to one picture.

        Args:
            pixels: (h, w, c) uint8.

        Returns:
            (K,) float32.

        Raises:
            Exception: whatever the engine raised for the batch that held this picture.
        """
        waiting = _Waiting(pixels, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await waiting.answer

    async def _drain(self) -> None:
        """Run batches until nothing waits any more."""
        loop = asyncio.get_running_loop()
        while batch := self._take():
            pixels = np.stack([waiting.pixels for waiting in batch])
            try:
                answers = await loop.run_in_executor(self._executor, self._classify, pixels)
            except Exception as error:  # noqa: BLE001 - it is the waiters' to handle
                _fail(batch, error)
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    if not waiting.answer.done():  # its client may have gone away in the meantime
                        waiting.answer.set_result(answer)

    def _take(self) -> list[_Waiting]:
        """The next batch: those at the head of the queue whose clients still wait."""
        batch: list[_Waiting] = []
        while self._queue and len(batch) < self._max_batch:
            waiting = self._queue.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        return batch


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
