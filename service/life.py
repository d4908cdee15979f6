"""Turns what happens to a process (its models are loaded, it is told to stop) into whether it wants requests."""

import asyncio
from enum import StrEnum

from service.errors import Loading, Stopping


class Phase(StrEnum):
    """Where a process is in its life."""

    LOADING = "loading"
    """The models that were there at the start are being loaded; requests for them wait."""
    SERVING = "serving"
    DRAINING = "draining"
    """It was told to stop: what comes is answered, but should go elsewhere."""


class Life:
    """The life of one process."""

    def __init__(self) -> None:
        self.phase = Phase.LOADING
        self.is_loaded = False
        self._moved = asyncio.Event()

    def begin(self) -> None:
        """The models are loaded."""
        self.is_loaded = True
        if self.phase is Phase.LOADING:
            self._move(Phase.SERVING)

    def drain(self) -> None:
        """The process was told to stop."""
        self._move(Phase.DRAINING)

    async def wait_for_models(self, seconds: float) -> None:
        """Return when the models are loaded.

        Raises:
            Loading: it takes longer than that.
            Stopping: the process was told to stop before.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            raise Loading("the models are still being loaded; /v2/health/ready tells when they are") from None
        if not self.is_loaded:
            raise Stopping("the service was told to stop before it had begun; ask again elsewhere")

    def _move(self, phase: Phase) -> None:
        self.phase = phase
        self._moved.set()
