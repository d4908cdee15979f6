"""Turns what happens into numbers, by the few additions that counting takes; `families` says what they are called.

prometheus-client writes these numbers out (`service.exposition`), but doesn't count them: it takes a few microseconds
for each where several processes count, about as long as a tenth of LeNet-5's whole answer, and an addition takes 0.06.
Numbers are added to by one thread at a time: the event loop's, or a version's engine.
"""

import logging
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from service.families import (
    BLOCKS,
    ERROR,
    LATENCY,
    MODEL,
    POOL,
    PROCESS,
    QUEUE,
    REQUEST,
    SIZES,
    STAGE,
    VERSION,
    Block,
    Kind,
)
from service.ledger import Ledger, Numbers
from service.visit import Visit

log = logging.getLogger("convscope")

OTHER = "other"
"""The label of what has none of its own: paths that nothing is at, and what there was no room for."""


_MARK = zlib.crc32(repr(BLOCKS).encode())

_STAGE_SUM, _QUEUE_SUM, _SIZES_SUM = len(STAGE) + 1, len(QUEUE) + 1, len(SIZES) + 1
"""Where in a histogram's numbers the sum is."""

_REQUEST_LATENCY = REQUEST.place("convscope_request_duration_seconds")
_REQUEST_SUM = _REQUEST_LATENCY + len(LATENCY) + 1
_REQUEST_RECEIVED = REQUEST.place("convscope_received_bytes")
_REQUEST_SENT = REQUEST.place("convscope_sent_bytes")


class Histogram:
    """One combination of labels of a histogram."""

    __slots__ = ("_at", "_bounds", "_numbers", "_sum")

    def __init__(self, numbers: Numbers, at: int, bounds: tuple[float, ...]) -> None:
        self._numbers, self._at, self._bounds = numbers, at, bounds
        self._sum = at + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Count a value."""
        numbers = self._numbers
        numbers[self._at + bisect_left(self._bounds, value)] += 1
        numbers[self._sum] += value


class Gauge:
    """One combination of labels of a gauge."""

    __slots__ = ("_at", "_numbers")

    def __init__(self, numbers: Numbers, at: int) -> None:
        self._numbers, self._at = numbers, at

    def set(self, value: float) -> None:
        """Say what it is."""
        self._numbers[self._at] = value


def _nowhere(block: Block) -> Numbers:
    """Numbers that nobody reads."""
    return memoryview(bytearray(8 * block.size)).cast("d")


class VersionMeter:
    """What one version does."""

    def __init__(self, numbers: Numbers | None = None, at: int = 0) -> None:
        """Count into the numbers from that place on; none: into nowhere."""
        numbers = _nowhere(VERSION) if numbers is None else numbers
        decode, queue, inference, size = (place for place, _ in VERSION.places())
        self._numbers = numbers
        self._queue, self._inference, self._size = at + queue, at + inference, at + size
        self.decode = Histogram(numbers, at + decode, STAGE)
        """Seconds."""

    def count_run(self, began: float, ended: float, since: Sequence[float]) -> None:
        """Count a run of the network.

        Args:
            began: when; of the performance counter, in seconds, as all here.
            ended: when.
            since: when each of its pictures began to wait.
        """
        numbers, at, seconds = self._numbers, self._inference, ended - began
        numbers[at + bisect_left(STAGE, seconds)] += 1
        numbers[at + _STAGE_SUM] += seconds
        at = self._size
        numbers[at + bisect_left(SIZES, len(since))] += 1
        numbers[at + _SIZES_SUM] += len(since)
        at = self._queue
        for moment in since:
            numbers[at + bisect_left(QUEUE, began - moment)] += 1
        numbers[at + _QUEUE_SUM] += began * len(since) - sum(since)


class PoolMeter:
    """What one pool of threads does."""

    def __init__(self, numbers: Numbers | None = None, at: int = 0) -> None:
        """Count into the numbers from that place on; none: into nowhere."""
        numbers = _nowhere(POOL) if numbers is None else numbers
        self.running, self.waiting = Gauge(numbers, at), Gauge(numbers, at + 1)
        self.seconds = Histogram(numbers, at + 2, LATENCY)


class Metrics:
    """All numbers of one process."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin to count.

        Args:
            folder: where the worker processes of one service keep their numbers; None: there is only this one.
        """
        try:
            self.ledger = Ledger(folder, _MARK)
        except OSError as error:
            log.warning("the figures of this process can't be shared in %s: %s", folder, error.strerror)
            self.ledger = Ledger(None, _MARK)
        self._numbers = self.ledger.numbers
        self._places = {(group.name, group.labels): group.at for group in self.ledger.groups}
        self._spare = {block.name: self._claim(block, (OTHER,) * len(block.labels)) for block in BLOCKS}
        self._requests: dict[tuple[str, str, int, int], int] = {}
        self._process = self._spare[PROCESS.name]
        self._reset_gauges()

    def count_request(self, route: str, visit: Visit) -> None:
        """Count a request that was answered, under the template of its path."""
        key = (route, visit.model, visit.version, visit.status)
        at = self._requests.get(key)
        if at is None:
            version = str(visit.version) if visit.version else ""
            at = self._requests[key] = self._find(REQUEST, route, visit.model, version, str(visit.status))
        numbers, seconds = self._numbers, visit.ended - visit.began
        numbers[at] += 1
        numbers[at + _REQUEST_LATENCY + bisect_left(LATENCY, seconds)] += 1
        numbers[at + _REQUEST_SUM] += seconds
        numbers[at + _REQUEST_RECEIVED] += visit.received
        numbers[at + _REQUEST_SENT] += visit.sent
        if visit.code is not None:
            numbers[self._find(ERROR, visit.code)] += 1

    def show_in_flight(self, requests: int) -> None:
        """Say how many requests are being answered."""
        self._numbers[self._process] = requests

    def count_dropped_lines(self, lines: int) -> None:
        """Count lines of the log that nobody took."""
        self._numbers[self._process + 1] += lines

    def count_swap(self, model: str) -> None:
        """Count that another version of a model began to answer."""
        self._numbers[self._find(MODEL, model)] += 1

    def count_refusal(self, model: str) -> None:
        """Count that a version of a model was refused."""
        self._numbers[self._find(MODEL, model) + 1] += 1

    def version(self, model: str, version: int) -> VersionMeter:
        """Where a version counts."""
        self._find(MODEL, model)  # told as 0 before anything happens, or the first time would not be seen as a change
        return VersionMeter(self._numbers, self._find(VERSION, model, str(version)))

    def pool(self, name: str) -> PoolMeter:
        """Where a pool of threads counts."""
        return PoolMeter(self._numbers, self._find(POOL, name))

    def _find(self, block: Block, *labels: str) -> int:
        """The place of a combination of labels; where there is no more room, that of all others."""
        at = self._places.get((block.name, labels))
        return self._claim(block, labels) if at is None else at

    def _claim(self, block: Block, labels: tuple[str, ...]) -> int:
        at = self._places.get((block.name, labels))
        if at is None:
            at = self.ledger.claim(block.name, labels, block.size)
            if at is None:
                return self._spare[block.name]
            self._places[block.name, labels] = at
        return at

    def _reset_gauges(self) -> None:
        """What a dead process was doing, nobody does any more."""
        blocks = {block.name: block for block in BLOCKS}
        for group in self.ledger.groups:
            for at, family in blocks[group.name].places():
                if family.kind is Kind.GAUGE:
                    self._numbers[group.at + at] = 0
