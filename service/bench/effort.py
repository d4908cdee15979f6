"""Turns the kernel's accounts of this process into how busy the measuring kept it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_ACCOUNT = Path("/proc/self/schedstat")


@dataclass(frozen=True)
class Effort:
    """Up to a moment, or between two: all in seconds."""

    wall: float
    cpu: float
    waited: float
    """For a core that others had; 0 where the kernel doesn't say (not Linux)."""

    def __sub__(self, earlier: Self) -> "Effort":
        return Effort(self.wall - earlier.wall, self.cpu - earlier.cpu, self.waited - earlier.waited)

    @property
    def cpu_share(self) -> float:
        """Of one core, that was used."""
        return self.cpu / self.wall if self.wall > 0 else 0.0

    @property
    def waited_share(self) -> float:
        """Of the time, in which there was something to do but no core to do it on."""
        return self.waited / self.wall if self.wall > 0 else 0.0


def read_effort() -> Effort:
    """Up to now.

    Source: the kernel's documentation, `scheduler/sched-stats.rst`: the second number is the time spent waiting to run,
    in nanoseconds, of the main thread, which is the one that measures.
    """
    try:
        waited = int(_ACCOUNT.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        waited = 0.0
    return Effort(time.perf_counter(), time.process_time(), waited)
