"""Turns a request and a load into many requests: as fast as they are answered, or by the clock.

In a closed loop every connection waits for its answer before it asks again, so a server that stalls is asked less while
it does, and the requests that it would have kept waiting are missing from the figures: coordinated omission (G. Tene,
"How NOT to Measure Latency"). An open loop sends by the clock, as many people together do, and counts from the time at
which a request was due.
"""

import asyncio
import random
import time

import aiohttp

from service.bench.failures import describe_failure
from service.bench.measurement import Measurement
from service.bench.options import Arrivals, Load
from service.bench.target import Target

_EARLY = 1e-3
"""Seconds; event loops wake up to a millisecond late, so a request is sent up to one early rather than late."""

_RECOVERY = 0.05
"""Seconds that a connection of a closed loop rests after a failure: where nobody listens, all fail at once."""

_SEED = 0
"""Of random arrivals: two runs send at the same times."""


class Client:
    """Sends one request over and over, and has what becomes of each counted."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, measurement: Measurement) -> None:
        self._session, self._target, self._measurement = session, target, measurement
        self._headers = {"Content-Type": target.content_type}

    async def send(self, due: float) -> bool:
        """Send it and read all of the answer.

        Args:
            due: when it should have been sent, in seconds of `time.perf_counter`.

        Returns:
            Whether there was an answer, of whatever status.
        """
        record = self._measurement.begin_request(due, time.perf_counter())
        try:
            async with self._session.post(
                self._target.url, data=self._target.picture, headers=self._headers, allow_redirects=False
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            self._measurement.record_failure(record, time.perf_counter(), describe_failure(error))
            return False
        self._measurement.record_answer(record, time.perf_counter(), response.status, len(body))
        return True


async def put_under_load(client: Client, load: Load, measurement: Measurement) -> None:
    """Send requests until the load's time is over, and wait for the answers to all of them."""
    begins = time.perf_counter()
    measurement.open(begins + load.warmup, load.seconds)
    async with asyncio.TaskGroup() as group:
        group.create_task(_clock(measurement))
        if load.rate is None:
            for _ in range(load.connections):
                group.create_task(_repeat(client, measurement))
        else:
            group.create_task(_send_by_the_clock(client, begins, measurement, load))


async def _clock(measurement: Measurement) -> None:
    """Mark the beginning and the end of what is measured, also where it is broken off.

    Nobody goes on beyond the end: a client that takes being cancelled for a failed connection would for the whole time.
    """
    await asyncio.sleep(measurement.begins - time.perf_counter())
    measurement.begin()
    try:
        await asyncio.sleep(measurement.ends - time.perf_counter())
    finally:
        measurement.end()


async def _repeat(client: Client, measurement: Measurement) -> None:
    """One connection of a closed loop."""
    while (now := time.perf_counter()) < measurement.ends:
        if not await client.send(now):
            await asyncio.sleep(_RECOVERY)


async def _send_by_the_clock(client: Client, begins: float, measurement: Measurement, load: Load) -> None:
    """The open loop: a request is on its way when its time comes, however many are unanswered."""
    assert load.rate  # noqa: S101 - it is what makes the loop open
    chance = random.Random(_SEED)  # noqa: S311 - nothing secret
    due = begins
    async with asyncio.TaskGroup() as group:
        while due < measurement.ends:
            # At least once round the event loop, also when behind: answers have to be read as well.
            await asyncio.sleep(max(0.0, due - _EARLY - time.perf_counter()))
            group.create_task(client.send(due))
            due += chance.expovariate(load.rate) if load.arrivals is Arrivals.POISSON else 1 / load.rate
