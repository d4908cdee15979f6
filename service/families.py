"""Turns what is counted into what it is called: families of numbers, their labels, and where each begins in a block."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a number can do."""

    COUNTER = "counter"
    """Grow."""
    GAUGE = "gauge"
    """Grow and shrink; a dead process's doesn't count."""
    HISTOGRAM = "histogram"
    """Several counters: values up to each bound, and their sum."""


@dataclass(frozen=True)
class Family:
    """Numbers of one meaning, one for each combination of labels."""

    name: str
    """As Prometheus has it, without the `_total` of a counter."""
    kind: Kind
    help: str
    bounds: tuple[float, ...] = ()
    """Of a histogram, in ascending order; above the last one there is one more."""
    is_shared: bool = False
    """All processes count the same events, so the most that one counted is right; otherwise, it is their sum."""

    @property
    def size(self) -> int:
        """Numbers in the ledger."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


@dataclass(frozen=True)
class Block:
    """Families that have their labels in common: their numbers lie next to each other, and are found once for all."""

    name: str
    labels: tuple[str, ...]
    families: tuple[Family, ...]

    @property
    def size(self) -> int:
        """Numbers in the ledger."""
        return sum(family.size for family in self.families)

    def places(self) -> Iterator[tuple[int, Family]]:
        """The families, each with the place in the block where its numbers begin."""
        at = 0
        for family in self.families:
            yield at, family
            at += family.size

    def place(self, name: str) -> int:
        """Where a family's numbers begin in the block."""
        return next(at for at, family in self.places() if family.name == name)


def _spread(first: float, last: float) -> tuple[float, ...]:
    """Bounds of 1, 2.5 and 5 in each power of ten."""
    steps = [factor * 10.0**power for power in range(-6, 4) for factor in (1, 2.5, 5)]
    return tuple(float(f"{step:.2g}") for step in steps if first <= step * 1.001 and step <= last * 1.001)


LATENCY, QUEUE, STAGE = _spread(500e-6, 10), _spread(10e-6, 10), _spread(10e-6, 2.5)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

REQUEST = Block(
    "request",
    ("route", "model", "version", "status"),
    (
        Family("convscope_requests", Kind.COUNTER, "Requests that were answered."),
        Family("convscope_request_duration_seconds", Kind.HISTOGRAM,
               "From a request's head to the last byte of its answer.", LATENCY),
        Family("convscope_received_bytes", Kind.COUNTER, "Of requests' bodies."),
        Family("convscope_sent_bytes", Kind.COUNTER, "Of answers' bodies."),
    ),
)  # fmt: skip
VERSION = Block(
    "version",
    ("model", "version"),
    (
        Family("convscope_decode_duration_seconds", Kind.HISTOGRAM,
               "From a picture's bytes to the pixels that the network sees.", STAGE),
        Family("convscope_queue_duration_seconds", Kind.HISTOGRAM, "That a picture waited for its batch.", QUEUE),
        Family("convscope_inference_duration_seconds", Kind.HISTOGRAM, "Of a run of the network, a batch.", STAGE),
        Family("convscope_batch_size", Kind.HISTOGRAM, "Pictures in a run of the network.", SIZES),
    ),
)  # fmt: skip
MODEL = Block(
    "model",
    ("model",),
    (
        Family("convscope_swaps", Kind.COUNTER, "Times that another version began to answer.", is_shared=True),
        Family("convscope_refusals", Kind.COUNTER, "Times that a version was refused.", is_shared=True),
    ),
)
POOL = Block(
    "pool",
    ("pool",),
    (
        Family("convscope_pool_running", Kind.GAUGE, "Pieces of work that a thread of the pool is at."),
        Family("convscope_pool_waiting", Kind.GAUGE, "Pieces of work that wait for a thread of the pool."),
        Family("convscope_pool_duration_seconds", Kind.HISTOGRAM,
               "Of a piece of work, with its waiting for a thread.", LATENCY),
    ),
)  # fmt: skip
ERROR = Block(
    "error", ("code",), (Family("convscope_errors", Kind.COUNTER, "Requests answered with an error, by its code."),)
)
PROCESS = Block(
    "process",
    (),
    (
        Family("convscope_requests_in_flight", Kind.GAUGE, "Requests that are being answered."),
        Family("convscope_log_lines_dropped", Kind.COUNTER, "Lines of the log that nobody took."),
    ),
)
BLOCKS = (REQUEST, VERSION, MODEL, POOL, ERROR, PROCESS)
