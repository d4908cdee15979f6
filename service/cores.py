"""Turns what the kernel allows into a number of cores, and that into threads: one rule, for all that computes.

The cores are those of the affinity mask, or fewer where the container has a CPU quota. Worker processes share them
evenly, and within a process both the arithmetic of a run and the decoding of pictures may use the whole share: they are
busy in turn more often than at once, and the kernel divides time between them when they are not. The share is at least
one thread, so more workers than cores compete.
"""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Cores that this process may use at once, at least 1; a quota of 1.5 counts as 2.

    Libraries count the host's cores instead, and then thrash inside a small container. Source: the kernel's
    documentation, `admin-guide/cgroup-v2.rst` (cpu.max) and `scheduler/sched-bwc.rst` (v1's cpu.cfs_quota_us).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def share_cores(workers: int, cores: int) -> int:
    """Threads that each of several processes takes, at least 1."""
    return max(1, cores // workers)


def _quota(cgroup: Path) -> float | None:
    """CPU time per wall time that the control group grants, or None where it sets no limit."""
    try:
        granted, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            granted = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not granted.isdecimal() or not period.isdecimal():  # "max", or -1: unlimited
        return None
    return int(granted) / int(period)
