"""Turns work into its result in a few threads of its own, with a short queue: what is over that is refused at once."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from service.errors import TooBusy

T = TypeVar("T")


class Pool:
    """Threads for one kind of work, so that it can't starve another kind."""

    def __init__(self, name: str, threads: int, queue: int) -> None:
        """Make the pool; use it as a context manager.

        Args:
            name: of its threads.
            threads: that work at a time.
            queue: that wait for one of them, at most.
        """
        self.threads, self._name, self._queue = threads, name, queue
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._places = threading.Semaphore(threads + queue)

    def __enter__(self) -> Self:
        """Nothing to open: threads start when there is work."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being worked on; what still waits is dropped."""
        self._executor.shutdown(cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread. Called from the event loop; cancelled while it waits, it is never begun.

        Raises:
            TooBusy: the queue is full.
        """
        if not self._places.acquire(blocking=False):
            raise TooBusy(
                f"{self.threads} requests for {self._name} are being answered and {self._queue} wait; try again later"
            )
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._places.release())  # when it is done, not when nobody waits any more
        return await asyncio.wrap_future(future)
