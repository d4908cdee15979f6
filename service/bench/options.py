"""Turns what a person asks for into one frozen value: how many requests, when, and for how long."""

from dataclasses import dataclass
from enum import StrEnum

CLOSED_CONNECTIONS = 32
"""Of a closed loop where none are said."""

OPEN_CONNECTIONS = 512
"""Of an open loop, at most: half the files that Linux lets a process open. What finds none free waits for one."""


class Arrivals(StrEnum):
    """How an open loop spreads its requests over time."""

    CONSTANT = "constant"
    """Evenly."""
    POISSON = "poisson"
    """At random, each without regard to the others, as those of many people are."""


@dataclass(frozen=True)
class Load:
    """What a server is put under."""

    seconds: float
    """Of the measurement."""
    warmup: float
    """Seconds of the same load before it, which no figure counts."""
    timeout: float
    """Seconds after which a request is given up."""
    connections: int
    """At most, at a time."""
    rate: float | None = None
    """Requests per second, whatever the answers do (open loop); None: each connection sends its next request when the
    last was answered (closed loop)."""
    arrivals: Arrivals = Arrivals.CONSTANT
    """Of an open loop."""

    def describe(self) -> str:
        """One line for people."""
        if self.rate is None:
            loop = f"closed loop, {self.connections} connections"
        else:
            loop = f"open loop, {self.rate:g} requests/s ({self.arrivals}), at most {self.connections} connections"
        return f"{loop}, {self.seconds:g} s after {self.warmup:g} s of warm-up"
