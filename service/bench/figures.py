"""Turns a measurement into the figures that are printed and written: rates, counts, percentiles."""

from dataclasses import asdict, dataclass
from typing import Any

from service.bench.measurement import Measurement, make_histogram
from service.bench.options import Load

_PERCENTILES = [50.0, 90.0, 99.0, 99.9]


@dataclass(frozen=True)
class Latency:
    """How long answers took, in milliseconds."""

    min: float
    p50: float
    p90: float
    p99: float
    p99_9: float
    max: float


@dataclass(frozen=True)
class Figures:
    """What was measured."""

    url: str
    load: Load
    seconds: float
    """That were measured: fewer than were asked for when it was broken off."""
    requests: int
    """That were due in this time."""
    statuses: dict[int, int]
    """How many of them were answered with which status."""
    errors: dict[str, int]
    """How many of them were not answered, by reason."""
    requests_per_second: float
    """Answered, with whatever status."""
    successes_per_second: float
    """Answered with 2xx."""
    bytes_per_second: float
    """Of the answers' bodies."""
    latency_ms: Latency | None
    """Of 2xx answers, and of requests that timed out, with the time that they were waited for; None: no such."""
    corrected_ms: Latency | None
    """The same, corrected for coordinated omission; None: an open loop, which has none."""
    cpu_share: float
    """Of one core, that the measuring took."""
    waited_share: float
    """Of the time, in which the measuring wanted a core that others had."""
    lateness_ms: float
    """99th percentile of how long after they were due requests were sent."""
    most_under_way: int
    """Requests that were unanswered at once."""

    @property
    def unanswered(self) -> int:
        """Requests on their way when it was broken off."""
        return self.requests - sum(self.statuses.values()) - sum(self.errors.values())

    @property
    def succeeded(self) -> bool:
        """Whether there were answers, all of them 2xx."""
        return bool(self.statuses) and not self.errors and all(200 <= status < 300 for status in self.statuses)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: None is null, statuses are strings."""
        return {**asdict(self), "unanswered": self.unanswered, "succeeded": self.succeeded}


def summarise(url: str, load: Load, measured: Measurement) -> Figures:
    """The figures of a measurement that had begun."""
    seconds = measured.seconds
    raw = measured.latency if measured.latency.get_total_count() else None
    closed = load.rate is None
    return Figures(
        url=url,
        load=load,
        seconds=seconds,
        requests=measured.requests,
        statuses=dict(sorted(measured.statuses.items())),
        errors=dict(measured.errors.most_common()),
        requests_per_second=measured.answers / seconds,
        successes_per_second=measured.successes / seconds,
        bytes_per_second=measured.bytes / seconds,
        latency_ms=_percentiles(raw) if raw else None,
        corrected_ms=_percentiles(_correct(raw)) if raw and closed else None,
        cpu_share=measured.effort.cpu_share,
        waited_share=measured.effort.waited_share,
        lateness_ms=measured.lateness.get_value_at_percentile(99) / 1e3,
        most_under_way=measured.most_under_way,
    )


def _correct(raw: Any) -> Any:  # noqa: ANN401 - histograms have no types
    """A histogram without coordinated omission, as far as that can be put right afterwards.

    A connection would have asked once in each median latency m. An answer that took t held up the requests that would
    have been sent meanwhile: they are added with t - m, t - 2m … down to m. Source: HdrHistogram (Java),
    `copyCorrectedForCoordinatedOmission`. The Python package's `record_corrected_value` goes on below m: it adds a
    value near zero for about every second answer, and the median falls.
    """
    interval = raw.get_value_at_percentile(50)
    corrected = make_histogram()
    for step in raw.get_recorded_iterator():
        value, count = min(step.value_iterated_to, raw.max_value), step.count_at_value_iterated_to
        for taken in (value, *range(value - interval, interval - 1, -interval)):
            corrected.record_value(taken, count)
    return corrected


def _percentiles(histogram: Any) -> Latency:  # noqa: ANN401
    """In milliseconds; what is rounded up to the end of its bucket is not let over the maximum."""
    found = histogram.get_percentile_to_value_dict(_PERCENTILES)
    p50, p90, p99, p99_9 = (min(found[percentile], histogram.max_value) / 1e3 for percentile in _PERCENTILES)
    return Latency(histogram.min_value / 1e3, p50, p90, p99, p99_9, histogram.max_value / 1e3)
