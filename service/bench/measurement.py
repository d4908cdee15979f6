"""Turns answers and failures, as they come in, into counts and a histogram of latencies."""

from collections import Counter
from math import inf
from typing import Any, NamedTuple

from hdrh.histogram import HdrHistogram

from service.bench.effort import Effort, read_effort
from service.bench.failures import TIMED_OUT

_LONGEST = 3_600_000_000
"""Microseconds that a histogram can hold: an hour."""

_DIGITS = 3
"""That are kept of a latency: it is right to a thousandth."""


class Request(NamedTuple):
    """A request on its way."""

    since: float
    """What its latency is counted from, in seconds of `time.perf_counter`."""
    counts: bool
    """Whether it was due in the time that is measured."""


def make_histogram() -> Any:  # noqa: ANN401 - the package has no types
    """An empty one, for microseconds."""
    return HdrHistogram(1, _LONGEST, _DIGITS)


class Measurement:
    """What became of the requests that were due between two times; all times are seconds of `time.perf_counter`.

    Statuses, errors and latencies are those of these requests. What is measured per second are the answers that came in
    between the two times, to whichever request: at both ends there are some on their way.
    """

    def __init__(self) -> None:
        self.begins = self.ends = inf
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.latency = make_histogram()
        """Of 2xx answers; and of requests given up, which took at least as long as they were waited for."""
        self.lateness = make_histogram()
        """How long after a request was due it was sent: the fault of this side."""
        self.answers = self.successes = self.bytes = 0
        """That came in during the time, 2xx among them, and of their bodies."""
        self.most_under_way = 0
        """Requests that were unanswered at once."""
        self._under_way = 0
        self._marks: list[Effort] = []

    def open(self, begins: float, seconds: float) -> None:
        """Say when the time that is measured will begin, and its length."""
        self.begins, self.ends = begins, begins + seconds

    def begin(self) -> None:
        """Called when it has begun."""
        self._marks.append(read_effort())

    def end(self) -> None:
        """Called when it is over, or broken off; what comes in afterwards is only counted for requests sent before."""
        if len(self._marks) == 1:
            self._marks.append(read_effort())
            self.ends = min(self.ends, self._marks[1].wall)

    @property
    def seconds(self) -> float:
        """That were measured; 0: none yet."""
        return self.ends - self.begins if self._marks else 0.0

    @property
    def effort(self) -> Effort:
        """Of this process meanwhile."""
        begun, ended = self._marks
        return ended - begun

    def begin_request(self, due: float, sent: float) -> Request:
        """Count a request that is being sent.

        Its latency counts from when it was due, or from when it was sent, where that is a little earlier.
        """
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        counts = self.begins <= due < self.ends
        if counts:
            self.requests += 1
            self.lateness.record_value(_microseconds(sent - due))
        return Request(min(due, sent), counts)

    def record_answer(self, request: Request, now: float, status: int, size: int) -> None:
        """Count an answer that was read to its end, of `size` bytes."""
        self._under_way -= 1
        success = 200 <= status < 300
        if self.begins <= now < self.ends:
            self.answers += 1
            self.successes += success
            self.bytes += size
        if request.counts:
            self.statuses[status] += 1
            if success:
                self.latency.record_value(_microseconds(now - request.since))

    def record_failure(self, request: Request, now: float, kind: str) -> None:
        """Count a request that has no answer."""
        self._under_way -= 1
        if request.counts:
            self.errors[kind] += 1
            if kind == TIMED_OUT:
                self.latency.record_value(_microseconds(now - request.since))


def _microseconds(seconds: float) -> int:
    return min(max(1, round(seconds * 1e6)), _LONGEST)
