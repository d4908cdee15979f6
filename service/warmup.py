"""Turns a loaded engine into what a run of it takes, measured before the first request comes."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from statistics import median

import numpy as np

from service.choices import Inline as Inline  # noqa: PLC0414 - also to be had here
from service.contract import PictureInput
from service.engine import Engine, Pixels

_LONGEST = 0.5
"""Seconds; larger batches than those that are expected to take so long are not tried."""

_ROUNDS, _LONGEST_ROUNDS = 15, 0.05
"""Runs that are measured, and seconds after which there are no more."""

_HANDOVERS = 8
"""Handing a run over costs the event loop so many of the bare handovers that are measured: there is a task to wake, the
loop to interrupt, and two threads that want the interpreter at once. Measured under load, see docs/LOG.md."""


@dataclass(frozen=True)
class Cost:
    """What a run takes."""

    seconds: float
    """With one picture; median."""
    handover: float
    """Seconds from giving work to an idle thread to having its result; median."""

    @property
    def is_small(self) -> bool:
        """Whether handing a run over costs more than the run."""
        return self.seconds < _HANDOVERS * self.handover


def warm_up(engine: Engine, spec: PictureInput, max_batch: int, *, is_alone: bool) -> float:
    """Run batches of 1, 2, 4 … pictures, so that no caller waits for memory to be set aside, and measure.

    Args:
        engine: not yet used.
        spec: the manifest's `input`.
        max_batch: pictures, the largest batch.
        is_alone: a run is computed by the calling thread alone. Then its own time is taken: it is what the run takes
            of a processor also while requests are being answered, as they are when a version is published.

    Returns:
        Seconds that a run with one picture takes; median.
    """
    clock = time.thread_time if is_alone else time.perf_counter
    pixels = np.zeros((max_batch, spec.height, spec.width, spec.channels), np.uint8)
    size, seconds = 1, 0.0
    while size <= max_batch and 2 * seconds <= _LONGEST:
        seconds = _time(engine, pixels[:size], clock)
        size *= 2
    return _median(lambda: _time(engine, pixels[:1], clock))


def measure_handover(executor: Executor) -> float:
    """Seconds from giving work to an idle thread to having its result; median. To be measured when all is quiet."""
    return _median(lambda: _hand_over(executor))


def _time(engine: Engine, pixels: Pixels, clock: Callable[[], float]) -> float:
    start = clock()
    engine.classify(pixels)
    return clock() - start


def _hand_over(executor: Executor) -> float:
    start = time.perf_counter()
    executor.submit(int).result()
    return time.perf_counter() - start


def _median(measure: Callable[[], float]) -> float:
    end = time.perf_counter() + _LONGEST_ROUNDS
    found = [measure()]
    while len(found) < _ROUNDS and time.perf_counter() < end:
        found.append(measure())
    return median(found)
